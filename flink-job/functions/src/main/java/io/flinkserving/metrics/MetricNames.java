package io.flinkserving.metrics;

/** Names of all metrics. Those of a model are in a group {@code modelServing.model.NAME}. */
public final class MetricNames {

    /** Group of all metrics. */
    public static final String GROUP = "modelServing";

    /** Key of the group of one model; its value is the model's name. */
    public static final String MODEL = "model";

    /** Value of {@link #MODEL} for the names beyond {@code model-serving.metrics.max-models}. */
    public static final String OTHER_MODELS = "other";

    /** Counter, per model: records that have a score. */
    public static final String RECORDS = "records";

    /** Counter, per model: records that the model could not score. */
    public static final String ERRORS = "errors";

    /** Histogram, per model: nanoseconds inside the scoring library. */
    public static final String LATENCY = "latencyNanos";

    /** Counter, per model: models loaded, again after eviction or restore included. */
    public static final String LOADS = "loads";

    /** Counter, per model: models that were not taken. */
    public static final String FAILED_LOADS = "failedLoads";

    /** Counter, per model: how often it took over a data type. */
    public static final String SWAPS = "swaps";

    /** Counter: records without a score because no model serves, or it is suspended. */
    public static final String NOT_SERVED = "recordsNotServed";

    /** Counter: records that could not be read or name no data type. */
    public static final String UNREADABLE = "recordsUnreadable";

    /** Counter: model messages that were not taken. */
    public static final String REJECTED_MODELS = "modelsRejected";

    /** Gauge: bytes that the compiled models of this subtask occupy. */
    public static final String NATIVE_BYTES = "nativeBytes";

    /** Gauge: models that this subtask keeps compiled. */
    public static final String COMPILED_MODELS = "compiledModels";

    /** Counter: compiled models that gave way to others. */
    public static final String EVICTIONS = "evictions";

    private MetricNames() {}
}
