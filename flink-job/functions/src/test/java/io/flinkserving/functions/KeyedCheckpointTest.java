package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.model.ModelToServeStats.Status;
import io.flinkserving.model.ServingError;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.testing.OffsetModels;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.Action;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A checkpoint at any moment loses nothing: same models, same versions, same stats. */
class KeyedCheckpointTest {

    /** One thing that happens to the job; the argument is unique to the run. */
    private interface Step {
        void run(KeyedHarness job, String run) throws Exception;
    }

    private static final List<Step> STORY =
            List.of(
                    (job, run) -> job.record("wine", 1),
                    (job, run) -> job.send(OffsetModels.descriptor("wine", "a", "1 a" + run)),
                    (job, run) -> job.record("wine", 2),
                    (job, run) -> open(job, "a" + run),
                    (job, run) -> job.record("wine", 3),
                    (job, run) -> job.send(OffsetModels.descriptor("wine", "b", "2 b" + run)),
                    (job, run) -> job.send(OffsetModels.descriptor("wine", "c", "3 c" + run)),
                    (job, run) -> job.record("wine", 4),
                    (job, run) -> job.command(Action.SUSPEND, "wine", "a"),
                    (job, run) -> job.record("wine", 5),
                    (job, run) -> job.command(Action.RESUME, "wine", "a"),
                    (job, run) -> job.record("wine", -6),
                    (job, run) -> {
                        OffsetModels.open("c" + run);
                        open(job, "b" + run);
                    },
                    (job, run) -> job.record("wine", 7),
                    (job, run) -> job.command(Action.ROLLBACK, "wine", "c"),
                    (job, run) -> job.record("wine", 8),
                    (job, run) -> job.serve("wine", "bad", "one"),
                    (job, run) -> job.record("wine", 9),
                    (job, run) -> job.command(Action.ROLLBACK, "wine", "b"),
                    (job, run) -> job.record("wine", 10));

    @TempDir Path folder;

    @AfterEach
    void nothingIsLeftOpen() {
        assertThat(OffsetModels.LIVE_SCORERS).hasValue(0);
        assertThat(OffsetModels.LIVE_MODELS).hasValue(0);
    }

    private static void open(KeyedHarness job, String gate) throws Exception {
        OffsetModels.open(gate);
        job.takeOver();
    }

    /** Results and errors, in order. */
    private static List<String> outcomes(KeyedHarness job) throws Exception {
        List<String> outcomes = new ArrayList<>(job.sums());
        for (ServingError error : job.errors()) {
            outcomes.add(error.code().name());
        }
        return outcomes;
    }

    private static List<String> counts(KeyedHarness job) throws Exception {
        job.snapshot();
        ModelToServeStats stats = job.stats("wine");
        List<String> counts = new ArrayList<>();
        counts.add(stats.status() + " " + count(stats) + " " + stats.lastError());
        stats.previous().forEach(previous -> counts.add(count(previous)));
        return counts;
    }

    private static String count(ModelToServeStats stats) {
        return stats.name() + " " + stats.usage() + " " + stats.errors();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19})
    void aRestartAfterAnyStepChangesNothing(int last) throws Exception {
        List<List<String>> expected = new ArrayList<>();
        List<String> expectedCounts;
        String whole = "-whole" + last;
        try (KeyedHarness job = new KeyedHarness().open()) {
            for (Step step : STORY) {
                step.run(job, whole);
                expected.add(outcomes(job));
            }
            expectedCounts = counts(job);
        }
        String run = "-cut" + last;
        OperatorSubtaskState state;
        try (KeyedHarness job = new KeyedHarness().open()) {
            for (int i = 0; i <= last; i++) {
                STORY.get(i).run(job, run);
                assertThat(outcomes(job)).as("step %s", i).isEqualTo(expected.get(i));
            }
            state = job.snapshot();
        }
        try (KeyedHarness job = new KeyedHarness().restore(state)) {
            for (int i = last + 1; i < STORY.size(); i++) {
                STORY.get(i).run(job, run);
                assertThat(outcomes(job)).as("step %s", i).isEqualTo(expected.get(i));
            }
            assertThat(counts(job)).isEqualTo(expectedCounts);
        }
    }

    @Test
    void aLoadInFlightResumes() throws Exception {
        OperatorSubtaskState state;
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            job.send(OffsetModels.descriptor("wine", "b", "2 resumes"));
            state = job.snapshot();
        }
        try (KeyedHarness job = new KeyedHarness().restore(state)) {
            OffsetModels.open("resumes");
            assertThat(job.stats("wine").status()).isEqualTo(Status.LOADING);
            // No record comes: the timer that was restored has made the load go on.
            job.takeOver();
            job.record("wine", 10);
            assertThat(job.sums()).containsExactly("12.0 by b");
        }
    }

    @Test
    void afterARestoreTheFirstRecordIsScored() throws Exception {
        OperatorSubtaskState state;
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            job.serve("wine", "b", "2");
            state = job.snapshot();
        }
        try (KeyedHarness job = new KeyedHarness().restore(state)) {
            job.record("wine", 10);
            job.command(Action.ROLLBACK, "wine", "b");
            job.record("wine", 10);
            assertThat(job.sums()).containsExactly("12.0 by b", "11.0 by a");
            assertThat(job.errors()).isEmpty();
        }
    }

    @Test
    void statsOfACheckpointAreExactWithoutAnyTimer() throws Exception {
        OperatorSubtaskState state;
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            job.serve("beer", "b", "2");
            for (int i = 0; i < 100; i++) {
                job.record(i % 4 == 0 ? "beer" : "wine", i);
            }
            state = job.snapshot();
            job.record("wine", 1);
        }
        try (KeyedHarness job = new KeyedHarness().restore(state)) {
            assertThat(job.stats("wine").usage()).isEqualTo(75);
            assertThat(job.stats("beer").usage()).isEqualTo(25);
        }
    }

    @Test
    void rescalingKeepsModelsAndStats() throws Exception {
        Map<String, Long> expected = new TreeMap<>();
        List<OperatorSubtaskState> states = new ArrayList<>();
        try (KeyedHarness job = new KeyedHarness().open()) {
            for (int i = 0; i < 30; i++) {
                job.serve("type" + i, "model" + i, String.valueOf(i));
                job.record("type" + i, 1);
                expected.put("type" + i, 1L);
            }
            states.add(job.snapshot());
        }
        int before = 1;
        for (int parallelism : List.of(3, 2)) {
            OperatorSubtaskState all =
                    AbstractStreamOperatorTestHarness.repackageState(
                            states.toArray(new OperatorSubtaskState[0]));
            List<OperatorSubtaskState> next = new ArrayList<>();
            int owners = 0;
            for (int subtask = 0; subtask < parallelism; subtask++) {
                OperatorSubtaskState part =
                        AbstractStreamOperatorTestHarness.repartitionOperatorState(
                                all, KeyedHarness.MAX_PARALLELISM, before, parallelism, subtask);
                try (KeyedHarness job =
                        new KeyedHarness(new Configuration(), parallelism, subtask).restore(part)) {
                    for (int i = 0; i < 30; i++) {
                        String type = "type" + i;
                        if (!KeyedHarness.owns(type, parallelism, subtask)) {
                            continue;
                        }
                        owners++;
                        assertThat(job.stats(type).usage()).isEqualTo(expected.get(type));
                        job.record(type, 1);
                        expected.merge(type, 1L, Long::sum);
                        assertThat(job.sums()).containsExactly(1.0 + i + " by model" + i);
                    }
                    assertThat(job.errors()).isEmpty();
                    next.add(job.snapshot());
                }
            }
            assertThat(owners).isEqualTo(30);
            states = next;
            before = parallelism;
        }
    }

    @Test
    void aModelByLocationIsReadAgainAndItsDigestChecked() throws Exception {
        Path file = Files.writeString(folder.resolve("model.txt"), "1");
        Configuration options = new Configuration();
        options.set(ModelServingOptions.ALLOWED_LOCATIONS, List.of(folder.toUri().toString()));
        ModelDescriptor.Builder descriptor =
                OffsetModels.descriptor("wine", "a", "").setLocation(file.toUri().toString());
        OperatorSubtaskState state;
        try (KeyedHarness job = new KeyedHarness(options, 1, 0).open()) {
            job.send(descriptor);
            job.takeOver();
            job.record("wine", 10);
            assertThat(job.sums()).containsExactly("11.0 by a");
            assertThat(job.stats("wine").version()).as("SHA-256 of '1'").isEqualTo("6b86b273ff34");
            state = job.snapshot();
        }
        try (KeyedHarness job = new KeyedHarness(options, 1, 0).restore(state)) {
            job.record("wine", 10);
            assertThat(job.sums()).containsExactly("11.0 by a");
        }
        Files.writeString(file, "2");
        try (KeyedHarness job = new KeyedHarness(options, 1, 0).restore(state)) {
            job.record("wine", 10);
            job.record("wine", 20);
            assertThat(job.errors())
                    .extracting(ServingError::code)
                    .containsExactly(
                            ErrorCode.DIGEST_MISMATCH, ErrorCode.NO_MODEL, ErrorCode.NO_MODEL);
        }
    }
}
