package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.UnknownFieldSet;
import io.flinkserving.boundary.NativeLibrary;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.testing.OffsetModels;
import io.flinkserving.testing.Windows;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.Action;
import io.flinkserving.wire.OutputBinding;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Models that take the last values of a data type's records: which they get, whatever happens
 * between two of them.
 */
class WindowTest {

    private static final int WIDTH = Windows.WIDTH;

    @AfterEach
    void nothingIsLeftOpen() throws Exception {
        assertThat(OffsetModels.LIVE_SCORERS).hasValue(0);
        assertThat(OffsetModels.LIVE_MODELS).hasValue(0);
        assertThat(NativeLibrary.liveScorers()).isZero();
        assertThat(NativeLibrary.liveModels()).isZero();
    }

    static void serve(KeyedHarness job, ModelDescriptor.Builder model) throws Exception {
        job.send(model);
        job.takeOver();
    }

    /** Records with the values of the series from one place to before another. */
    static void records(KeyedHarness job, String type, int from, int to) throws Exception {
        for (int at = from; at < to; at++) {
            job.record(type, String.valueOf(at), Windows.value(at));
        }
    }

    /** The answers to the values from one place to before another are TensorFlow's. */
    static void assertAnswers(KeyedHarness job, int from, int to) {
        List<ServingResult> results = job.results();
        assertThat(results).hasSize(to - from);
        for (int at = from; at < to; at++) {
            ServingResult result = results.get(at - from);
            assertThat(result.recordId()).isEqualTo(String.valueOf(at));
            assertThat(result.outputs().fields()).hasSize(1);
            assertThat(result.getDoubles("anomaly:0")[1])
                    .isCloseTo(Windows.answer(at), within(1e-6));
        }
    }

    private static void assertIncomplete(KeyedHarness job, int count) {
        assertThat(job.errors())
                .hasSize(count)
                .allMatch(error -> error.code() == ErrorCode.WINDOW_INCOMPLETE);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 4, 5, 30})
    void aRestartAfterAnyRecordChangesNothing(int last) throws Exception {
        OperatorSubtaskState state;
        int early = Math.min(last, WIDTH - 1);
        try (KeyedHarness job = new KeyedHarness().open()) {
            serve(job, Windows.descriptor("cpu", "anomaly"));
            records(job, "cpu", 0, last);
            assertAnswers(job, early, last);
            assertIncomplete(job, early);
            state = job.snapshot();
            // What comes after the checkpoint comes again.
            records(job, "cpu", last, last + 2);
        }
        for (int restore = 0; restore < 2; restore++) {
            try (KeyedHarness job = new KeyedHarness().restore(state)) {
                records(job, "cpu", last, Windows.LENGTH);
                assertAnswers(job, Math.max(last, WIDTH - 1), Windows.LENGTH);
                assertIncomplete(job, WIDTH - 1 - early);
            }
        }
    }

    @Test
    void eachDataTypeHasItsOwnWindow() throws Exception {
        Configuration options = new Configuration();
        // They also give way to each other all the time.
        options.set(ModelServingOptions.MAX_COMPILED_MODELS, 1);
        try (KeyedHarness job = new KeyedHarness(options, 1, 0).open()) {
            serve(job, Windows.descriptor("cpu", "anomaly"));
            serve(job, Windows.descriptor("disk", "anomaly"));
            for (int at = 0; at < 8; at++) {
                records(job, "cpu", at, at + 1);
                if (at < WIDTH - 1) {
                    assertThat(job.results()).isEmpty();
                } else {
                    assertAnswers(job, at, at + 1);
                }
                job.record("disk", String.valueOf(at), 0.9);
                job.results();
            }
            assertIncomplete(job, 2 * (WIDTH - 1));
        }
    }

    @Test
    void aNewVersionGoesOnWithTheWindow() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            serve(job, Windows.descriptor("cpu", "anomaly").setVersion("1"));
            records(job, "cpu", 0, 10);
            job.results();
            job.errors();
            serve(job, Windows.descriptor("cpu", "anomaly").setVersion("2"));
            records(job, "cpu", 10, 15);
            assertAnswers(job, 10, 15);
            job.command(Action.ROLLBACK, "cpu", "anomaly");
            records(job, "cpu", 15, 20);
            assertAnswers(job, 15, 20);
            assertThat(job.errors()).isEmpty();
        }
    }

    @Test
    void aModelThatTakesNoWindowEndsIt() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            serve(job, Windows.descriptor("cpu", "anomaly"));
            records(job, "cpu", 0, 10);
            job.results();
            job.errors();
            job.serve("cpu", "other", "1");
            job.command(Action.ROLLBACK, "cpu", "other");
            records(job, "cpu", 10, 15);
            assertAnswers(job, 10 + WIDTH - 1, 15);
            assertIncomplete(job, WIDTH - 1);
        }
    }

    @Test
    void recordsThatNoModelTookBreakTheWindow() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            serve(job, Windows.descriptor("cpu", "anomaly"));
            records(job, "cpu", 0, 10);
            job.results();
            job.errors();
            job.command(Action.SUSPEND, "cpu", "anomaly");
            job.command(Action.RESUME, "cpu", "anomaly");
            records(job, "cpu", 10, 12);
            assertAnswers(job, 10, 12);
            job.command(Action.SUSPEND, "cpu", "anomaly");
            job.record("cpu", 0.5);
            assertThat(job.errors())
                    .extracting(ServingError::code)
                    .containsExactly(ErrorCode.MODEL_SUSPENDED);
            OperatorSubtaskState state = job.snapshot();
            try (KeyedHarness restored = new KeyedHarness().restore(state)) {
                restored.command(Action.RESUME, "cpu", "anomaly");
                records(restored, "cpu", 20, 25);
                assertAnswers(restored, 20 + WIDTH - 1, 25);
                assertIncomplete(restored, WIDTH - 1);
            }
        }
    }

    @Test
    void aValueThatIsNoNumberIsLeftOut() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            serve(job, Windows.descriptor("cpu", "anomaly"));
            records(job, "cpu", 0, 6);
            job.results();
            job.errors();
            job.record("cpu", Double.NaN);
            job.record("cpu", Double.POSITIVE_INFINITY);
            assertThat(job.errors())
                    .extracting(ServingError::code)
                    .containsExactly(ErrorCode.FIELD_INVALID, ErrorCode.FIELD_INVALID);
            records(job, "cpu", 6, 8);
            assertAnswers(job, 6, 8);
        }
    }

    @Test
    void aMessageOfTheOlderProtocolIsServedAsOneOfThis() throws Exception {
        UnknownFieldSet.Field field =
                UnknownFieldSet.Field.newBuilder()
                        .addLengthDelimited(Windows.preprocessing().build().toByteString())
                        .build();
        ModelDescriptor.Builder older =
                Windows.graph("cpu", "anomaly")
                        .setUnknownFields(UnknownFieldSet.newBuilder().addField(7, field).build());
        try (KeyedHarness job = new KeyedHarness().open()) {
            serve(job, older);
            records(job, "cpu", 0, Windows.LENGTH);
            assertAnswers(job, WIDTH - 1, Windows.LENGTH);
            assertIncomplete(job, WIDTH - 1);
        }
    }

    @Test
    void theClassIsReportedWhereItIsBound() throws Exception {
        OutputBinding binding =
                OutputBinding.newBuilder()
                        .setModelOutput("anomaly")
                        .setName("class")
                        .setTransform(OutputBinding.Transform.ARGMAX)
                        .addAllLabels(List.of("normal", "anomaly"))
                        .build();
        try (KeyedHarness job = new KeyedHarness().open()) {
            serve(job, Windows.descriptor("cpu", "anomaly").addOutputs(binding));
            records(job, "cpu", 0, Windows.LENGTH);
            List<ServingResult> results = job.results();
            assertThat(results).extracting(r -> r.getString("class")).contains("anomaly", "normal");
            for (int at = WIDTH - 1; at < Windows.LENGTH; at++) {
                assertThat(results.get(at - WIDTH + 1).getString("class"))
                        .isEqualTo(Windows.answer(at) > 0.5 ? "anomaly" : "normal");
            }
            job.errors();
        }
    }

    @Test
    void preprocessingThatDoesNotFitLeavesTheModelBeforeInService() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("cpu", "before", "1");
            serve(
                    job,
                    Windows.graph("cpu", "narrow")
                            .setPreprocessing(Windows.preprocessing().setWidth(3)));
            serve(
                    job,
                    Windows.graph("cpu", "flat")
                            .setPreprocessing(Windows.preprocessing().setStd(0)));
            assertThat(job.errors())
                    .extracting(ServingError::code)
                    .containsExactly(ErrorCode.BINDING_FAILED, ErrorCode.DESCRIPTOR_INVALID);
            job.record("cpu", 10);
            assertThat(job.sums()).containsExactly("11.0 by before");
        }
    }

    @Test
    void thePartitionedJoinRefusesSuchAModel() throws Exception {
        try (PartitionedHarness job = new PartitionedHarness(1, 0).open()) {
            job.serve("cpu", "before", "1");
            job.send(Windows.descriptor("cpu", "anomaly"));
            job.takeOver();
            job.record("cpu", 10);
            assertThat(job.outcomes()).containsExactly("11.0 by before", "MODEL_UNSUPPORTED");
        }
    }

    @Test
    void removingTheModelForgetsTheWindow() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            serve(job, Windows.descriptor("cpu", "anomaly"));
            records(job, "cpu", 0, 10);
            job.results();
            job.errors();
            job.command(Action.REMOVE, "cpu", "anomaly");
            serve(job, Windows.descriptor("cpu", "anomaly"));
            records(job, "cpu", 10, 15);
            assertAnswers(job, 10 + WIDTH - 1, 15);
            assertIncomplete(job, WIDTH - 1);
        }
    }
}
