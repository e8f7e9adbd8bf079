package io.flinkserving.boundary;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.flinkserving.wire.ErrorCode;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLiveHandles.class)
class NativeScorerBatchTest {

    private static final byte[] UNREADABLE = {0x09, 1, 2, 3};

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
    void rowsAreInTheOrderOfTheRecords() throws Exception {
        open(100, NativeScorer.DEFAULT_MAXIMUM_BYTES);
        for (int count : new int[] {1, 3, 64, 65, 100}) {
            scorer.begin();
            for (int i = 0; i < count; i++) {
                assertThat(scorer.add(TestModels.wine(i, 0).toByteArray())).isTrue();
            }
            assertThat(scorer.score()).isZero();
            assertThat(scorer.rowCount()).isEqualTo(count);
            for (int i = 0; i < count; i++) {
                assertThat(scorer.doubleValue(i, 0)).isEqualTo(3 + 0.5 * i);
            }
        }
    }

    /** More than are copied out of the buffer at once. */
    @Test
    void rowsAreReadInAnyOrderUntilTheNextCall() throws Exception {
        open(2000, NativeScorer.DEFAULT_MAXIMUM_BYTES);
        long[] tags = {CellTag.DOUBLE};
        long[] cells = new long[1];
        for (int count : new int[] {1, 3, 2000, 2, 1999, 1}) {
            scorer.begin();
            for (int i = 0; i < count; i++) {
                scorer.add(TestModels.wine(count + i, 0).toByteArray());
            }
            assertThat(scorer.score()).isZero();
            for (int i = 0; i < count; i++) {
                int row = (int) (i * 7L % count);
                assertThat(scorer.tags(row)).isEqualTo(tags);
                assertThat(scorer.read(row, cells, tags)).isTrue();
                assertThat(Double.longBitsToDouble(cells[0])).isEqualTo(3 + 0.5 * (count + row));
            }
            assertThatThrownBy(() -> scorer.read(count, cells, tags))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> scorer.tags(-1)).isInstanceOf(IndexOutOfBoundsException.class);
        }
        assertThat(scorer.score(UNREADABLE)).isOne();
        assertThat(scorer.read(0, cells, tags)).as("tags of another kind").isFalse();
        scorer.begin();
        assertThatThrownBy(() -> scorer.read(0, cells, tags)).as("before the call").isNotNull();
        scorer.close();
        assertThatThrownBy(() -> scorer.tags(0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void anEmptyBatchHasNoRows() throws Exception {
        open(4, NativeScorer.DEFAULT_MAXIMUM_BYTES);
        scorer.begin();
        assertThat(scorer.score()).isZero();
        assertThat(scorer.rowCount()).isZero();
    }

    @Test
    void moreRecordsThanTheCapacityDoNotGoIn() throws Exception {
        open(2, NativeScorer.DEFAULT_MAXIMUM_BYTES);
        byte[] record = TestModels.wine(10, 0.5).toByteArray();
        scorer.begin();
        assertThat(scorer.add(record)).isTrue();
        assertThat(scorer.add(record)).isTrue();
        assertThat(scorer.add(record)).isFalse();
        assertThat(scorer.score()).isZero();
        assertThat(scorer.rowCount()).isEqualTo(2);
    }

    @Test
    void messagesAreFoundAtTheEndsOfRecords() throws Exception {
        open(4, 400);
        byte[] message = TestModels.wine(10, 0.5).toByteArray();
        byte[] records = new byte[1000];
        ByteBuffer block = ByteBuffer.wrap(records);
        for (int i = 0; i < 4; i++) {
            block.putInt(i + message.length).putInt(message.length).put(new byte[i]).put(message);
        }
        assertThat(scorer.scoreEnds(records, 0, block.position(), 4)).isZero();
        assertThat(scorer.rowCount()).isEqualTo(4);
        for (int i = 0; i < 4; i++) {
            assertThat(scorer.doubleValue(i, 0)).isEqualTo(7);
        }
        int second = 8 + message.length;
        assertThat(scorer.scoreEnds(records, second, second + 1, 1)).isZero();
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(7);
        assertThat(scorer.scoreEnds(records, 0, block.position(), 5)).as("capacity").isEqualTo(-1);
        assertThat(scorer.scoreEnds(records, 0, 401, 4)).as("maximum").isEqualTo(-1);
        assertThat(scorer.score(message)).as("goes on").isZero();
    }

    @Test
    void aBadRecordFailsAlone() throws Exception {
        open(3, NativeScorer.DEFAULT_MAXIMUM_BYTES);
        scorer.begin();
        scorer.add(TestModels.wine(10, 0.5).toByteArray());
        scorer.add(UNREADABLE);
        scorer.add(TestModels.wine(12, 0.5).toByteArray());

        assertThat(scorer.score()).isEqualTo(1);
        assertThat(scorer.status(0)).isEqualTo(ErrorCode.OK_VALUE);
        assertThat(scorer.status(1)).isEqualTo(ErrorCode.RECORD_UNREADABLE_VALUE);
        assertThat(scorer.message(1)).isNotEmpty();
        assertThat(scorer.status(2)).isEqualTo(ErrorCode.OK_VALUE);
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(7);
        assertThat(scorer.doubleValue(2, 0)).isEqualTo(8);
    }

    @Test
    void theOutputBufferGrowsWithTheMessages() throws Exception {
        int count = 500;
        open(count, NativeScorer.DEFAULT_MAXIMUM_BYTES);
        for (int round = 0; round < 2; round++) {
            scorer.begin();
            for (int i = 0; i < count; i++) {
                scorer.add(i == 7 ? TestModels.wine(10, 0.5).toByteArray() : UNREADABLE);
            }
            assertThat(scorer.score()).isEqualTo(count - 1);
            for (int i = 0; i < count; i++) {
                if (i == 7) {
                    assertThat(scorer.doubleValue(i, 0)).isEqualTo(7);
                } else {
                    assertThat(scorer.status(i)).isEqualTo(ErrorCode.RECORD_UNREADABLE_VALUE);
                    assertThat(scorer.message(i)).isEqualTo(scorer.message(0)).isNotEmpty();
                }
            }
        }
    }

    @Test
    void aResultOverTheMaximumFailsAllRowsAndTheNextBatchScores() throws Exception {
        int count = 300;
        open(count, 16 + count * 32 + 500);
        scorer.begin();
        for (int i = 0; i < count; i++) {
            assertThat(scorer.add(UNREADABLE)).isTrue();
        }
        assertThat(scorer.score()).isEqualTo(count);
        for (int i = 0; i < count; i++) {
            assertThat(scorer.status(i)).isEqualTo(ErrorCode.RECORD_TOO_LARGE_VALUE);
            assertThat(scorer.message(i)).contains("maximum");
        }
        assertThat(scorer.score(TestModels.wine(10, 0.5).toByteArray())).isZero();
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(7);
    }

    @Test
    void anOversizedRecordFailsInItsPlace() throws Exception {
        open(4, 2000);
        byte[] record = TestModels.wine(10, 0.5).toByteArray();
        byte[] oversized = Arrays.copyOf(record, 5000);
        scorer.begin();
        assertThat(scorer.add(record)).isTrue();
        assertThat(scorer.add(oversized)).isTrue();
        assertThat(scorer.add(record)).isTrue();

        assertThat(scorer.score()).isEqualTo(1);
        assertThat(scorer.status(1)).isEqualTo(ErrorCode.RECORD_TOO_LARGE_VALUE);
        assertThat(scorer.message(1)).contains("5004").contains("2000");
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(7);
        assertThat(scorer.doubleValue(2, 0)).isEqualTo(7);
    }

    @Test
    void recordsThatTogetherExceedTheMaximumGoIntoTheNextBatch() throws Exception {
        open(50, 4000);
        byte[] record =
                TestModels.wine(10, 0.5).toBuilder()
                        .setDataType("w".repeat(900))
                        .build()
                        .toByteArray();
        int scored = 0;
        int batches = 0;
        scorer.begin();
        for (int i = 0; i < 50; i++) {
            if (!scorer.add(record)) {
                assertThat(scorer.score()).isZero();
                scored += scorer.rowCount();
                batches++;
                scorer.begin();
                assertThat(scorer.add(record)).isTrue();
            }
        }
        assertThat(scorer.score()).isZero();
        assertThat(scored + scorer.rowCount()).isEqualTo(50);
        assertThat(batches).isEqualTo(12);
    }

    private void open(int capacity, int maximumBytes) throws NativeException {
        model = TestModels.load(TestModels.TWO_FIELDS);
        scorer = model.openScorer(TestModels.wineRecords(capacity), maximumBytes);
    }
}
