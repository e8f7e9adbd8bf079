package io.flinkserving.functions;

import io.flinkserving.options.ModelServingOptions;
import java.io.Serializable;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ReadableConfig;

/** The options as an operator uses them. */
final class ServingSettings implements Serializable {

    private static final long serialVersionUID = 1L;

    final String libraryPath;
    final long nativeMemory;
    final int maxCompiledModels;
    final int historySize;
    final int maxRecordSize;
    final long maxModelSize;
    final List<String> allowedLocations;
    final long flushInterval;
    final int loaderThreads;
    final int batchSize;
    final int maxErrorInput;
    final int metricsMaxModels;

    ServingSettings(ReadableConfig options) {
        libraryPath = options.getOptional(ModelServingOptions.LIBRARY_PATH).orElse(null);
        nativeMemory = options.get(ModelServingOptions.NATIVE_MEMORY).getBytes();
        maxCompiledModels = atLeast(1, options, ModelServingOptions.MAX_COMPILED_MODELS);
        historySize = atLeast(0, options, ModelServingOptions.HISTORY_SIZE);
        maxRecordSize = toInt(options.get(ModelServingOptions.MAX_RECORD_SIZE).getBytes());
        maxModelSize = options.get(ModelServingOptions.MAX_MODEL_SIZE).getBytes();
        allowedLocations = List.copyOf(options.get(ModelServingOptions.ALLOWED_LOCATIONS));
        flushInterval =
                Math.max(1, options.get(ModelServingOptions.STATS_FLUSH_INTERVAL).toMillis());
        loaderThreads = atLeast(1, options, ModelServingOptions.LOADER_THREADS);
        batchSize = atLeast(1, options, ModelServingOptions.BATCH_SIZE);
        maxErrorInput = maxErrorInput(options);
        metricsMaxModels = atLeast(0, options, ModelServingOptions.METRICS_MAX_MODELS);
    }

    static int maxErrorInput(ReadableConfig options) {
        return toInt(options.get(ModelServingOptions.MAX_ERROR_INPUT).getBytes());
    }

    /** The environment's values of our options, and over them the job's. */
    static Configuration merge(ReadableConfig environment, ReadableConfig job) {
        Configuration merged = new Configuration();
        for (ConfigOption<?> option : ModelServingOptions.all()) {
            copy(option, environment, merged);
            copy(option, job, merged);
        }
        return merged;
    }

    private static <T> void copy(ConfigOption<T> option, ReadableConfig from, Configuration to) {
        from.getOptional(option).ifPresent(value -> to.set(option, value));
    }

    private static int atLeast(int least, ReadableConfig options, ConfigOption<Integer> option) {
        int value = options.get(option);
        if (value < least) {
            throw new IllegalArgumentException(
                    option.key() + " is " + value + " but has to be at least " + least);
        }
        return value;
    }

    private static int toInt(long bytes) {
        return (int) Math.min(Integer.MAX_VALUE - 16, bytes);
    }
}
