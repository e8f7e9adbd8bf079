package io.flinkserving.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DurationHistogramTest {

    @Test
    void quantilesAreOffByAtMostASixteenth() {
        Random random = new Random(7);
        long[] durations = new long[10_000];
        DurationHistogram histogram = new DurationHistogram();
        for (int i = 0; i < durations.length; i++) {
            durations[i] = (long) Math.exp(random.nextDouble() * 20);
            histogram.add(durations[i]);
        }
        Arrays.sort(durations);
        for (double share : new double[] {0.01, 0.5, 0.9, 0.99, 0.999, 1}) {
            double exact = durations[(int) Math.ceil(share * durations.length) - 1];
            assertThat(DurationHistogram.quantile(histogram.toCounts(), share))
                    .as("quantile %s", share)
                    .isBetween(exact * 15 / 16, exact * 17 / 16);
        }
    }

    @Test
    void everyDurationHasABucketAndBucketsAreInOrder() {
        assertThat(DurationHistogram.bucket(-5)).isZero();
        int last = 0;
        for (long nanos = 1; nanos > 0; nanos = nanos + 1 + nanos / 100) {
            int bucket = DurationHistogram.bucket(nanos);
            assertThat(bucket).isBetween(last, last + 1);
            last = bucket;
        }
        assertThat(DurationHistogram.bucket(Long.MAX_VALUE))
                .isEqualTo(DurationHistogram.MAX_BUCKETS - 1);
    }

    @Test
    void itGrowsFromNothingToTheLongestDuration() {
        DurationHistogram histogram = new DurationHistogram(new long[0]);
        histogram.add(0);
        histogram.add(Long.MAX_VALUE);
        histogram.add(0);
        long[] counts = histogram.toCounts();
        assertThat(counts).hasSize(DurationHistogram.MAX_BUCKETS);
        assertThat(counts[0]).isEqualTo(2);
        assertThat(DurationHistogram.quantile(new long[0], 0.5)).isZero();
    }
}
