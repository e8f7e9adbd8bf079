package io.flinkserving.options;

import java.time.Duration;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;

/** All options of model serving. They may stand in Flink's configuration or be given to the job. */
public final class ModelServingOptions {

    /** What all keys begin with. */
    public static final String PREFIX = "model-serving.";

    public static final ConfigOption<String> LIBRARY_PATH =
            ConfigOptions.key(PREFIX + "library-path")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "File of the native library on every TaskManager. Not set: it is looked for in"
                                    + " java.library.path, then in the job's jar.");

    public static final ConfigOption<MemorySize> NATIVE_MEMORY =
            ConfigOptions.key(PREFIX + "native-memory")
                    .memoryType()
                    .defaultValue(MemorySize.ofMebiBytes(512))
                    .withDescription(
                            "Most native memory that the compiled models of one job may occupy in one"
                                    + " TaskManager. Models used least recently give way; a model that still"
                                    + " does not fit is refused. Flink does not see this memory: make"
                                    + " taskmanager.memory.task.off-heap.size larger by it.");

    public static final ConfigOption<Integer> MAX_COMPILED_MODELS =
            ConfigOptions.key(PREFIX + "max-compiled-models")
                    .intType()
                    .defaultValue(10_000)
                    .withDescription(
                            "Most models that one subtask keeps compiled; those used least recently give way"
                                    + " and are compiled again when a record needs them.");

    public static final ConfigOption<Integer> HISTORY_SIZE =
            ConfigOptions.key(PREFIX + "history-size")
                    .intType()
                    .defaultValue(10)
                    .withDescription(
                            "How many previous models of each data type state holds, to be rolled back to.");

    public static final ConfigOption<MemorySize> MAX_RECORD_SIZE =
            ConfigOptions.key(PREFIX + "max-record-size")
                    .memoryType()
                    .defaultValue(MemorySize.ofMebiBytes(4))
                    .withDescription(
                            "Most bytes of one record, or of one result; larger ones fail with"
                                    + " RECORD_TOO_LARGE.");

    public static final ConfigOption<MemorySize> MAX_MODEL_SIZE =
            ConfigOptions.key(PREFIX + "max-model-size")
                    .memoryType()
                    .defaultValue(MemorySize.ofMebiBytes(256))
                    .withDescription("Most bytes of one model, inline or at its location.");

    public static final ConfigOption<List<String>> ALLOWED_LOCATIONS =
            ConfigOptions.key(PREFIX + "allowed-locations")
                    .stringType()
                    .asList()
                    .defaultValues()
                    .withDescription(
                            "Roots under which models may be read by location, each a URI with its scheme"
                                    + " such as file:///models or s3://bucket/models. None: locations are"
                                    + " refused.");

    public static final ConfigOption<Duration> STATS_FLUSH_INTERVAL =
            ConfigOptions.key(PREFIX + "stats.flush-interval")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(1))
                    .withDescription(
                            "How old the stats that a query sees may be. Each checkpoint has exact stats"
                                    + " whatever the interval.");

    public static final ConfigOption<Integer> LOADER_THREADS =
            ConfigOptions.key(PREFIX + "loader-threads")
                    .intType()
                    .defaultValue(1)
                    .withDescription("Threads of each subtask that read and compile models.");

    public static final ConfigOption<Integer> BATCH_SIZE =
            ConfigOptions.key(PREFIX + "batch-size")
                    .intType()
                    .defaultValue(256)
                    .withDescription(
                            "Most records that are scored in one call of the library, and that cross"
                                    + " the network in one block. They are collected for some"
                                    + " milliseconds at most, and never over a checkpoint, a watermark"
                                    + " or a model message. 1: each by itself.");

    public static final ConfigOption<MemorySize> MAX_ERROR_INPUT =
            ConfigOptions.key(PREFIX + "errors.max-input")
                    .memoryType()
                    .defaultValue(MemorySize.parse("64kb"))
                    .withDescription(
                            "Most bytes of a failed record or model message that its error carries. 0: none.");

    public static final ConfigOption<Integer> METRICS_MAX_MODELS =
            ConfigOptions.key(PREFIX + "metrics.max-models")
                    .intType()
                    .defaultValue(100)
                    .withDescription(
                            "Most model names with metrics of their own in one subtask; further names share"
                                    + " the name 'other'. Flink keeps metrics as long as the task runs.");

    private ModelServingOptions() {}

    /** Every option of this class. */
    public static List<ConfigOption<?>> all() {
        return List.of(
                LIBRARY_PATH,
                NATIVE_MEMORY,
                MAX_COMPILED_MODELS,
                HISTORY_SIZE,
                MAX_RECORD_SIZE,
                MAX_MODEL_SIZE,
                ALLOWED_LOCATIONS,
                STATS_FLUSH_INTERVAL,
                LOADER_THREADS,
                BATCH_SIZE,
                MAX_ERROR_INPUT,
                METRICS_MAX_MODELS);
    }
}
