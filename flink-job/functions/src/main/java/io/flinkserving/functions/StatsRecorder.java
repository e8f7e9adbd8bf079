package io.flinkserving.functions;

import io.flinkserving.metrics.DurationHistogram;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ModelToServeStats;

/** Counts what one version of a model does; the part of the stats that changes with each record. */
final class StatsRecorder {

    private final ModelToServeStats base;
    private final DurationHistogram histogram;
    private long usage;
    private long errors;
    private long min;
    private long max;
    private long sum;

    /**
     * @param base counts so far; how the data type is served is not taken from it
     */
    StatsRecorder(ModelToServeStats base) {
        this.base = base;
        usage = base.usage();
        errors = base.errors();
        min = usage == 0 ? Long.MAX_VALUE : base.minNanos();
        max = base.maxNanos();
        sum = base.sumNanos();
        histogram = new DurationHistogram(base.histogram());
    }

    static ModelToServeStats.Builder statsOf(ModelToServe model, String dataType) {
        return ModelToServeStats.builder()
                .dataType(dataType)
                .model(model.name(), model.version(), model.type(), model.description());
    }

    void scored(long nanos) {
        scored(nanos, 1);
    }

    /** So many records, each of which took so long. */
    void scored(long nanos, long records) {
        usage += records;
        sum += nanos * records;
        if (nanos < min) {
            min = nanos;
        }
        if (nanos > max) {
            max = nanos;
        }
        histogram.add(nanos, records);
    }

    void failed() {
        errors++;
    }

    /** All counts so far, of a version that is retired until somebody says otherwise. */
    ModelToServeStats.Builder toStats() {
        return base.toBuilder()
                .counts(usage, errors)
                .durations(usage == 0 ? 0 : min, max, sum, histogram.toCounts());
    }
}
