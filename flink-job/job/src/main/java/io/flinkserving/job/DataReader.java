package io.flinkserving.job;

import io.flinkserving.tools.CommandLine;
import io.flinkserving.tools.MessageFormat;
import io.flinkserving.tools.Program;
import io.flinkserving.tools.TopicReader;
import io.flinkserving.tools.Topics;
import io.flinkserving.tools.UsageException;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;

/** Shows what is in the topics of a serving job. */
public final class DataReader {

    private static final long LAST = 10;

    private DataReader() {}

    static CommandLine.Declared declared() {
        return CommandLine.program(
                        "java -cp flink-serving-tools-VERSION.jar"
                                + " io.flinkserving.job.DataReader [OPTIONS]",
                        "Shows the last messages of each partition of the topics: records, models,"
                                + " results, errors.")
                .option("bootstrap-servers", "HOST:PORT", "localhost:9092", "Kafka brokers")
                .option("data-topic", "TOPIC", "mdata", "topic of the records")
                .option("models-topic", "TOPIC", "models", "topic of the models")
                .option("results-topic", "TOPIC", "results", "topic of the results")
                .option("errors-topic", "TOPIC", "errors", "topic of the errors")
                .option("topic", "TOPIC", null, "show this one alone (default: those that exist)")
                .option(
                        "kind",
                        "KIND",
                        null,
                        "what --topic holds when it is none of the four: record, model, result or error")
                .flag("from-beginning", "show all messages, not the last ones")
                .option(
                        "limit",
                        "N",
                        null,
                        "end after N messages; without --from-beginning and --follow: so many of each"
                                + " partition (default 10)")
                .flag("follow", "go on with new messages until interrupted")
                .flag("uncommitted", "show messages of open and aborted transactions too")
                .flag("json", "one JSON object per message")
                .group("kafka.", "VALUE", "any Kafka property NAME");
    }

    public static void main(String[] arguments) {
        Program.main(declared(), arguments, DataReader::run);
    }

    static void run(CommandLine options) throws Exception {
        Properties kafka = Topics.properties(options);
        Map<String, MessageFormat> topics = topics(options, kafka);
        TopicReader.Plan plan = new TopicReader.Plan();
        plan.topics = topics;
        plan.follow = options.has("follow");
        plan.committed = !options.has("uncommitted");
        plan.json = options.has("json");
        boolean tail = !options.has("from-beginning");
        long limit = options.has("limit") ? options.getLong("limit", 1) : Long.MAX_VALUE;
        if (!tail) {
            plan.last = -1;
            plan.limit = limit;
        } else if (plan.follow) {
            plan.last = 0;
            plan.limit = limit;
        } else {
            plan.last = options.has("limit") ? limit : LAST;
        }
        long shown = TopicReader.read(plan, kafka, System.out);
        if (shown == 0) {
            System.err.println("no messages in " + String.join(", ", topics.keySet()));
        }
    }

    private static Map<String, MessageFormat> topics(CommandLine options, Properties kafka)
            throws IOException, InterruptedException {
        Map<String, MessageFormat> known = new LinkedHashMap<>();
        known.put(options.get("data-topic"), MessageFormat.RECORD);
        known.put(options.get("models-topic"), MessageFormat.MODEL);
        known.put(options.get("results-topic"), MessageFormat.RESULT);
        known.put(options.get("errors-topic"), MessageFormat.ERROR);
        if (options.has("kind") && !options.has("topic")) {
            throw new UsageException("option --kind goes with --topic");
        }
        if (options.has("topic")) {
            String topic = options.get("topic");
            MessageFormat format =
                    options.has("kind") ? kind(options.get("kind")) : known.get(topic);
            if (format == null) {
                throw new UsageException("topic " + topic + " is not known: give --kind");
            }
            Topics.require(kafka, Set.of(topic));
            return Map.of(topic, format);
        }
        known.keySet().retainAll(Topics.all(kafka));
        if (known.isEmpty()) {
            throw new IOException(
                    "Kafka at " + options.get("bootstrap-servers") + " has none of the topics");
        }
        return known;
    }

    private static MessageFormat kind(String name) {
        for (MessageFormat format : MessageFormat.values()) {
            if (format.name().equals(name.toUpperCase(Locale.ROOT))) {
                return format;
            }
        }
        throw new UsageException("option --kind is record, model, result or error, not " + name);
    }
}
