package io.flinkserving.model;

import io.flinkserving.metrics.DurationHistogram;
import io.flinkserving.state.ServingTypes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.apache.flink.api.common.typeinfo.TypeInfo;

/**
 * What one version of a model did for one data type, and how the data type is served now.
 * Immutable; the value of the queryable state {@link
 * io.flinkserving.functions.DataProcessorKeyed#STATS_QUERYABLE_NAME}.
 */
@TypeInfo(ServingTypes.OfStats.class)
public final class ModelToServeStats {

    /** How a data type is served. The order is part of the state format. */
    public enum Status {
        /** The model of these stats scores. */
        SERVING,
        /** A newer model is being loaded; the one of these stats, if any served, scores. */
        LOADING,
        /** Records are answered with MODEL_SUSPENDED. */
        SUSPENDED,
        /** The last model was not taken; the one of these stats, if any served, scores. */
        FAILED,
        /** No model serves. In {@link #previous()}: this version does not serve any more. */
        RETIRED
    }

    private final String dataType;
    private final String name;
    private final String version;
    private final String description;
    private final int type;
    private final long since;
    private final long usage;
    private final long errors;
    private final long minNanos;
    private final long maxNanos;
    private final long sumNanos;
    private final long[] histogram;
    private final Status status;
    private final String lastError;
    private final List<ModelToServeStats> previous;

    private ModelToServeStats(Builder builder) {
        dataType = Objects.requireNonNull(builder.dataType);
        name = Objects.requireNonNull(builder.name);
        version = Objects.requireNonNull(builder.version);
        description = Objects.requireNonNull(builder.description);
        type = builder.type;
        since = builder.since;
        usage = builder.usage;
        errors = builder.errors;
        minNanos = builder.minNanos;
        maxNanos = builder.maxNanos;
        sumNanos = builder.sumNanos;
        histogram = builder.histogram;
        status = Objects.requireNonNull(builder.status);
        lastError = Objects.requireNonNull(builder.lastError);
        previous = List.copyOf(builder.previous);
    }

    public static Builder builder() {
        return new Builder();
    }

    public Builder toBuilder() {
        return new Builder(this);
    }

    public String dataType() {
        return dataType;
    }

    /** Of the model that serves; of the one that is being loaded or failed while none serves. */
    public String name() {
        return name;
    }

    public String version() {
        return version;
    }

    public String description() {
        return description;
    }

    /** Number of the model type. */
    public int type() {
        return type;
    }

    /** Since when it serves, milliseconds since the epoch; 0: it does not yet. */
    public long since() {
        return since;
    }

    /** Records that it scored. */
    public long usage() {
        return usage;
    }

    /** Records that it could not score. */
    public long errors() {
        return errors;
    }

    /** Shortest time of a score, nanoseconds; 0 before the first. */
    public long minNanos() {
        return minNanos;
    }

    public long maxNanos() {
        return maxNanos;
    }

    public long sumNanos() {
        return sumNanos;
    }

    public double meanNanos() {
        return usage == 0 ? 0 : (double) sumNanos / usage;
    }

    /**
     * @param share 0.99 for the 99th percentile
     * @return nanoseconds, off by at most 1/16
     */
    public double quantileNanos(double share) {
        double middle = DurationHistogram.quantile(histogram, share);
        return Math.max(minNanos, Math.min(maxNanos, middle));
    }

    /** Counts by bucket of {@link DurationHistogram}; a copy. */
    public long[] histogram() {
        return histogram.clone();
    }

    public Status status() {
        return status;
    }

    /** Why the last model was not taken, "CODE: reason"; empty when it was. */
    public String lastError() {
        return lastError;
    }

    /**
     * Versions that served this data type before, the latest first, as many as the history holds.
     * They have no previous ones themselves.
     */
    public List<ModelToServeStats> previous() {
        return previous;
    }

    /** Whether both are about the same version of the same model for the same data type. */
    public boolean isSameVersion(ModelToServeStats other) {
        return dataType.equals(other.dataType)
                && name.equals(other.name)
                && version.equals(other.version);
    }

    /**
     * Both together: what two subtasks counted for the same version. Status and last error are
     * those of this one.
     */
    public ModelToServeStats plus(ModelToServeStats other) {
        Builder sum = toBuilder();
        sum.usage += other.usage;
        sum.errors += other.errors;
        sum.sumNanos += other.sumNanos;
        sum.maxNanos = Math.max(maxNanos, other.maxNanos);
        sum.minNanos = usage == 0 ? other.minNanos : minNanos;
        if (usage != 0 && other.usage != 0) {
            sum.minNanos = Math.min(minNanos, other.minNanos);
        }
        if (since == 0 || other.since != 0 && other.since < since) {
            sum.since = other.since;
        }
        sum.histogram =
                Arrays.copyOf(histogram, Math.max(histogram.length, other.histogram.length));
        for (int i = 0; i < other.histogram.length; i++) {
            sum.histogram[i] += other.histogram[i];
        }
        sum.previous = merge(previous, other.previous);
        return sum.build();
    }

    private static List<ModelToServeStats> merge(
            List<ModelToServeStats> ours, List<ModelToServeStats> theirs) {
        List<ModelToServeStats> merged = new ArrayList<>(ours);
        for (ModelToServeStats their : theirs) {
            int at = 0;
            while (at < merged.size() && !merged.get(at).isSameVersion(their)) {
                at++;
            }
            if (at < merged.size()) {
                merged.set(at, merged.get(at).plus(their));
            } else {
                merged.add(their);
            }
        }
        return merged;
    }

    @Override
    public boolean equals(Object other) {
        if (this == other) {
            return true;
        }
        if (!(other instanceof ModelToServeStats)) {
            return false;
        }
        ModelToServeStats that = (ModelToServeStats) other;
        return isSameVersion(that)
                && description.equals(that.description)
                && type == that.type
                && since == that.since
                && usage == that.usage
                && errors == that.errors
                && minNanos == that.minNanos
                && maxNanos == that.maxNanos
                && sumNanos == that.sumNanos
                && Arrays.equals(histogram, that.histogram)
                && status == that.status
                && lastError.equals(that.lastError)
                && previous.equals(that.previous);
    }

    @Override
    public int hashCode() {
        return Objects.hash(dataType, name, version, since, usage, errors, sumNanos, status);
    }

    @Override
    public String toString() {
        return String.format(
                "%s %s for %s: %s since %d, %d scored, %d failed, mean %.0f ns%s",
                name,
                version,
                dataType,
                status,
                since,
                usage,
                errors,
                meanNanos(),
                lastError.isEmpty() ? "" : ", " + lastError);
    }

    /** Makes stats; everything is empty, 0 or RETIRED until it is set. */
    public static final class Builder {
        private String dataType = "";
        private String name = "";
        private String version = "";
        private String description = "";
        private int type;
        private long since;
        private long usage;
        private long errors;
        private long minNanos;
        private long maxNanos;
        private long sumNanos;
        private long[] histogram = {};
        private Status status = Status.RETIRED;
        private String lastError = "";
        private List<ModelToServeStats> previous = List.of();

        private Builder() {}

        private Builder(ModelToServeStats stats) {
            dataType = stats.dataType;
            name = stats.name;
            version = stats.version;
            description = stats.description;
            type = stats.type;
            since = stats.since;
            usage = stats.usage;
            errors = stats.errors;
            minNanos = stats.minNanos;
            maxNanos = stats.maxNanos;
            sumNanos = stats.sumNanos;
            histogram = stats.histogram;
            status = stats.status;
            lastError = stats.lastError;
            previous = stats.previous;
        }

        public Builder dataType(String value) {
            dataType = value;
            return this;
        }

        public Builder model(String modelName, String modelVersion, int modelType, String text) {
            name = modelName;
            version = modelVersion;
            type = modelType;
            description = text;
            return this;
        }

        public Builder since(long value) {
            since = value;
            return this;
        }

        public Builder counts(long scored, long failed) {
            usage = scored;
            errors = failed;
            return this;
        }

        /**
         * @param counts by bucket of {@link DurationHistogram}, without zeros at the end; not
         *     copied
         */
        public Builder durations(long min, long max, long sum, long[] counts) {
            minNanos = min;
            maxNanos = max;
            sumNanos = sum;
            histogram = counts;
            return this;
        }

        public Builder status(Status value, String error) {
            status = value;
            lastError = error;
            return this;
        }

        public Builder previous(List<ModelToServeStats> value) {
            previous = value;
            return this;
        }

        public ModelToServeStats build() {
            return new ModelToServeStats(this);
        }
    }
}
