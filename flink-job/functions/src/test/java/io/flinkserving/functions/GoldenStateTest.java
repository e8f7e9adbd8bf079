package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.model.ModelToServeStats.Status;
import io.flinkserving.testing.OffsetModels;
import io.flinkserving.testing.Windows;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.Action;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.util.OperatorSnapshotUtil;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Checkpoints of each version of the state are restored. {@link #main} writes those of the current
 * version; a file that is there is never written again.
 */
class GoldenStateTest {

    private static final String FOLDER = "src/test/resources/golden";

    @ParameterizedTest
    @ValueSource(strings = "keyed-state-1")
    void aKeyedCheckpointIsRestored(String name) throws Exception {
        try (KeyedHarness job = new KeyedHarness().restore(read(name))) {
            ModelToServeStats stats = job.stats("wine");
            assertThat(stats.name()).isEqualTo("b");
            assertThat(stats.status()).isEqualTo(Status.SUSPENDED);
            assertThat(stats.usage()).isEqualTo(3);
            assertThat(stats.errors()).isEqualTo(1);
            assertThat(stats.previous()).extracting(ModelToServeStats::usage).containsExactly(2L);
            job.command(Action.RESUME, "wine", "b");
            job.record("wine", 10);
            job.command(Action.ROLLBACK, "wine", "b");
            job.record("wine", 10);
            assertThat(job.sums()).containsExactly("12.0 by b", "11.0 by a");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = "keyed-window-1")
    void aWindowIsRestored(String name) throws Exception {
        try (KeyedHarness job = new KeyedHarness().restore(read(name))) {
            WindowTest.records(job, "cpu", 6, 9);
            WindowTest.assertAnswers(job, 6, 9);
            assertThat(job.errors()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = "partitioned-state-1")
    void aPartitionedCheckpointIsRestored(String name) throws Exception {
        try (PartitionedHarness job = new PartitionedHarness(1, 0).restore(read(name))) {
            assertThat(job.usage("wine", "b")).isEqualTo(3);
            assertThat(job.usage("wine", "a")).isEqualTo(2);
            job.record("wine", 10);
            job.send(command(Action.ROLLBACK));
            job.record("wine", 10);
            assertThat(job.outcomes()).containsExactly("12.0 by b", "11.0 by a");
        }
    }

    @AfterEach
    void nothingIsLeftOpen() {
        assertThat(OffsetModels.LIVE_SCORERS).hasValue(0);
        assertThat(OffsetModels.LIVE_MODELS).hasValue(0);
    }

    private static OperatorSubtaskState read(String name) throws Exception {
        return OperatorSnapshotUtil.readStateHandle(Paths.get(FOLDER, name).toString());
    }

    private static ModelDescriptor.Builder command(Action action) {
        return ModelDescriptor.newBuilder().setAction(action).setName("b").setDataType("wine");
    }

    /** Writes the files that are not there. */
    public static void main(String[] arguments) throws Exception {
        Path keyed = Paths.get(FOLDER, "keyed-state-1");
        if (!Files.exists(keyed)) {
            try (KeyedHarness job = new KeyedHarness().open()) {
                job.serve("wine", "a", "1");
                job.record("wine", 1);
                job.record("wine", 2);
                job.serve("wine", "b", "2");
                job.record("wine", 3);
                job.record("wine", 4);
                job.record("wine", 5);
                job.record("wine", -1);
                job.command(Action.SUSPEND, "wine", "b");
                OperatorSnapshotUtil.writeStateHandle(job.snapshot(), keyed.toString());
            }
        }
        Path window = Paths.get(FOLDER, "keyed-window-1");
        if (!Files.exists(window)) {
            try (KeyedHarness job = new KeyedHarness().open()) {
                WindowTest.serve(job, Windows.descriptor("cpu", "anomaly"));
                WindowTest.records(job, "cpu", 0, 6);
                OperatorSnapshotUtil.writeStateHandle(job.snapshot(), window.toString());
            }
        }
        Path partitioned = Paths.get(FOLDER, "partitioned-state-1");
        if (!Files.exists(partitioned)) {
            try (PartitionedHarness job = new PartitionedHarness(1, 0).open()) {
                job.serve("wine", "a", "1");
                job.record("wine", 1);
                job.record("wine", 2);
                job.serve("wine", "b", "2");
                job.record("wine", 3);
                job.record("wine", 4);
                job.record("wine", 5);
                OperatorSnapshotUtil.writeStateHandle(job.snapshot(), partitioned.toString());
            }
        }
    }
}
