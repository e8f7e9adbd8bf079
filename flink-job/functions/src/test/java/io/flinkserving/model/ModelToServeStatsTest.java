package io.flinkserving.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.model.ModelToServeStats.Status;
import java.util.List;
import org.junit.jupiter.api.Test;

class ModelToServeStatsTest {

    private static ModelToServeStats.Builder version(String version, long usage) {
        return ModelToServeStats.builder()
                .dataType("wine")
                .model("a", version, 2, "")
                .since(100 + usage)
                .counts(usage, 1);
    }

    @Test
    void whatTwoSubtasksCountedAddsUp() {
        ModelToServeStats left =
                version("v2", 3)
                        .durations(10, 30, 60, new long[] {1, 2})
                        .status(Status.SERVING, "")
                        .previous(List.of(version("v1", 5).build()))
                        .build();
        ModelToServeStats right =
                version("v2", 2)
                        .durations(5, 20, 25, new long[] {0, 1, 1})
                        .previous(List.of(version("v1", 7).build(), version("v0", 1).build()))
                        .build();

        ModelToServeStats sum = left.plus(right);
        assertThat(sum.usage()).isEqualTo(5);
        assertThat(sum.errors()).isEqualTo(2);
        assertThat(sum.minNanos()).isEqualTo(5);
        assertThat(sum.maxNanos()).isEqualTo(30);
        assertThat(sum.meanNanos()).isEqualTo(17);
        assertThat(sum.histogram()).containsExactly(1, 3, 1);
        assertThat(sum.since()).isEqualTo(102);
        assertThat(sum.status()).isEqualTo(Status.SERVING);
        assertThat(sum.previous()).extracting(ModelToServeStats::usage).containsExactly(12L, 1L);
    }

    @Test
    void aSubtaskWithoutRecordsDoesNotChangeTheTimes() {
        ModelToServeStats busy = version("v", 3).durations(10, 30, 60, new long[] {1, 2}).build();
        ModelToServeStats idle = version("v", 0).build();
        assertThat(busy.plus(idle).minNanos()).isEqualTo(10);
        assertThat(idle.plus(busy).minNanos()).isEqualTo(10);
    }

    @Test
    void withoutRecordsAllTimesAreZero() {
        ModelToServeStats idle = version("v", 0).build();
        assertThat(idle.meanNanos()).isZero();
        assertThat(idle.quantileNanos(0.99)).isZero();
    }
}
