package io.flinkserving.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.Action;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import io.flinkserving.wire.ModelPreprocessing;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ModelToServeTest {

    /** SHA-256 of the three bytes "abc", FIPS 180-2, appendix B.1. */
    private static final String ABC =
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    private static final ModelPreprocessing WINDOW =
            ModelPreprocessing.newBuilder()
                    .setWidth(3)
                    .setMean(0.5)
                    .setStd(0.25)
                    .setInput("input")
                    .setOutput("output")
                    .build();

    private static ModelDescriptor.Builder valid() {
        return ModelDescriptor.newBuilder()
                .setName("model")
                .setDataType("wine")
                .setModeltype(ModelType.PMML)
                .setData(ByteString.copyFromUtf8("abc"));
    }

    @Test
    void aPlainFlip23MessageIsAnUpdateWhoseVersionIsItsDigest() throws Exception {
        ModelToServe model = ModelToServe.read(valid().build().toByteArray(), 3);

        assertThat(model.action()).isEqualTo(Action.ADD_OR_UPDATE);
        assertThat(model.sha256()).isEqualTo(ABC);
        assertThat(model.version()).isEqualTo("ba7816bf8f01");
        assertThat(model.content()).asString().isEqualTo("abc");
        assertThat(ModelToServe.read(model.toBytes(), 3)).isEqualTo(model);
    }

    @Test
    void aLocationHasNoDigestUntilItIsRead() throws Exception {
        ModelToServe model = ModelToServe.of(valid().setLocation("s3://bucket/model").build());
        assertThat(model.sha256()).isEmpty();
        assertThat(model.version()).isEmpty();

        ModelToServe read = model.withContentDigest("abc".getBytes());
        assertThat(read.sha256()).isEqualTo(ABC);
        assertThat(read.version()).isEqualTo("ba7816bf8f01");
        assertThatThrownBy(() -> read.withContentDigest("abd".getBytes()))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(ABC);
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                refused("no name", ErrorCode.DESCRIPTOR_INVALID, d -> d.clearName()),
                refused("no data type", ErrorCode.DESCRIPTOR_INVALID, d -> d.clearDataType()),
                refused("no content", ErrorCode.DESCRIPTOR_INVALID, d -> d.clearData()),
                refused(
                        "empty content",
                        ErrorCode.DESCRIPTOR_INVALID,
                        d -> d.setData(ByteString.EMPTY)),
                refused("empty location", ErrorCode.DESCRIPTOR_INVALID, d -> d.setLocation("")),
                refused("unknown action", ErrorCode.DESCRIPTOR_INVALID, d -> d.setActionValue(9)),
                refused("unknown engine", ErrorCode.DESCRIPTOR_INVALID, d -> d.setEngineValue(9)),
                refused(
                        "time before the epoch",
                        ErrorCode.DESCRIPTOR_INVALID,
                        d -> d.setOccurredOn(-1)),
                refused(
                        "short digest",
                        ErrorCode.DESCRIPTOR_INVALID,
                        d -> d.setSha256(ByteString.copyFromUtf8("short"))),
                refused(
                        "other digest",
                        ErrorCode.DIGEST_MISMATCH,
                        d -> d.setSha256(ByteString.copyFrom(new byte[32]))),
                refused(
                        "too large",
                        ErrorCode.MODEL_TOO_LARGE,
                        d -> d.setData(ByteString.copyFrom(new byte[101]))),
                refused(
                        "preprocessing in two places",
                        ErrorCode.DESCRIPTOR_INVALID,
                        d -> older(d.setPreprocessing(WINDOW), message(WINDOW.toByteString()))),
                refused(
                        "a number for preprocessing",
                        ErrorCode.DESCRIPTOR_INVALID,
                        d -> older(d, UnknownFieldSet.Field.newBuilder().addVarint(3))),
                refused(
                        "damaged preprocessing",
                        ErrorCode.DESCRIPTOR_INVALID,
                        d -> older(d, message(ByteString.copyFrom(new byte[] {0x11, 1})))));
    }

    private static UnknownFieldSet.Field.Builder message(ByteString bytes) {
        return UnknownFieldSet.Field.newBuilder().addLengthDelimited(bytes);
    }

    /** With field 7, which the older protocol has. */
    private static ModelDescriptor.Builder older(
            ModelDescriptor.Builder descriptor, UnknownFieldSet.Field.Builder field) {
        return descriptor.setUnknownFields(
                UnknownFieldSet.newBuilder()
                        .addField(7, field.build())
                        .addField(1000, message(ByteString.EMPTY).build())
                        .build());
    }

    @Test
    void preprocessingOfTheOlderProtocolIsReadAsThatOfThis() throws Exception {
        ModelDescriptor older = older(valid(), message(WINDOW.toByteString())).build();
        ModelToServe model = ModelToServe.read(older.toByteArray(), 100);
        assertThat(model.hasPreprocessing()).isTrue();
        assertThat(model.preprocessing()).isEqualTo(WINDOW);
        assertThat(model.stateDescriptor().getUnknownFields().asMap()).containsOnlyKeys(1000);
        assertThat(ModelToServe.of(valid().build()).hasPreprocessing()).isFalse();
    }

    private static Arguments refused(
            String what, ErrorCode code, UnaryOperator<ModelDescriptor.Builder> change) {
        return Arguments.of(what, code, change.apply(valid()).build());
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("refused")
    void descriptorsThatDoNotHoldAreRefused(
            String what, ErrorCode code, ModelDescriptor descriptor) {
        assertThatThrownBy(() -> ModelToServe.read(descriptor.toByteArray(), 100))
                .isInstanceOfSatisfying(
                        ModelException.class, e -> assertThat(e.getCode()).isEqualTo(code));
    }

    @Test
    void bytesThatAreNoDescriptorAreRefusedAtEveryLength() {
        byte[] whole = valid().setVersion("1").build().toByteArray();
        for (int length = 1; length < whole.length; length++) {
            byte[] part = java.util.Arrays.copyOf(whole, length);
            try {
                ModelToServe.read(part, 100);
            } catch (ModelException e) {
                assertThat(e.getCode())
                        .isIn(ErrorCode.DESCRIPTOR_UNREADABLE, ErrorCode.DESCRIPTOR_INVALID);
            }
        }
        assertThatThrownBy(() -> ModelToServe.read(new byte[] {-1, -1, -1}, 100))
                .isInstanceOfSatisfying(
                        ModelException.class,
                        e -> assertThat(e.getCode()).isEqualTo(ErrorCode.DESCRIPTOR_UNREADABLE));
    }

    @Test
    void aCommandNeedsNoContent() throws Exception {
        ModelToServe command =
                ModelToServe.of(valid().clearData().setAction(Action.ROLLBACK).build());
        assertThat(command.content()).isNull();
        assertThat(command.version()).isEmpty();
    }
}
