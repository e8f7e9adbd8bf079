package io.flinkserving.metrics;

import java.util.Arrays;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.HistogramStatistics;

/**
 * Recent durations as a Flink metric: the last 65 536 to 131 072. Written by the task's thread;
 * reports read it while that goes on and may miss the latest.
 */
public final class LatencyHistogram implements Histogram {

    private static final int WINDOW = 1 << 16;

    private DurationHistogram current = new DurationHistogram();
    private volatile DurationHistogram before = new DurationHistogram();
    private int inWindow;
    private long count;

    @Override
    public void update(long nanos) {
        update(nanos, 1);
    }

    /** So many durations of the same length. */
    public void update(long nanos, int times) {
        current.add(nanos, times);
        count += times;
        inWindow += times;
        if (inWindow >= WINDOW) {
            before = current;
            current = new DurationHistogram();
            inWindow = 0;
        }
    }

    @Override
    public long getCount() {
        return count;
    }

    @Override
    public HistogramStatistics getStatistics() {
        long[] recent = current.toCounts();
        long[] older = before.toCounts();
        long[] sum = Arrays.copyOf(recent, Math.max(recent.length, older.length));
        for (int i = 0; i < older.length; i++) {
            sum[i] += older[i];
        }
        return new Statistics(sum);
    }

    private static final class Statistics extends HistogramStatistics {
        private final long[] counts;

        Statistics(long[] counts) {
            this.counts = counts;
        }

        @Override
        public double getQuantile(double share) {
            return DurationHistogram.quantile(counts, share);
        }

        /** One value per bucket that is not empty. */
        @Override
        public long[] getValues() {
            long[] values = new long[counts.length];
            int used = 0;
            for (int bucket = 0; bucket < counts.length; bucket++) {
                if (counts[bucket] > 0) {
                    values[used++] = (long) DurationHistogram.middle(bucket);
                }
            }
            return Arrays.copyOf(values, used);
        }

        @Override
        public int size() {
            return (int) Math.min(Integer.MAX_VALUE, Arrays.stream(counts).sum());
        }

        @Override
        public double getMean() {
            double sum = 0;
            long total = 0;
            for (int bucket = 0; bucket < counts.length; bucket++) {
                sum += counts[bucket] * DurationHistogram.middle(bucket);
                total += counts[bucket];
            }
            return total == 0 ? 0 : sum / total;
        }

        @Override
        public double getStdDev() {
            double mean = getMean();
            double sum = 0;
            long total = 0;
            for (int bucket = 0; bucket < counts.length; bucket++) {
                double off = DurationHistogram.middle(bucket) - mean;
                sum += counts[bucket] * off * off;
                total += counts[bucket];
            }
            return total == 0 ? 0 : Math.sqrt(sum / total);
        }

        @Override
        public long getMax() {
            return counts.length == 0 ? 0 : (long) DurationHistogram.middle(counts.length - 1);
        }

        @Override
        public long getMin() {
            for (int bucket = 0; bucket < counts.length; bucket++) {
                if (counts[bucket] > 0) {
                    return (long) DurationHistogram.middle(bucket);
                }
            }
            return 0;
        }
    }
}
