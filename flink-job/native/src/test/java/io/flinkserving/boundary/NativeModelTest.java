package io.flinkserving.boundary;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.FieldInfo;
import io.flinkserving.wire.FieldType;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import io.flinkserving.wire.ModelInfo;
import io.flinkserving.wire.ScorerInfo;
import java.security.MessageDigest;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLiveHandles.class)
class NativeModelTest {

    private static final byte[] CONTENT = TestModels.TWO_FIELDS.getBytes(UTF_8);

    @Test
    void tellsWhatItIs() throws Exception {
        try (NativeModel model = TestModels.load(TestModels.TWO_FIELDS)) {
            ModelInfo info = model.info();
            assertThat(info.getModelType()).isEqualTo(ModelType.PMML);
            assertThat(info.getSha256().toByteArray()).isEqualTo(sha256(CONTENT));
            assertThat(info.getNativeBytes())
                    .isPositive()
                    .isLessThanOrEqualTo(NativeLibrary.nativeBytes());
            assertThat(info.getInputsList())
                    .extracting(FieldInfo::getName)
                    .containsExactly("alcohol", "volatile_acidity");
            assertThat(info.getOutputs(0).getType()).isEqualTo(FieldType.FIELD_DOUBLE);
        }
    }

    @Test
    void isOneInMemoryWithAnotherOfTheSameContent() throws Exception {
        try (NativeModel first = TestModels.load(TestModels.TWO_FIELDS)) {
            long bytes = NativeLibrary.nativeBytes();
            try (NativeModel second = TestModels.load(TestModels.TWO_FIELDS)) {
                assertThat(NativeLibrary.nativeBytes()).isEqualTo(bytes);
                assertThat(NativeLibrary.liveModels()).isEqualTo(2);
                assertThat(second.info()).isEqualTo(first.info());
            }
            assertThat(NativeLibrary.nativeBytes()).isEqualTo(bytes);
        }
    }

    @Test
    void comesBackFromItsBytes() throws Exception {
        byte[] stored;
        try (NativeModel model = TestModels.load(TestModels.TWO_FIELDS)) {
            stored = model.toBytes();
        }
        assertThat(stored).hasSizeLessThan(CONTENT.length);
        try (NativeModel restored = NativeModel.restore(stored);
                NativeScorer scorer = restored.openScorer(TestModels.wineRecords(1))) {
            assertThat(scorer.score(TestModels.wine(10, 0.5).toByteArray())).isZero();
            assertThat(scorer.doubleValue(0, 0)).isEqualTo(7.0);
        }
    }

    @Test
    void packedWithoutCompilingIsTheSameAsItsBytes() throws Exception {
        byte[] packed = NativeModel.pack(TestModels.descriptor(), CONTENT);
        assertThat(NativeLibrary.liveModels()).isZero();
        try (NativeModel model = NativeModel.load(TestModels.descriptor(), CONTENT)) {
            assertThat(packed).isEqualTo(model.toBytes());
        }
    }

    @Test
    void contentInsideTheDescriptorIsIgnored() throws Exception {
        ModelDescriptor descriptor =
                TestModels.descriptor().toBuilder()
                        .setData(ByteString.copyFromUtf8("no model at all"))
                        .build();
        try (NativeModel model = NativeModel.load(descriptor, CONTENT)) {
            assertThat(model.info().getSha256().toByteArray()).isEqualTo(sha256(CONTENT));
        }
    }

    @Test
    void unparsableContentIsRefusedWithItsLine() {
        String broken = TestModels.TWO_FIELDS.replace("</RegressionTable>", "</Wrong>");
        int line = lineOf(broken, "</Wrong>");

        NativeException e = refusal(TestModels.descriptor(), broken.getBytes(UTF_8));

        assertThat(e.getCode()).isEqualTo(ErrorCode.MODEL_UNPARSABLE);
        assertThat(e.getNumber()).isEqualTo(ErrorCode.MODEL_UNPARSABLE_VALUE);
        assertThat(e).hasMessageContaining("line " + line);
    }

    @Test
    void unknownTypeIsRefused() {
        ModelDescriptor descriptor =
                TestModels.descriptor().toBuilder().setModeltypeValue(77).build();
        NativeException e = refusal(descriptor, CONTENT);
        assertThat(e.getCode()).isEqualTo(ErrorCode.MODEL_TYPE_UNKNOWN);
        assertThat(e).hasMessageContaining("77");
    }

    @Test
    void anotherDigestThanTheDescriptorsIsRefused() throws Exception {
        ModelDescriptor descriptor =
                TestModels.descriptor().toBuilder()
                        .setSha256(ByteString.copyFrom(sha256("other".getBytes(UTF_8))))
                        .build();
        assertThat(refusal(descriptor, CONTENT).getCode()).isEqualTo(ErrorCode.DIGEST_MISMATCH);
    }

    @Test
    void truncatedStoredBytesAreRefusedAtEveryLength() throws Exception {
        byte[] stored = NativeModel.pack(TestModels.descriptor(), CONTENT);
        for (int length = 0; length < stored.length; length += 7) {
            byte[] truncated = Arrays.copyOf(stored, length);
            assertThatThrownBy(() -> NativeModel.restore(truncated))
                    .as("%d of %d bytes", length, stored.length)
                    .isInstanceOf(NativeException.class);
        }
    }

    @Test
    void modelOverTheMemoryLimitIsRefused() throws Exception {
        NativeLibrary.setNativeMemoryLimit(1);
        try {
            NativeException e = refusal(TestModels.descriptor(), CONTENT);
            assertThat(e.getCode()).isEqualTo(ErrorCode.MODEL_TOO_LARGE);
        } finally {
            NativeLibrary.setNativeMemoryLimit(Long.MAX_VALUE);
        }
        TestModels.load(TestModels.TWO_FIELDS).close();
    }

    @Test
    void recordsThatLackAnInputAreRefusedWhenTheScorerIsOpened() throws Exception {
        try (NativeModel model = TestModels.load(TestModels.TWO_FIELDS)) {
            NativeException e =
                    catchThrowableOfType(
                            NativeException.class,
                            () ->
                                    model.openScorer(
                                            TestModels.packed(
                                                    1, "alcohol", FieldType.FIELD_DOUBLE)));
            assertThat(e.getCode()).isEqualTo(ErrorCode.BINDING_FAILED);
            assertThat(e).hasMessageContaining("volatile_acidity");
        }
    }

    @Test
    void moreRowsThanTheMaximumHoldsAreRefused() throws Exception {
        try (NativeModel model = TestModels.load(TestModels.TWO_FIELDS)) {
            NativeException e =
                    catchThrowableOfType(
                            NativeException.class,
                            () -> model.openScorer(TestModels.wineRecords(1000), 4096));
            assertThat(e.getCode()).isEqualTo(ErrorCode.INVALID_CALL);
            assertThat(e).hasMessageContaining("4096");
        }
    }

    @Test
    void describesAScorerWithoutOpeningIt() throws Exception {
        try (NativeModel model = TestModels.load(TestModels.TWO_FIELDS)) {
            ScorerInfo info = model.describeScorer(TestModels.wineRecords(10));
            assertThat(info.getRowStride()).isEqualTo(16 + 8 + 8);
            assertThat(info.getMinimumOutput()).isEqualTo(16 + 10 * 32);
            assertThat(info.getPackedInput()).isZero();
            assertThat(NativeLibrary.liveScorers()).isZero();
        }
    }

    @Test
    void closingTwiceClosesOnce() throws Exception {
        NativeModel other = TestModels.load(TestModels.TWO_FIELDS);
        NativeModel model = TestModels.load(TestModels.TWO_FIELDS);
        model.close();
        model.close();
        assertThat(model.isClosed()).isTrue();
        assertThat(NativeLibrary.liveModels()).isEqualTo(1);
        other.close();
    }

    @Test
    void useAfterCloseThrows() throws Exception {
        NativeModel model = TestModels.load(TestModels.TWO_FIELDS);
        model.close();
        assertThatThrownBy(model::toBytes).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> model.openScorer(TestModels.wineRecords(1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> model.describeScorer(TestModels.wineRecords(1)))
                .isInstanceOf(IllegalStateException.class);
        assertThat(model.info().getModelType()).isEqualTo(ModelType.PMML);
    }

    @Test
    void aPanicInTheLibraryIsAnExceptionAndTheNextCallWorks() throws Exception {
        NativeLibrary.load();
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(NativeMethods::panicForTest).isInstanceOf(NativeException.class);
            try (NativeModel model = TestModels.load(TestModels.TWO_FIELDS);
                    NativeScorer scorer = model.openScorer(TestModels.wineRecords(1))) {
                assertThat(scorer.score(TestModels.wine(10, 0.5).toByteArray())).isZero();
            }
        }
    }

    private static NativeException refusal(ModelDescriptor descriptor, byte[] content) {
        NativeException e =
                catchThrowableOfType(
                        NativeException.class, () -> NativeModel.load(descriptor, content).close());
        assertThat(e).as("the model is refused").isNotNull();
        return e;
    }

    private static int lineOf(String text, String part) {
        return (int) text.substring(0, text.indexOf(part)).chars().filter(c -> c == '\n').count()
                + 1;
    }

    private static byte[] sha256(byte[] bytes) throws Exception {
        return MessageDigest.getInstance("SHA-256").digest(bytes);
    }
}
