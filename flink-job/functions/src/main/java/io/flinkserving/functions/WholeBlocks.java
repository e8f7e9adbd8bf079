package io.flinkserving.functions;

import io.flinkserving.data.RecordBlock;
import io.flinkserving.model.BoundScorer;
import io.flinkserving.model.ServingOutcome;
import java.io.IOException;

/**
 * Scores the records of a block in one call for each of its data types, without a look at each of
 * them before.
 */
final class WholeBlocks<R> {

    private final RecordBatch<R> waiting;
    private final RecordScoring<R> scoring;
    private final RecentSlots<R> recent;
    private final RecordInput<?, R> input;
    private final OutcomeEmitter emitter;
    private final RecordOffsets offsets = new RecordOffsets();

    // By data type of the block.
    private Slot<R>[] slots;
    private int[] failed;
    private int[] rows;

    /**
     * @param waiting records that leave before the block's
     */
    WholeBlocks(
            RecordBatch<R> waiting,
            RecordScoring<R> scoring,
            RecentSlots<R> recent,
            RecordInput<?, R> input,
            OutcomeEmitter emitter) {
        this.waiting = waiting;
        this.scoring = scoring;
        this.recent = recent;
        this.input = input;
        this.emitter = emitter;
        makeRoom(1);
    }

    @SuppressWarnings("unchecked")
    private void makeRoom(int types) {
        slots = new Slot[types];
        failed = new int[types];
        rows = new int[types];
    }

    /**
     * Scores all records of a block that all have messages, and emits what becomes of them.
     *
     * @return false when that is not possible, and nothing happened but that no record waits
     */
    boolean take(RecordBlock block) throws Exception {
        waiting.flush();
        int types = block.dataTypes().length;
        if (slots.length < types) {
            makeRoom(types);
        }
        boolean allScored = score(block, types);
        if (allScored) {
            int failures = 0;
            for (int type = 0; type < types; type++) {
                BoundScorer<R> scorer = slots[type].active;
                failures += failed[type];
                rows[type] = 0;
                if (failed[type] < scorer.rows()) {
                    scoring.scored(
                            slots[type], scorer.nanosPerRecord(), scorer.rows() - failed[type]);
                }
            }
            if (failures == 0) {
                emit(block);
            } else {
                emitWithErrors(block);
            }
        }
        for (int type = 0; type < types; type++) {
            slots[type] = null;
        }
        return allScored;
    }

    private boolean score(RecordBlock block, int types) {
        for (int type = 0; type < types; type++) {
            Slot<R> slot = recent.readyFor(block.dataTypes()[type]);
            if (slot == null || !takesAtOnce(slot.active, block.count(type))) {
                return false;
            }
            slots[type] = slot;
        }
        try {
            for (int type = 0; type < types; type++) {
                BoundScorer<R> scorer = slots[type].active;
                int start = block.start(type);
                failed[type] =
                        scorer.scoreMessages(
                                block.bytes(), start, block.end(type) - start, block.count(type));
                if (failed[type] < 0 || failed[type] > 0 && RecordBatch.hasTooLarge(scorer)) {
                    return false;
                }
            }
        } catch (RuntimeException | StackOverflowError e) {
            // Scored one by one, each gets its own answer.
            return false;
        }
        return true;
    }

    private static boolean takesAtOnce(BoundScorer<?> scorer, int records) {
        return scorer.takesMessages()
                && scorer.capacity() > 1
                && records <= RecordBatch.most(scorer);
    }

    private void emit(RecordBlock block) {
        int size = block.size();
        boolean isTimed = block.timestamps() != null;
        emitter.comesOf(RecordBlock.NO_TIMESTAMP);
        BoundScorer<R> scorer = slots[0].active;
        boolean isOfOneType = block.typeOfRecord() == null;
        for (int i = 0; i < size; i++) {
            int row = i;
            if (!isOfOneType) {
                int type = block.type(i);
                scorer = slots[type].active;
                row = rows[type]++;
            }
            if (isTimed) {
                emitter.comesOf(block.timestamp(i));
            }
            emitter.collectResult(scorer.result(row, block.id(i)));
        }
    }

    private void emitWithErrors(RecordBlock block) throws IOException {
        offsets.begin(block);
        for (int i = 0; i < block.size(); i++) {
            int offset = offsets.next(i);
            int type = block.type(i);
            int row = rows[type]++;
            Slot<R> slot = slots[type];
            ServingOutcome outcome = slot.active.result(row, block.id(i));
            if (outcome == null) {
                R record = input.record(block, i, offset).getValue();
                outcome = scoring.failed(slot, record, slot.active.failure(row));
            }
            emitter.comesOf(block.timestamp(i));
            emitter.collect(outcome);
        }
        offsets.end();
    }
}
