package io.flinkserving.job;

import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.tools.CommandLine;
import io.flinkserving.tools.UsageException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.clients.producer.ProducerConfig;

/** The arguments of the serving jobs, read and checked. */
final class JobOptions {

    private static final String KAFKA = "kafka.";
    private static final String KAFKA_SOURCE = "kafka.source.";
    private static final String KAFKA_SINK = "kafka.sink.";
    private static final String SERVING = ModelServingOptions.PREFIX;

    private static final Duration DEFAULT_CHECKPOINT_INTERVAL = Duration.ofSeconds(10);

    /** The default of transaction.max.timeout.ms, above which a broker refuses a transaction. */
    private static final long BROKER_MAX_TRANSACTION_MILLIS = Duration.ofMinutes(15).toMillis();

    private static final int DEFAULT_MAX_REQUEST = 1024 * 1024;

    /** What a batch of one message adds to its key and value, generously. */
    private static final int MESSAGE_OVERHEAD = 512;

    private final CommandLine line;
    private final Configuration serving;

    private JobOptions(CommandLine line) {
        this.line = line;
        this.serving = readServing(line.group(SERVING));
    }

    /** All of them are checked here: a wrong one must not show itself in a running job. */
    static JobOptions parse(String program, String... arguments) {
        JobOptions options = new JobOptions(declared(program).parse(arguments));
        options.recordsFrom();
        options.modelsFrom();
        options.maxMessageBytes();
        options.sinkProperties();
        options.jobName();
        if (options.line.has("checkpoint-interval")) {
            options.line.getDuration("checkpoint-interval");
        }
        return options;
    }

    static CommandLine.Declared declared(String program) {
        return CommandLine.program(
                        "flink run [-d] [-p PARALLELISM] -c io.flinkserving.job."
                                + program
                                + " flink-serving-job-VERSION.jar [OPTIONS]",
                        "Scores the wine records of one Kafka topic with the models of another.")
                .option("bootstrap-servers", "HOST:PORT", "localhost:9092", "Kafka brokers")
                .option("data-topic", "TOPIC", "mdata", "records: WineRecord messages")
                .option("models-topic", "TOPIC", "models", "models: ModelDescriptor messages")
                .option("results-topic", "TOPIC", "results", "scores: ServingResult messages")
                .option(
                        "errors-topic",
                        "TOPIC",
                        "errors",
                        "records without a score and refused models: ServingError messages")
                .option("group-id", "NAME", "flink-serving", "consumer group of the records")
                .option(
                        "records-from",
                        "WHERE",
                        "committed",
                        "where a new job begins to read records: committed (else earliest), earliest,"
                                + " latest, or milliseconds since the epoch")
                .option(
                        "models-from",
                        "WHERE",
                        "earliest",
                        "likewise for models; from the earliest, a new job has all of them")
                .flag(
                        "exactly-once",
                        "write results and errors in transactions that a checkpoint commits; readers"
                                + " need isolation.level=read_committed. Else at least once")
                .option(
                        "checkpoint-interval",
                        "DURATION",
                        null,
                        "time between checkpoints, such as 500ms or 10s (default: Flink's own setting,"
                                + " else 10s)")
                .option("job-name", "NAME", program, "name of the job in Flink")
                .group(KAFKA_SOURCE, "VALUE", "Kafka property NAME of the sources alone")
                .group(KAFKA_SINK, "VALUE", "Kafka property NAME of the sinks alone")
                .group(KAFKA, "VALUE", "any Kafka property NAME, of sources and sinks")
                .group(
                        SERVING,
                        "VALUE",
                        ModelServingOptions.all().stream()
                                .map(option -> option.key().substring(SERVING.length()))
                                .sorted()
                                .collect(Collectors.joining(", ", "one of ", "")));
    }

    String bootstrapServers() {
        return line.get("bootstrap-servers");
    }

    String dataTopic() {
        return line.get("data-topic");
    }

    String modelsTopic() {
        return line.get("models-topic");
    }

    String resultsTopic() {
        return line.get("results-topic");
    }

    String errorsTopic() {
        return line.get("errors-topic");
    }

    String groupId() {
        return line.get("group-id");
    }

    String jobName() {
        return line.get("job-name");
    }

    OffsetsInitializer recordsFrom() {
        return from("records-from");
    }

    OffsetsInitializer modelsFrom() {
        return from("models-from");
    }

    private OffsetsInitializer from(String option) {
        String where = line.get(option);
        switch (where) {
            case "committed":
                return OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST);
            case "earliest":
                return OffsetsInitializer.earliest();
            case "latest":
                return OffsetsInitializer.latest();
            default:
                try {
                    long time = Long.parseLong(where);
                    if (time >= 0) {
                        return OffsetsInitializer.timestamp(time);
                    }
                } catch (NumberFormatException e) {
                    // Said below.
                }
                throw new UsageException(
                        "option --"
                                + option
                                + " is committed, earliest, latest or milliseconds since the epoch,"
                                + " not "
                                + where);
        }
    }

    DeliveryGuarantee guarantee() {
        return line.has("exactly-once")
                ? DeliveryGuarantee.EXACTLY_ONCE
                : DeliveryGuarantee.AT_LEAST_ONCE;
    }

    /** Given here, else in Flink's configuration, else 10 seconds. */
    Duration checkpointInterval(ReadableConfig flink) {
        Duration interval =
                line.has("checkpoint-interval")
                        ? line.getDuration("checkpoint-interval")
                        : flink.getOptional(CheckpointingOptions.CHECKPOINTING_INTERVAL)
                                .orElse(DEFAULT_CHECKPOINT_INTERVAL);
        if (interval.toMillis() < 10) {
            throw new UsageException(
                    "the checkpoint interval is at least 10ms, not "
                            + interval.toMillis()
                            + "ms: offsets and results are only committed by checkpoints");
        }
        return interval;
    }

    Properties sourceProperties() {
        Map<String, String> given = kafka(KAFKA_SOURCE);
        if (guarantee() == DeliveryGuarantee.EXACTLY_ONCE) {
            given.putIfAbsent(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        }
        return properties(given);
    }

    Properties sinkProperties() {
        Map<String, String> given = kafka(KAFKA_SINK);
        if (guarantee() == DeliveryGuarantee.EXACTLY_ONCE) {
            given.putIfAbsent(
                    ProducerConfig.TRANSACTION_TIMEOUT_CONFIG,
                    Long.toString(BROKER_MAX_TRANSACTION_MILLIS));
        }
        return properties(given);
    }

    /** Most bytes of a message, with its key, that the producer takes. */
    int maxMessageBytes() {
        String text = kafka(KAFKA_SINK).get(ProducerConfig.MAX_REQUEST_SIZE_CONFIG);
        if (text == null) {
            return DEFAULT_MAX_REQUEST - MESSAGE_OVERHEAD;
        }
        try {
            int bytes = Integer.parseInt(text.trim());
            if (bytes >= 64 * MESSAGE_OVERHEAD) {
                return bytes - MESSAGE_OVERHEAD;
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new UsageException(
                "Kafka property max.request.size is at least "
                        + 64 * MESSAGE_OVERHEAD
                        + " bytes, not "
                        + text);
    }

    /** What was given of {@link ModelServingOptions}. */
    Configuration serving() {
        return serving;
    }

    private Map<String, String> kafka(String side) {
        Map<String, String> all = new LinkedHashMap<>();
        line.group(KAFKA)
                .forEach(
                        (name, value) -> {
                            if (!(KAFKA + name).startsWith(KAFKA_SOURCE)
                                    && !(KAFKA + name).startsWith(KAFKA_SINK)) {
                                all.put(name, value);
                            }
                        });
        all.putAll(line.group(side));
        return all;
    }

    private static Properties properties(Map<String, String> values) {
        Properties properties = new Properties();
        values.forEach(properties::setProperty);
        return properties;
    }

    private static Configuration readServing(Map<String, String> given) {
        Map<String, ConfigOption<?>> known =
                ModelServingOptions.all().stream()
                        .collect(Collectors.toMap(ConfigOption::key, option -> option));
        Configuration values = new Configuration();
        given.forEach(
                (name, text) -> {
                    ConfigOption<?> option =
                            Optional.ofNullable(known.get(SERVING + name))
                                    .orElseThrow(
                                            () ->
                                                    new UsageException(
                                                            "unknown option --"
                                                                    + SERVING
                                                                    + name
                                                                    + "; --help lists the options"));
                    set(option, text, values);
                });
        return values;
    }

    private static <T> void set(ConfigOption<T> option, String text, Configuration values) {
        try {
            Configuration one = Configuration.fromMap(Map.of(option.key(), text));
            values.set(option, one.get(option));
        } catch (RuntimeException e) {
            throw new UsageException(
                    "option --" + option.key() + " can't be " + text + ": " + reason(e));
        }
    }

    private static String reason(Throwable failure) {
        return failure.getCause() == null ? failure.getMessage() : reason(failure.getCause());
    }
}
