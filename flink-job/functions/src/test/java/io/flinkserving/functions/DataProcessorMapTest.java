package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.testing.OffsetModels;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.Action;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The partitioned join: what a subtask does, and what several have in common. */
class DataProcessorMapTest {

    @AfterEach
    void nothingIsLeftOpen() {
        assertThat(OffsetModels.LIVE_SCORERS).hasValue(0);
        assertThat(OffsetModels.LIVE_MODELS).hasValue(0);
    }

    @Test
    void everyRecordLeavesAResultOrAnError() throws Exception {
        try (PartitionedHarness job = new PartitionedHarness(1, 0).open()) {
            job.record("wine", 1);
            job.record(null, 1);
            job.record("unreadable", 1);
            job.serve("wine", "a", "1");
            job.record("wine", 10);
            job.record("wine", -1);
            job.record("wine", OffsetModels.CRASH);
            job.record("wine", 20);
            job.serve("wine", "bad", "one");
            job.record("wine", 30);

            assertThat(job.outcomes())
                    .containsExactly(
                            "11.0 by a",
                            "21.0 by a",
                            "31.0 by a",
                            "NO_MODEL",
                            "DATA_TYPE_MISSING",
                            "RECORD_UNREADABLE",
                            "FIELD_INVALID",
                            "SCORING_CRASHED",
                            "MODEL_UNPARSABLE");
        }
    }

    @Test
    void aLoadedModelTakesOverBetweenTwoRecords() throws Exception {
        try (PartitionedHarness job = new PartitionedHarness(1, 0).open()) {
            job.serve("wine", "a", "1");
            job.send(OffsetModels.descriptor("wine", "b", "2 map-swap"));
            job.record("wine", 10);
            OffsetModels.open("map-swap");
            job.takeOver();
            job.record("wine", 10);
            job.send(
                    ModelDescriptor.newBuilder()
                            .setAction(Action.ROLLBACK)
                            .setName("b")
                            .setDataType("wine"));
            job.record("wine", 10);

            assertThat(job.outcomes()).containsExactly("11.0 by a", "12.0 by b", "11.0 by a");
        }
    }

    @Test
    void onlyTheFirstSubtaskReportsAModelThatIsNotTaken() throws Exception {
        try (PartitionedHarness job = new PartitionedHarness(2, 1).open()) {
            job.serve("wine", "bad", "one");
            job.record("wine", 1);
            assertThat(job.outcomes()).containsExactly("NO_MODEL");
        }
    }

    @Test
    void rescalingGivesAllModelsToAllSubtasksAndKeepsTheSumOfTheStats() throws Exception {
        List<OperatorSubtaskState> states = new ArrayList<>();
        try (PartitionedHarness job = new PartitionedHarness(1, 0).open()) {
            job.serve("wine", "old", "5");
            job.record("wine", 1);
            job.serve("wine", "a", "1");
            job.serve("beer", "b", "2");
            for (int i = 0; i < 10; i++) {
                job.record("wine", 1);
            }
            job.send(OffsetModels.descriptor("tea", "t", "3 map-rescale"));
            states.add(job.snapshot());
            OffsetModels.open("map-rescale");
        }
        long expected = 10;
        int before = 1;
        for (int parallelism : List.of(3, 2)) {
            OperatorSubtaskState all =
                    AbstractStreamOperatorTestHarness.repackageState(
                            states.toArray(new OperatorSubtaskState[0]));
            List<OperatorSubtaskState> next = new ArrayList<>();
            long restored = 0;
            long old = 0;
            for (int subtask = 0; subtask < parallelism; subtask++) {
                OperatorSubtaskState part =
                        AbstractStreamOperatorTestHarness.repartitionOperatorState(
                                all,
                                PartitionedHarness.MAX_PARALLELISM,
                                before,
                                parallelism,
                                subtask);
                try (PartitionedHarness job =
                        new PartitionedHarness(parallelism, subtask).restore(part)) {
                    restored += job.usage("wine", "a");
                    old += job.usage("wine", "old");
                    job.takeOver();
                    job.record("wine", 10);
                    job.record("beer", 10);
                    job.record("tea", 10);
                    assertThat(job.outcomes())
                            .containsExactly("11.0 by a", "12.0 by b", "13.0 by t");
                    next.add(job.snapshot());
                }
            }
            assertThat(restored).isEqualTo(expected);
            assertThat(old).isEqualTo(1);
            expected += parallelism;
            states = next;
            before = parallelism;
        }
    }

    @Test
    void aCheckpointHoldsEachModelOnce() throws Exception {
        List<Long> sizes = new ArrayList<>();
        for (int subtask = 0; subtask < 2; subtask++) {
            try (PartitionedHarness job = new PartitionedHarness(2, subtask).open()) {
                job.serve("wine", "a", "bytes 1 0" + " ".repeat(10_000));
                sizes.add(job.snapshot().getStateSize());
            }
        }
        assertThat(sizes.get(0)).isBetween(10_000L, 12_000L);
        assertThat(sizes.get(1)).isLessThan(2_000L);
    }
}
