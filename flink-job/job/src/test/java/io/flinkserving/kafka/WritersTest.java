package io.flinkserving.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import io.flinkserving.wire.Doubles;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.OutputValue;
import java.util.Collections;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.ProcessFunctionTestHarnesses;
import org.junit.jupiter.api.Test;

/**
 * What a producer would refuse must never reach it: the job would fail, restart, and fail again.
 */
class WritersTest {

    private static final int MAX_BYTES = 20_000;

    @Test
    void aResultBecomesAMessageWithItsIdentityAsKey() throws Exception {
        io.flinkserving.wire.ServingResult result = result(10);
        try (OneInputStreamOperatorTestHarness<ServingResult, KafkaMessage> harness =
                ProcessFunctionTestHarnesses.forProcessFunction(new ResultWriter(MAX_BYTES))) {
            harness.processElement(ServingResult.fromProto(result), 0);
            KafkaMessage message = harness.extractOutputValues().get(0);
            assertThat(message.id()).isEqualTo("17");
            assertThat(io.flinkserving.wire.ServingResult.parseFrom(message.value()))
                    .isEqualTo(result);
        }
    }

    @Test
    void aResultThatIsTooLargeBecomesAnError() throws Exception {
        try (OneInputStreamOperatorTestHarness<ServingResult, KafkaMessage> harness =
                ProcessFunctionTestHarnesses.forProcessFunction(new ResultWriter(MAX_BYTES))) {
            harness.processElement(ServingResult.fromProto(result(10_000)), 0);
            assertThat(harness.extractOutputValues()).isEmpty();
            ServingError error =
                    harness.getSideOutput(ServingError.TAG).iterator().next().getValue();
            assertThat(error.code()).isEqualTo(ErrorCode.RECORD_TOO_LARGE);
            assertThat(error.recordId()).isEqualTo("17");
            assertThat(error.message()).contains("max.request.size");
        }
    }

    @Test
    void anErrorAlwaysFits() throws Exception {
        String text = "\uD83C\uDF77".repeat(10_000);
        ServingError error =
                new ServingError(104, text, text, text, text, text, 1, new byte[MAX_BYTES]);
        KafkaMessage message = new ErrorWriter(MAX_BYTES + 8_000).map(error);
        assertThat(message.value().length + ErrorWriter.keySize(message.id()))
                .isLessThanOrEqualTo(MAX_BYTES + 8_000);
        io.flinkserving.wire.ServingError written =
                io.flinkserving.wire.ServingError.parseFrom(message.value());
        assertThat(written.getCode()).isEqualTo(ErrorCode.MODEL_UNPARSABLE);
        assertThat(written.getMessage()).startsWith("\uD83C\uDF77").endsWith("...");
    }

    @Test
    void anErrorKeepsItsInputWhileItFits() throws Exception {
        ServingError error =
                new ServingError(1, "broken", "17", null, null, null, 1, new byte[] {1, 2});
        KafkaMessage message = new ErrorWriter(MAX_BYTES).map(error);
        assertThat(message.id()).isEqualTo("17");
        assertThat(io.flinkserving.wire.ServingError.parseFrom(message.value()).getInput())
                .hasSize(2);
    }

    private static io.flinkserving.wire.ServingResult result(int width) {
        return io.flinkserving.wire.ServingResult.newBuilder()
                .setRecordId("17")
                .setDataType("wine")
                .setModelName("network")
                .setModelVersion("1")
                .setDurationNanos(800)
                .addOutputs(
                        OutputValue.newBuilder()
                                .setName("probabilities")
                                .setTensorValue(
                                        Doubles.newBuilder()
                                                .addAllValues(Collections.nCopies(width, 0.5))))
                .build();
    }
}
