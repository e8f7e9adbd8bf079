package io.flinkserving.functions;

import io.flinkserving.data.DataToServe;
import io.flinkserving.model.BoundScorer;
import io.flinkserving.model.ServingOutcome;
import java.util.Arrays;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Records that wait to be scored together, each by the model of its data type. What becomes of them
 * leaves in the order in which they came. Between two calls of {@link #flush} no slot may change.
 */
final class RecordBatch<R> {

    /**
     * What one call of the library may take, so that a slow model does not hold up the task: its
     * records come in smaller batches.
     */
    private static final long CALL_NANOS = 1_000_000;

    /** Scores a record by itself, because it is unknown which record made a batch fail. */
    interface Alone<R> {
        void process(StreamRecord<R> record) throws Exception;
    }

    private final DataToServe<R> dataToServe;
    private final RecordScoring<R> scoring;
    private final OutcomeEmitter emitter;
    private final Alone<R> alone;
    private final int size;

    private final StreamRecord<R>[] records;
    private final Slot<R>[] slots;
    private final int[] rows;
    private final String[] ids;
    private final ServingOutcome[] outcomes;
    private int count;

    /** Slots that have records in the batch. */
    private final Slot<R>[] used;

    private int usedCount;
    private boolean flushing;

    @SuppressWarnings("unchecked")
    RecordBatch(
            DataToServe<R> dataToServe,
            RecordScoring<R> scoring,
            int size,
            OutcomeEmitter emitter,
            Alone<R> alone) {
        this.dataToServe = dataToServe;
        this.scoring = scoring;
        this.emitter = emitter;
        this.alone = alone;
        this.size = size;
        records = new StreamRecord[size];
        slots = new Slot[size];
        rows = new int[size];
        ids = new String[size];
        outcomes = new ServingOutcome[size];
        used = new Slot[size];
    }

    boolean isEmpty() {
        return count == 0;
    }

    /**
     * Adds a record, to be scored by the active scorer of its slot; scores them all when there are
     * enough.
     *
     * @return false when this record has to be scored by itself, after {@link #flush}
     */
    boolean add(Slot<R> slot, StreamRecord<R> record) throws Exception {
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
        if (!slot.isBatched) {
            scorer.begin();
        }
        int row = scorer.add(value);
        if (row < 0) {
            return false;
        }
        if (!slot.isBatched) {
            slot.isBatched = true;
            slot.batchLimit = most(scorer);
            used[usedCount++] = slot;
        }
        int at = count++;
        records[at] = record;
        slots[at] = slot;
        rows[at] = row;
        ids[at] = id;
        if (count == size || scorer.rows() >= slot.batchLimit) {
            flush();
        }
        return true;
    }

    private static int most(BoundScorer<?> scorer) {
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
            for (int i = 0; i < usedCount; i++) {
                Slot<R> slot = used[i];
                slot.isBatched = false;
                slot.isBatchScored = score(slot);
            }
            // All results are taken before anything is emitted: a record that is scored by itself
            // may close scorers.
            for (int i = 0; i < count; i++) {
                outcomes[i] = slots[i].isBatchScored ? outcome(i) : null;
            }
            for (int i = 0; i < count; i++) {
                if (outcomes[i] != null) {
                    emitter.comesOf(records[i]);
                    emitter.collect(outcomes[i]);
                } else {
                    alone.process(records[i]);
                }
            }
        } finally {
            Arrays.fill(records, 0, count, null);
            Arrays.fill(slots, 0, count, null);
            Arrays.fill(outcomes, 0, count, null);
            Arrays.fill(ids, 0, count, null);
            Arrays.fill(used, 0, usedCount, null);
            count = 0;
            usedCount = 0;
            flushing = false;
        }
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
        int scored = scorer.rows() - failed;
        if (failed > 0) {
            for (int row = 0; row < scorer.rows(); row++) {
                if (scorer.isTooLarge(row)) {
                    // The rows share the buffers.
                    return false;
                }
            }
        }
        if (scored > 0) {
            scoring.scored(slot, scorer.nanosPerRecord(), scored);
        }
        return true;
    }

    private ServingOutcome outcome(int at) {
        Slot<R> slot = slots[at];
        ServingOutcome result = slot.active.result(rows[at], ids[at]);
        return result != null
                ? result
                : scoring.failed(slot, records[at].getValue(), slot.active.failure(rows[at]));
    }
}
