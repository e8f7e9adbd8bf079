package io.flinkserving.functions;

import io.flinkserving.data.RecordBlock;

/** Where the records of a block are, one after the other in the order in which they came. */
final class RecordOffsets {

    private RecordBlock block;

    /** By data type of the block: where its next record is. */
    private int[] offsets = new int[1];

    void begin(RecordBlock ofRecords) {
        block = ofRecords;
        int types = block.dataTypes().length;
        if (offsets.length < types) {
            offsets = new int[types];
        }
        for (int type = 0; type < types; type++) {
            offsets[type] = block.start(type);
        }
    }

    /**
     * Offset of a record's header in the block's bytes.
     *
     * @param index of the record; from one call to the next one more
     */
    int next(int index) {
        int type = block.type(index);
        int offset = offsets[type];
        offsets[type] = block.next(offset);
        return offset;
    }

    /** No record is asked for any more. */
    void end() {
        block = null;
    }
}
