package io.flinkserving.job;

import io.flinkserving.example.wine.WineExample;
import io.flinkserving.tools.CommandLine;
import io.flinkserving.tools.ModelCommand;
import io.flinkserving.tools.Program;
import io.flinkserving.tools.Publisher;
import io.flinkserving.tools.Topics;
import io.flinkserving.tools.Traffic;
import io.flinkserving.tools.UsageException;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.WineRecord;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Collectors;

/**
 * Publishes wine records and, in turn, models; or one model, or a command about one. The key of a
 * record's message is its running number, so whoever has the data can tell which result is right.
 */
public final class DataProvider {

    private static final Duration FOREVER_MODEL_INTERVAL = Duration.ofSeconds(10);

    private DataProvider() {}

    static CommandLine.Declared declared() {
        CommandLine.Declared declared =
                CommandLine.program(
                                "java -cp flink-serving-tools-VERSION.jar"
                                        + " io.flinkserving.job.DataProvider [OPTIONS]",
                                "Publishes wine records and, in turn, all models; with one of --publish,"
                                        + " --publish-location, --remove, --suspend, --resume or"
                                        + " --rollback only that.")
                        .option("bootstrap-servers", "HOST:PORT", "localhost:9092", "Kafka brokers")
                        .option("data-topic", "TOPIC", "mdata", "where records go")
                        .option("models-topic", "TOPIC", "models", "where models go")
                        .option("data-type", "NAME", "wine", "data type of records and models")
                        .option(
                                "data",
                                "FILE",
                                null,
                                "records, as CSV with ; or , and with or without a header (default: the"
                                        + " example in the jar); from the start again when it ends")
                        .option(
                                "models",
                                "DIR",
                                null,
                                "models: those of its models.json, else all model files (default: the"
                                        + " examples in the jar)")
                        .flag("no-models", "publish records only")
                        .option("records", "N", "10000", "how many records")
                        .option("first", "N", "0", "number of the first record")
                        .option("rate", "R", "500", "records per second; 0: as fast as it goes")
                        .option(
                                "model-interval",
                                "DURATION",
                                null,
                                "time from one model to the next (default: spread over the records, with"
                                        + " --forever 10s)")
                        .option(
                                "lead",
                                "DURATION",
                                "2s",
                                "time from the first model to the first record, for it to be loaded")
                        .flag("forever", "go on until interrupted, with the models in turn");
        ModelCommand.declare(declared);
        return declared.group("kafka.", "VALUE", "any Kafka property NAME");
    }

    public static void main(String[] arguments) {
        Program.main(declared(), arguments, DataProvider::run);
    }

    static void run(CommandLine options) throws Exception {
        Properties kafka = Topics.properties(options);
        Optional<ModelDescriptor> command = ModelCommand.read(options);
        String modelsTopic = options.get("models-topic");
        if (command.isPresent()) {
            Topics.require(kafka, List.of(modelsTopic));
            try (Publisher publisher = new Publisher(kafka)) {
                publisher.model(modelsTopic, command.get());
            }
            System.out.println(
                    "published to " + modelsTopic + ": " + ModelCommand.describe(command.get()));
            return;
        }
        traffic(options, kafka);
    }

    private static void traffic(CommandLine options, Properties kafka) throws Exception {
        String dataType = options.get("data-type");
        Traffic.Plan plan = new Traffic.Plan();
        plan.dataTopic = options.get("data-topic");
        plan.modelsTopic = options.get("models-topic");
        plan.forever = options.has("forever");
        if (plan.forever && options.has("records")) {
            throw new UsageException("options --records and --forever exclude each other");
        }
        plan.records = plan.forever ? Long.MAX_VALUE : options.getLong("records", 0);
        plan.first = options.getLong("first", 0);
        plan.rate = options.getDouble("rate", 0);
        plan.lead = options.getDuration("lead");
        if (options.has("model-interval")) {
            plan.modelInterval = options.getDuration("model-interval");
            if (plan.modelInterval.isZero()) {
                throw new UsageException("option --model-interval is more than 0s");
            }
        } else if (plan.forever) {
            plan.modelInterval = FOREVER_MODEL_INTERVAL;
        }
        plan.models = options.has("no-models") ? List.of() : models(options, dataType);
        List<WineRecord> records =
                options.has("data")
                        ? WineExample.records(Path.of(options.get("data")), dataType)
                        : WineExample.records(dataType);
        plan.content = records.stream().map(WineRecord::toByteArray).collect(Collectors.toList());

        List<String> topics = new ArrayList<>(List.of(plan.dataTopic));
        if (!plan.models.isEmpty()) {
            topics.add(plan.modelsTopic);
        }
        Topics.require(kafka, topics);
        Map<String, String> said = new LinkedHashMap<>();
        said.put("records", plan.forever ? "without end" : Long.toString(plan.records));
        said.put("rate", plan.rate == 0 ? "unlimited" : trim(plan.rate) + "/s");
        said.put("models", Integer.toString(plan.models.size()));
        System.out.println("publishing " + said);
        try (Publisher publisher = new Publisher(kafka)) {
            new Traffic(plan, publisher, System.out::println).run();
        }
    }

    private static List<ModelDescriptor> models(CommandLine options, String dataType)
            throws Exception {
        return options.has("models")
                ? WineExample.models(Path.of(options.get("models")), dataType)
                : WineExample.models(dataType);
    }

    private static String trim(double value) {
        return value == Math.rint(value)
                ? Long.toString((long) value)
                : String.format(Locale.ROOT, "%.2f", value);
    }
}
