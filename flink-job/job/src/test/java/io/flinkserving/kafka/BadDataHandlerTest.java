package io.flinkserving.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ServingError;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.ModelDescriptor;
import java.util.Queue;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.ProcessFunctionTestHarnesses;
import org.junit.jupiter.api.Test;

class BadDataHandlerTest {

    private static final BadDataHandler.Limits RECORDS =
            BadDataHandler.Limits.ofRecords(100, "max-record-size", 8);
    private static final BadDataHandler.Limits MODELS =
            BadDataHandler.Limits.ofModels(1000, "max-model-size", 8);

    @Test
    void whatCanBeReadPasses() throws Exception {
        try (OneInputStreamOperatorTestHarness<KafkaMessage, KafkaMessage> harness =
                harness(new BadDataHandler<>(message -> message, RECORDS))) {
            KafkaMessage message = new KafkaMessage("1", new byte[100]);
            harness.processElement(message, 0);
            assertThat(harness.extractOutputValues()).containsExactly(message);
            assertThat(harness.getSideOutput(ServingError.TAG)).isNull();
        }
    }

    @Test
    void aRecordWithoutValueOrTooLargeIsAnError() throws Exception {
        ServingError none = errorOf(message -> message, RECORDS, new KafkaMessage("1", null));
        assertThat(none.code()).isEqualTo(ErrorCode.RECORD_UNREADABLE);
        assertThat(none.recordId()).isEqualTo("1");
        ServingError large =
                errorOf(message -> message, RECORDS, new KafkaMessage("2", new byte[101]));
        assertThat(large.code()).isEqualTo(ErrorCode.RECORD_TOO_LARGE);
        assertThat(large.message()).contains("101").contains("max-record-size (100)");
        assertThat(large.input()).hasSize(8);
    }

    @Test
    void aReaderThatCrashesIsAnError() throws Exception {
        ServingError error =
                errorOf(
                        message -> {
                            throw new IllegalStateException("no");
                        },
                        RECORDS,
                        new KafkaMessage("1", new byte[1]));
        assertThat(error.code()).isEqualTo(ErrorCode.RECORD_UNREADABLE);
        assertThat(error.message()).contains("no");
    }

    @Test
    void badModelMessagesAreErrorsThatNameTheModel() throws Exception {
        ModelMessageReader reader = new ModelMessageReader(50);
        ServingError broken =
                errorOf(reader, MODELS, new KafkaMessage("m", new byte[] {(byte) 0xff, 1}));
        assertThat(broken.code()).isEqualTo(ErrorCode.DESCRIPTOR_UNREADABLE);
        assertThat(broken.recordId()).isEqualTo("m");

        ModelDescriptor.Builder model = ModelDescriptor.newBuilder().setName("linear");
        ServingError invalid = errorOf(reader, MODELS, message(model));
        assertThat(invalid.code()).isEqualTo(ErrorCode.DESCRIPTOR_INVALID);
        assertThat(invalid.modelName()).isEqualTo("linear");

        model.setDataType("wine").setVersion("3").setData(ByteString.copyFrom(new byte[51]));
        ServingError large = errorOf(reader, MODELS, message(model));
        assertThat(large.code()).isEqualTo(ErrorCode.MODEL_TOO_LARGE);
        assertThat(large.dataType()).isEqualTo("wine");
        assertThat(large.modelVersion()).isEqualTo("3");

        ServingError huge = errorOf(reader, MODELS, new KafkaMessage("m", new byte[1001]));
        assertThat(huge.code()).isEqualTo(ErrorCode.MODEL_TOO_LARGE);

        model.setData(ByteString.copyFromUtf8("x"));
        model.setSha256(ByteString.copyFrom(new byte[32]));
        ServingError other = errorOf(reader, MODELS, message(model));
        assertThat(other.code()).isEqualTo(ErrorCode.DIGEST_MISMATCH);
    }

    @Test
    void aModelPassesWithTheTimeOfItsArrival() throws Exception {
        long before = System.currentTimeMillis();
        ModelToServe model =
                new ModelMessageReader(50)
                        .read(
                                message(
                                        ModelDescriptor.newBuilder()
                                                .setName("linear")
                                                .setDataType("wine")
                                                .setData(ByteString.copyFromUtf8("x"))));
        assertThat(model.occurredOn()).isBetween(before, System.currentTimeMillis());
    }

    private static KafkaMessage message(ModelDescriptor.Builder model) {
        return new KafkaMessage("m", model.build().toByteArray());
    }

    private static <T> ServingError errorOf(
            MessageReader<T> reader, BadDataHandler.Limits limits, KafkaMessage message)
            throws Exception {
        try (OneInputStreamOperatorTestHarness<KafkaMessage, T> harness =
                harness(new BadDataHandler<>(reader, limits))) {
            harness.processElement(message, 0);
            assertThat(harness.extractOutputValues()).isEmpty();
            Queue<StreamRecord<ServingError>> errors = harness.getSideOutput(ServingError.TAG);
            assertThat(errors).hasSize(1);
            return errors.remove().getValue();
        }
    }

    private static <I, O> OneInputStreamOperatorTestHarness<I, O> harness(
            ProcessFunction<I, O> function) throws Exception {
        return ProcessFunctionTestHarnesses.forProcessFunction(function);
    }
}
