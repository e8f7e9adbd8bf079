package io.flinkserving.metrics;

import java.util.HashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;

/** The metrics of one subtask; see {@link MetricNames}. */
public final class ServingMetrics {

    public final Counter notServed;
    public final Counter unreadable;
    public final Counter rejectedModels;
    public final Counter evictions;

    private final MetricGroup group;
    private final int maxModels;
    private final Map<String, ModelMetrics> models = new HashMap<>();
    private ModelMetrics others;

    public ServingMetrics(MetricGroup operator, int maxModels) {
        this.group = operator.addGroup(MetricNames.GROUP);
        this.maxModels = maxModels;
        notServed = group.counter(MetricNames.NOT_SERVED);
        unreadable = group.counter(MetricNames.UNREADABLE);
        rejectedModels = group.counter(MetricNames.REJECTED_MODELS);
        evictions = group.counter(MetricNames.EVICTIONS);
    }

    /** Registers what is read when somebody asks; the suppliers are called by any thread. */
    public void register(LongSupplier nativeBytes, LongSupplier compiledModels) {
        Gauge<Long> bytes = nativeBytes::getAsLong;
        Gauge<Long> count = compiledModels::getAsLong;
        group.gauge(MetricNames.NATIVE_BYTES, bytes);
        group.gauge(MetricNames.COMPILED_MODELS, count);
    }

    /** Metrics of the models of this name. */
    public ModelMetrics forModel(String name) {
        ModelMetrics known = models.get(name);
        if (known != null) {
            return known;
        }
        if (models.size() >= maxModels) {
            if (others == null) {
                others = create(MetricNames.OTHER_MODELS);
            }
            return others;
        }
        ModelMetrics created = create(name);
        models.put(name, created);
        return created;
    }

    private ModelMetrics create(String name) {
        return new ModelMetrics(group.addGroup(MetricNames.MODEL, name));
    }

    /** The metrics of one model name. */
    public static final class ModelMetrics {
        public final Counter records;
        public final Counter errors;
        public final Counter loads;
        public final Counter failedLoads;
        public final Counter swaps;
        public final LatencyHistogram latency;

        ModelMetrics(MetricGroup group) {
            records = group.counter(MetricNames.RECORDS);
            errors = group.counter(MetricNames.ERRORS);
            loads = group.counter(MetricNames.LOADS);
            failedLoads = group.counter(MetricNames.FAILED_LOADS);
            swaps = group.counter(MetricNames.SWAPS);
            latency = group.histogram(MetricNames.LATENCY, new LatencyHistogram());
        }
    }
}
