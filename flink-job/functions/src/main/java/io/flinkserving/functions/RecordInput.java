package io.flinkserving.functions;

import io.flinkserving.data.RecordBlock;
import java.io.IOException;
import java.io.Serializable;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.metrics.Counter;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * What comes at the record input of an operator: records, or blocks of them.
 *
 * @param <E> the elements
 * @param <R> the records
 */
abstract class RecordInput<E, R> implements Serializable {

    private static final long serialVersionUID = 1L;

    private RecordInput() {}

    /** Takes the records one after the other. */
    interface Taker<R> {
        void take(StreamRecord<R> record) throws Exception;

        /** Takes a record that {@link RecordInput#record} gives. */
        void take(RecordBlock block, int index, int offset) throws Exception;

        /**
         * Takes all records of a block.
         *
         * @return false when they have to be taken one after the other
         */
        boolean take(RecordBlock block) throws Exception;
    }

    /** Hands over the records of an element. */
    abstract void read(StreamRecord<E> element, Taker<R> taker) throws Exception;

    /**
     * @param records what counts elements
     */
    void open(Counter records) {}

    /**
     * A record of a block.
     *
     * @param index of the record in the block
     * @param offset of its header in the block's bytes
     */
    abstract StreamRecord<R> record(RecordBlock block, int index, int offset) throws IOException;

    static <R> RecordInput<R, R> ofRecords() {
        return new Records<>();
    }

    /**
     * @param serializer the one that wrote the records into the blocks
     */
    static <R> RecordInput<RecordBlock, R> ofBlocks(TypeSerializer<R> serializer) {
        return new Blocks<>(serializer);
    }

    private static final class Records<R> extends RecordInput<R, R> {

        private static final long serialVersionUID = 1L;

        @Override
        void read(StreamRecord<R> element, Taker<R> taker) throws Exception {
            taker.take(element);
        }

        @Override
        StreamRecord<R> record(RecordBlock block, int index, int offset) {
            throw new IllegalStateException("no blocks come in here");
        }
    }

    private static final class Blocks<R> extends RecordInput<RecordBlock, R> {

        private static final long serialVersionUID = 1L;

        private final TypeSerializer<R> serializer;
        private transient Counter counter;
        private transient RecordOffsets offsets;
        private transient DataInputDeserializer in;

        Blocks(TypeSerializer<R> serializer) {
            this.serializer = serializer;
        }

        @Override
        void open(Counter records) {
            counter = records;
            offsets = new RecordOffsets();
            in = new DataInputDeserializer();
        }

        @Override
        void read(StreamRecord<RecordBlock> element, Taker<R> taker) throws Exception {
            RecordBlock block = element.getValue();
            int size = block.size();
            // Flink has counted one.
            counter.inc(size - 1);
            if (taker.take(block)) {
                block.release();
                return;
            }
            offsets.begin(block);
            for (int i = 0; i < size; i++) {
                taker.take(block, i, offsets.next(i));
            }
            offsets.end();
        }

        @Override
        StreamRecord<R> record(RecordBlock block, int index, int offset) throws IOException {
            in.setBuffer(block.bytes(), offset + RecordBlock.HEADER, block.recordLength(offset));
            StreamRecord<R> record = new StreamRecord<>(serializer.deserialize(in));
            long timestamp = block.timestamp(index);
            if (timestamp != RecordBlock.NO_TIMESTAMP) {
                record.setTimestamp(timestamp);
            }
            in.releaseArrays();
            return record;
        }
    }
}
