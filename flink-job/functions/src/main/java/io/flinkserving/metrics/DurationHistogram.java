package io.flinkserving.metrics;

import java.util.Arrays;

/**
 * Counts of durations in buckets whose width grows with the duration: exact below 16 ns, then 8
 * buckets for each doubling, so that a quantile is off by at most 1/16. It grows as far as the
 * longest duration, to 488 buckets at most. Not synchronized.
 */
public final class DurationHistogram {

    private static final int EXACT = 16;
    private static final int EXACT_BITS = 4;
    private static final int STEP_BITS = 3;

    /** Buckets that the longest possible duration needs. */
    public static final int MAX_BUCKETS = bucket(Long.MAX_VALUE) + 1;

    private long[] counts;

    public DurationHistogram() {
        this(new long[64]);
    }

    /**
     * @param counts by bucket, not copied
     */
    public DurationHistogram(long[] counts) {
        this.counts = counts;
    }

    public void add(long nanos) {
        add(nanos, 1);
    }

    /** So many durations of the same length. */
    public void add(long nanos, long times) {
        int bucket = bucket(nanos);
        if (bucket >= counts.length) {
            counts = Arrays.copyOf(counts, Math.min(MAX_BUCKETS, bucket + bucket / 2 + 8));
        }
        counts[bucket] += times;
    }

    /** Counts by bucket without empty ones at the end; a copy. */
    public long[] toCounts() {
        int length = counts.length;
        while (length > 0 && counts[length - 1] == 0) {
            length--;
        }
        return Arrays.copyOf(counts, length);
    }

    /** The duration below which this share of all durations lies, in nanoseconds; 0 without any. */
    public static double quantile(long[] counts, double share) {
        long total = 0;
        for (long count : counts) {
            total += count;
        }
        double rank = Math.max(1, Math.ceil(share * total));
        long seen = 0;
        for (int bucket = 0; bucket < counts.length; bucket++) {
            seen += counts[bucket];
            if (seen >= rank) {
                return middle(bucket);
            }
        }
        return 0;
    }

    /** Bucket of a duration; a negative one counts as 0. */
    public static int bucket(long nanos) {
        if (nanos < EXACT) {
            return (int) Math.max(0, nanos);
        }
        int exponent = 63 - Long.numberOfLeadingZeros(nanos);
        int step = (int) (nanos >>> exponent - STEP_BITS) & (1 << STEP_BITS) - 1;
        return EXACT + (exponent - EXACT_BITS << STEP_BITS) + step;
    }

    static double middle(int bucket) {
        if (bucket < EXACT) {
            return bucket;
        }
        int exponent = (bucket - EXACT >> STEP_BITS) + EXACT_BITS;
        long step = bucket - EXACT & (1 << STEP_BITS) - 1;
        long width = 1L << exponent - STEP_BITS;
        return (double) (1L << exponent) + step * (double) width + (width - 1) / 2.0;
    }
}
