package io.flinkserving.functions;

import io.flinkserving.data.DataToServe;
import io.flinkserving.data.RecordBlock;
import io.flinkserving.model.BoundScorer;
import io.flinkserving.model.ServingOutcome;
import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Records that wait to be scored together, each by the model of its data type. What becomes of them
 * leaves in the order in which they came. Between two calls of {@link #flush} no slot may change.
 * Records of a block that can be scored together do not wait.
 */
final class RecordBatch<R> implements RecordInput.Taker<R> {

    /**
     * What one call of the library may take, so that a slow model does not hold up the task: its
     * records come in smaller batches.
     */
    private static final long CALL_NANOS = 1_000_000;

    /** Scores a record by itself, because it is unknown which record made a batch fail. */
    interface Alone<R> {
        void process(StreamRecord<R> record) throws Exception;
    }

    /** In place of an offset: the record is not in a block. */
    private static final int NO_BLOCK = -1;

    private final DataToServe<R> dataToServe;
    private final RecordScoring<R> scoring;
    private final RecentSlots<R> recent;
    private final RecordInput<?, R> input;
    private final OutcomeEmitter emitter;
    private final Alone<R> alone;
    private final int size;
    private final WholeBlocks<R> whole;

    /** Null: the record is in a block. */
    private final StreamRecord<R>[] records;

    private final int[] offsets;
    private final int[] indexes;

    /** Which of the blocks, where the record is in one. */
    private final int[] blockOf;

    /** Which of the slots. */
    private final int[] slotOf;

    private final int[] rows;
    private final String[] ids;
    private final ServingOutcome[] outcomes;
    private int count;

    // Arrays of numbers say which slot and which block a record has: references from old objects
    // cost the garbage collector a note each.

    /** Slots that have records in the batch. */
    private final Slot<R>[] slots;

    private int slotCount;

    /** Blocks that have records in the batch. */
    private final RecordBlock[] blocks;

    private int blockCount;
    private boolean flushing;

    @SuppressWarnings("unchecked")
    RecordBatch(
            DataToServe<R> dataToServe,
            RecordScoring<R> scoring,
            RecentSlots<R> recent,
            int size,
            RecordInput<?, R> input,
            OutcomeEmitter emitter,
            Alone<R> alone) {
        this.dataToServe = dataToServe;
        this.scoring = scoring;
        this.recent = recent;
        this.input = input;
        this.emitter = emitter;
        this.alone = alone;
        this.size = size;
        whole = new WholeBlocks<>(this, scoring, recent, input, emitter);
        records = new StreamRecord[size];
        offsets = new int[size];
        indexes = new int[size];
        blockOf = new int[size];
        slotOf = new int[size];
        rows = new int[size];
        ids = new String[size];
        outcomes = new ServingOutcome[size];
        slots = new Slot[size];
        blocks = new RecordBlock[size];
    }

    boolean isEmpty() {
        return count == 0;
    }

    @Override
    public void take(StreamRecord<R> record) throws Exception {
        Slot<R> slot = recent.ready(record.getValue());
        if (slot == null || !add(slot, record)) {
            flush();
            alone.process(record);
        }
    }

    @Override
    public void take(RecordBlock block, int index, int offset) throws Exception {
        Slot<R> slot = recent.readyFor(block.dataType(index));
        if (slot == null || !add(slot, block, index, offset)) {
            flush();
            alone.process(input.record(block, index, offset));
        }
    }

    @Override
    public boolean take(RecordBlock block) throws Exception {
        return block.hasMessages() && whole.take(block);
    }

    /**
     * Adds a record, to be scored by the active scorer of its slot; scores them all when there are
     * enough.
     *
     * @return false when this record has to be scored by itself, after {@link #flush}
     */
    private boolean add(Slot<R> slot, StreamRecord<R> record) throws Exception {
        BoundScorer<R> scorer = slot.active;
        if (scorer.capacity() == 1) {
            return false;
        }
        R value = record.getValue();
        String id;
        try {
            id = dataToServe.getId(value);
        } catch (RuntimeException e) {
            return false;
        }
        begin(slot);
        int row = scorer.add(value);
        if (row < 0) {
            return false;
        }
        records[count] = record;
        offsets[count] = NO_BLOCK;
        added(slot, row, id);
        return true;
    }

    /**
     * The same for a record of a block, which is read only if it has to be.
     *
     * @param index of the record in the block
     * @param offset of its header in the block's bytes
     */
    private boolean add(Slot<R> slot, RecordBlock block, int index, int offset) throws Exception {
        BoundScorer<R> scorer = slot.active;
        int message = block.messageLength(offset);
        if (message == RecordBlock.NO_MESSAGE || !scorer.takesMessages()) {
            return add(slot, input.record(block, index, offset));
        }
        if (scorer.capacity() == 1) {
            return false;
        }
        begin(slot);
        int row = scorer.addMessage(block.bytes(), block.next(offset) - message, message);
        if (row < 0) {
            return false;
        }
        if (blockCount == 0 || blocks[blockCount - 1] != block) {
            blocks[blockCount++] = block;
        }
        blockOf[count] = blockCount - 1;
        indexes[count] = index;
        offsets[count] = offset;
        added(slot, row, block.id(index));
        return true;
    }

    private static void begin(Slot<?> slot) {
        if (!slot.isBatched) {
            slot.active.begin();
        }
    }

    private void added(Slot<R> slot, int row, String id) throws Exception {
        BoundScorer<R> scorer = slot.active;
        if (!slot.isBatched) {
            slot.isBatched = true;
            slot.batchLimit = most(scorer);
            slot.batchIndex = slotCount;
            slots[slotCount++] = slot;
        }
        int at = count++;
        slotOf[at] = slot.batchIndex;
        rows[at] = row;
        if (id != null) {
            ids[at] = id;
        }
        if (count == size || scorer.rows() >= slot.batchLimit) {
            flush();
        }
    }

    /** Most records of a call. */
    static int most(BoundScorer<?> scorer) {
        long bearable = CALL_NANOS / Math.max(1, scorer.nanosPerRecord());
        return (int) Math.max(1, Math.min(scorer.capacity(), bearable));
    }

    /** Scores the records and emits what becomes of them. */
    void flush() throws Exception {
        if (count == 0 || flushing) {
            return;
        }
        flushing = true;
        try {
            boolean allScored = true;
            for (int i = 0; i < slotCount; i++) {
                Slot<R> slot = slots[i];
                slot.isBatched = false;
                slot.isBatchScored = score(slot);
                allScored &= slot.isBatchScored;
            }
            if (allScored) {
                for (int i = 0; i < count; i++) {
                    emit(i, outcome(i));
                }
            } else {
                emitApart();
            }
        } finally {
            Arrays.fill(records, 0, count, null);
            Arrays.fill(ids, 0, count, null);
            Arrays.fill(slots, 0, slotCount, null);
            Arrays.fill(blocks, 0, blockCount, null);
            count = 0;
            slotCount = 0;
            blockCount = 0;
            flushing = false;
        }
    }

    /**
     * Some records are scored again, each by itself, which may close scorers: so all results are
     * taken before.
     */
    private void emitApart() throws Exception {
        for (int i = 0; i < count; i++) {
            outcomes[i] = slots[slotOf[i]].isBatchScored ? outcome(i) : null;
        }
        for (int i = 0; i < count; i++) {
            if (outcomes[i] == null) {
                alone.process(record(i));
            } else {
                emit(i, outcomes[i]);
                outcomes[i] = null;
            }
        }
    }

    private void emit(int at, ServingOutcome outcome) {
        if (offsets[at] == NO_BLOCK) {
            emitter.comesOf(records[at]);
        } else {
            emitter.comesOf(blocks[blockOf[at]].timestamp(indexes[at]));
        }
        emitter.collect(outcome);
    }

    /** Whether each row of the slot has a score, or an error of its own. */
    private boolean score(Slot<R> slot) {
        BoundScorer<R> scorer = slot.active;
        int failed;
        try {
            failed = scorer.scoreBatch();
        } catch (RuntimeException | StackOverflowError e) {
            return false;
        }
        if (failed > 0 && hasTooLarge(scorer)) {
            return false;
        }
        int scored = scorer.rows() - failed;
        if (scored > 0) {
            scoring.scored(slot, scorer.nanosPerRecord(), scored);
        }
        return true;
    }

    /** Which need not be true: the rows share the buffers. */
    static boolean hasTooLarge(BoundScorer<?> scorer) {
        for (int row = 0; row < scorer.rows(); row++) {
            if (scorer.isTooLarge(row)) {
                return true;
            }
        }
        return false;
    }

    private StreamRecord<R> record(int at) throws IOException {
        return offsets[at] == NO_BLOCK
                ? records[at]
                : input.record(blocks[blockOf[at]], indexes[at], offsets[at]);
    }

    private ServingOutcome outcome(int at) throws IOException {
        Slot<R> slot = slots[slotOf[at]];
        ServingOutcome result = slot.active.result(rows[at], ids[at]);
        return result != null
                ? result
                : scoring.failed(slot, record(at).getValue(), slot.active.failure(rows[at]));
    }
}
