package io.flinkserving.boundary;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.ModelPreprocessing;
import io.flinkserving.wire.ScorerOptions;
import io.flinkserving.wire.WineRecord;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLiveHandles.class)
class NativeScorerTest {

    private NativeModel model;
    private NativeScorer scorer;

    @AfterEach
    void close() {
        if (scorer != null) {
            scorer.close();
        }
        if (model != null) {
            model.close();
        }
    }

    @Test
    void scoresARecord() throws Exception {
        open(TestModels.TWO_FIELDS, 1);
        assertThat(scorer.outputs()).extracting(OutputField::name).containsExactly("quality");
        assertThat(scorer.outputs().get(0).slot()).isZero();

        assertThat(scorer.score(TestModels.wine(10, 0.5).toByteArray())).isZero();

        assertThat(scorer.rowCount()).isEqualTo(1);
        assertThat(scorer.status(0)).isEqualTo(ErrorCode.OK_VALUE);
        assertThat(scorer.message(0)).isEmpty();
        assertThat(scorer.tag(0, 0)).isEqualTo(CellTag.DOUBLE);
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(7.0);
        assertThat(scorer.durationNanos()).isPositive().isLessThan(1_000_000_000);
    }

    @Test
    void scoresAPartOfAnArray() throws Exception {
        open(TestModels.TWO_FIELDS, 1);
        byte[] record = TestModels.wine(12, 1).toByteArray();
        byte[] padded = new byte[record.length + 30];
        Arrays.fill(padded, (byte) 0xff);
        System.arraycopy(record, 0, padded, 17, record.length);

        assertThat(scorer.score(padded, 17, record.length)).isZero();
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(7.0);
    }

    @Test
    void aWindowGoesFromOneScorerToAnother() throws Exception {
        model = TestModels.load(TestModels.TWO_FIELDS);
        ScorerOptions options =
                TestModels.wineRecords(1).toBuilder()
                        .setPreprocessing(
                                ModelPreprocessing.newBuilder()
                                        .setWidth(1)
                                        .setMean(4)
                                        .setStd(0.5)
                                        .setInput("alcohol"))
                        .build();
        scorer = model.openScorer(options, 10_000);
        byte[] empty = scorer.window();
        assertThat(scorer.score(TestModels.wine(9, 0.5).toByteArray())).isZero();
        byte[] window = scorer.window();
        assertThat(window).isNotEmpty().isNotEqualTo(empty);
        assertThat(scorer.score(new byte[20_000])).isOne();
        assertThat(scorer.status(0)).isEqualTo(ErrorCode.RECORD_TOO_LARGE_VALUE);
        assertThat(scorer.window()).as("what was too large is no value").isEqualTo(window);
        try (NativeScorer other = model.openScorer(options)) {
            other.restoreWindow(window);
            assertThat(other.window()).isEqualTo(window);
            other.restoreWindow(new byte[0]);
            assertThat(other.window()).isEqualTo(empty);
            assertThatThrownBy(() -> other.restoreWindow(new byte[] {-1}))
                    .isInstanceOfSatisfying(
                            NativeException.class,
                            e -> assertThat(e.getCode()).isEqualTo(ErrorCode.INVALID_CALL));
        }
        try (NativeScorer plain = model.openScorer(TestModels.wineRecords(1))) {
            assertThat(plain.window()).isEmpty();
            plain.close();
            assertThatThrownBy(plain::window).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void aLabelIsAlwaysTheSameString() throws Exception {
        open(TestModels.TWO_CLASSES, 2);
        scorer.begin();
        scorer.add(TestModels.wine(12, 0).toByteArray());
        scorer.add(TestModels.wine(8, 0).toByteArray());
        assertThat(scorer.score()).isZero();

        int taste = slotOf("taste");
        assertThat(scorer.tag(0, taste)).isEqualTo(CellTag.LABEL);
        assertThat(scorer.text(0, taste)).isEqualTo("good");
        assertThat(scorer.text(1, taste)).isEqualTo("bad");
        String first = scorer.text(0, taste);
        scorer.score(TestModels.wine(13, 0).toByteArray());
        assertThat(scorer.text(0, taste)).isSameAs(first);
    }

    @Test
    void absentFieldsWithoutPresenceHaveTheirDefault() throws Exception {
        open(TestModels.TWO_FIELDS, 1);
        assertThat(scorer.score(WineRecord.getDefaultInstance().toByteArray())).isZero();
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(3.0);
    }

    @Test
    void absentFieldsWithPresenceAreMissing() throws Exception {
        Descriptor message = messageWithPresence();
        ScorerOptions options =
                ScorerOptions.newBuilder().setProtobuf(ProtobufLayouts.of(message)).build();
        model = TestModels.load(TestModels.TWO_FIELDS);
        scorer = model.openScorer(options);
        DynamicMessage whole =
                DynamicMessage.newBuilder(message)
                        .setField(message.findFieldByName("alcohol"), 10.0)
                        .setField(message.findFieldByName("volatile_acidity"), 0.0)
                        .build();

        scorer.score(whole.toByteArray());
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(8.0);

        DynamicMessage part =
                whole.toBuilder().clearField(message.findFieldByName("alcohol")).build();
        scorer.score(part.toByteArray());
        assertThat(scorer.status(0)).isEqualTo(ErrorCode.OK_VALUE);
        assertThat(scorer.tag(0, 0)).isEqualTo(CellTag.MISSING);
    }

    @Test
    void aTruncatedRecordIsAStatusAndTheNextRecordScores() throws Exception {
        open(TestModels.TWO_FIELDS, 1);
        byte[] record = TestModels.wine(10, 0.5).toByteArray();
        for (int length = 1; length < record.length; length++) {
            int failed = scorer.score(record, 0, length);
            assertThat(failed).isEqualTo(scorer.status(0) == ErrorCode.OK_VALUE ? 0 : 1);
            boolean fieldBoundary = parses(Arrays.copyOf(record, length));
            assertThat(scorer.status(0))
                    .as("%d of %d bytes", length, record.length)
                    .isEqualTo(
                            fieldBoundary ? ErrorCode.OK_VALUE : ErrorCode.RECORD_UNREADABLE_VALUE);
            assertThat(scorer.message(0).isEmpty()).isEqualTo(fieldBoundary);
        }
        assertThat(scorer.score(record)).isZero();
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(7.0);
    }

    @Test
    void theInputBufferGrowsWithTheRecord() throws Exception {
        open(TestModels.TWO_FIELDS, 1);
        for (int text = 100; text <= 10_000_000; text *= 10) {
            WineRecord large =
                    TestModels.wine(10, 0.5).toBuilder().setDataType("w".repeat(text)).build();
            assertThat(scorer.score(large.toByteArray())).as("%d bytes of text", text).isZero();
            assertThat(scorer.doubleValue(0, 0)).isEqualTo(7.0);
        }
    }

    @Test
    void aRecordOverTheMaximumIsAStatusAndTheNextRecordScores() throws Exception {
        model = TestModels.load(TestModels.TWO_FIELDS);
        scorer = model.openScorer(TestModels.wineRecords(1), 10_000);
        byte[] record = TestModels.wine(10, 0.5).toByteArray();
        byte[] fits = Arrays.copyOf(record, 10_000 - 4);
        byte[] tooLarge = Arrays.copyOf(record, 10_000 - 3);

        scorer.score(fits);
        assertThat(scorer.status(0)).isNotEqualTo(ErrorCode.RECORD_TOO_LARGE_VALUE);

        assertThat(scorer.score(tooLarge)).isEqualTo(1);
        assertThat(scorer.status(0)).isEqualTo(ErrorCode.RECORD_TOO_LARGE_VALUE);
        assertThat(scorer.message(0)).contains("10001").contains("10000");
        assertThat(scorer.tag(0, 0)).isEqualTo(CellTag.MISSING);

        assertThat(scorer.score(record)).isZero();
        assertThat(scorer.message(0)).isEmpty();
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(7.0);
    }

    @Test
    void outputFieldsHaveSlotsOfTheirOwn() throws Exception {
        open(TestModels.TWO_CLASSES, 1);
        assertThat(scorer.score(TestModels.wine(10.5, 0).toByteArray())).isZero();
        assertThat(scorer.text(0, slotOf("taste"))).isEqualTo("good");
        double good = scorer.doubleValue(0, slotOf("probability_good"));
        assertThat(good).isEqualTo(1 / (1 + Math.exp(-0.5)), within(1e-12));
        assertThat(scorer.doubleValue(0, slotOf("probability_bad")))
                .isEqualTo(1 - good, within(1e-12));
    }

    @Test
    void scoresAfterItsModelIsClosed() throws Exception {
        open(TestModels.TWO_FIELDS, 1);
        model.close();
        assertThat(NativeLibrary.nativeBytes()).isPositive();
        assertThat(scorer.score(TestModels.wine(10, 0.5).toByteArray())).isZero();
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(7.0);
    }

    @Test
    void scorersOfOneModelWorkInParallel() throws Exception {
        model = TestModels.load(TestModels.TWO_FIELDS);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<Double>> sums = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                int alcohol = 2 * thread;
                sums.add(threads.submit(() -> sumOfScores(alcohol, 10_000)));
            }
            for (int thread = 0; thread < 4; thread++) {
                assertThat(sums.get(thread).get(60, TimeUnit.SECONDS))
                        .isEqualTo(10_000.0 * (3 + thread));
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void closingTwiceClosesOnce() throws Exception {
        open(TestModels.TWO_FIELDS, 1);
        try (NativeScorer other = model.openScorer(TestModels.wineRecords(1))) {
            scorer.close();
            scorer.close();
            assertThat(scorer.isClosed()).isTrue();
            assertThat(NativeLibrary.liveScorers()).isEqualTo(1);
            assertThat(other.score(TestModels.wine(10, 0.5).toByteArray())).isZero();
        }
    }

    @Test
    void useAfterCloseThrows() throws Exception {
        open(TestModels.TWO_FIELDS, 1);
        byte[] record = TestModels.wine(10, 0.5).toByteArray();
        scorer.score(record);
        scorer.close();
        assertThatThrownBy(() -> scorer.score(record)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> scorer.add(record)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(scorer::score).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> scorer.doubleValue(0, 0))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(scorer::durationNanos).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void rowsAndSlotsOutsideTheResultAreRefused() throws Exception {
        open(TestModels.TWO_FIELDS, 4);
        scorer.score(TestModels.wine(10, 0.5).toByteArray());
        assertThatThrownBy(() -> scorer.status(1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> scorer.doubleValue(0, scorer.outputs().size()))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(scorer::rows).isInstanceOf(IllegalStateException.class);
    }

    private void open(String pmml, int capacity) throws NativeException {
        model = TestModels.load(pmml);
        scorer = model.openScorer(TestModels.wineRecords(capacity));
    }

    private double sumOfScores(int alcohol, int records) throws NativeException {
        byte[] record = TestModels.wine(alcohol, 0).toByteArray();
        double sum = 0;
        try (NativeScorer own = model.openScorer(TestModels.wineRecords(1))) {
            for (int i = 0; i < records; i++) {
                own.score(record);
                sum += own.doubleValue(0, 0);
            }
        }
        return sum;
    }

    private int slotOf(String name) {
        return scorer.outputs().stream()
                .filter(field -> field.name().equals(name))
                .findFirst()
                .orElseThrow()
                .slot();
    }

    private static boolean parses(byte[] bytes) {
        try {
            WineRecord.parseFrom(bytes);
            return true;
        } catch (InvalidProtocolBufferException e) {
            return false;
        }
    }

    /** A proto2 message: its fields tell absent from default. */
    private static Descriptor messageWithPresence() throws Exception {
        DescriptorProto.Builder message = DescriptorProto.newBuilder().setName("Sample");
        String[] names = {"alcohol", "volatile_acidity"};
        for (int i = 0; i < names.length; i++) {
            message.addField(
                    FieldDescriptorProto.newBuilder()
                            .setName(names[i])
                            .setNumber(i + 1)
                            .setType(FieldDescriptorProto.Type.TYPE_DOUBLE)
                            .setLabel(FieldDescriptorProto.Label.LABEL_OPTIONAL));
        }
        FileDescriptorProto file =
                FileDescriptorProto.newBuilder()
                        .setName("sample.proto")
                        .setPackage("test")
                        .setSyntax("proto2")
                        .addMessageType(message)
                        .build();
        return FileDescriptor.buildFrom(file, new FileDescriptor[0])
                .findMessageTypeByName("Sample");
    }
}
