package io.flinkserving.functions;

import io.flinkserving.data.RecordBlock;
import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/** Collects records into a block. */
final class RecordBlockBuilder<R> {

    /**
     * Several blocks fit into a network buffer, whose default is 32 kB: one that lies in two is
     * copied once more.
     */
    private static final int ENOUGH_BYTES = 8 << 10;

    private static final int INITIAL_BYTES = 1024;

    /** The buffer of a large record is not kept. */
    private static final int MOST_KEPT_BYTES = 256 << 10;

    /** Data types are found by comparison. */
    private static final int MOST_DATA_TYPES = 8;

    private final TypeSerializer<R> serializer;
    private final String[] dataTypes = new String[MOST_DATA_TYPES];
    private final byte[] typeOfRecord;
    private final long[] timestamps;
    private DataOutputSerializer records = new DataOutputSerializer(INITIAL_BYTES);
    private int dataTypeCount;
    private int size;
    private boolean isTimed;

    /**
     * @param most records of a block
     */
    RecordBlockBuilder(TypeSerializer<R> serializer, int most) {
        this.serializer = serializer;
        typeOfRecord = new byte[most];
        timestamps = new long[most];
    }

    int size() {
        return size;
    }

    /** Data type of its first record. */
    String dataType() {
        return dataTypes[0];
    }

    boolean isFull() {
        return size == typeOfRecord.length || records.length() >= ENOUGH_BYTES;
    }

    /**
     * Adds a record to a block that is not full.
     *
     * @return false when the block has to leave first, because it has too many data types
     */
    boolean add(String dataType, StreamRecord<R> record) throws IOException {
        int type = find(dataType);
        if (type == MOST_DATA_TYPES) {
            return false;
        }
        serializer.serialize(record.getValue(), records);
        if (type == dataTypeCount) {
            dataTypes[dataTypeCount++] = dataType;
        }
        typeOfRecord[size] = (byte) type;
        boolean hasTimestamp = record.hasTimestamp();
        timestamps[size] = hasTimestamp ? record.getTimestamp() : RecordBlock.NO_TIMESTAMP;
        isTimed |= hasTimestamp;
        size++;
        return true;
    }

    private int find(String dataType) {
        for (int i = 0; i < dataTypeCount; i++) {
            // Data types that come again are mostly one object.
            if (dataTypes[i] == dataType) {
                return i;
            }
        }
        for (int i = 0; i < dataTypeCount; i++) {
            if (dataTypes[i].equals(dataType)) {
                return i;
            }
        }
        return dataTypeCount;
    }

    /** The records so far; valid until the next one is added, after {@link #clear}. */
    RecordBlock block() {
        return new RecordBlock(
                size,
                Arrays.copyOf(dataTypes, dataTypeCount),
                dataTypeCount == 1 ? null : typeOfRecord,
                isTimed ? timestamps : null,
                records.getSharedBuffer(),
                records.length());
    }

    void clear() {
        records.clear();
        Arrays.fill(dataTypes, 0, dataTypeCount, null);
        dataTypeCount = 0;
        size = 0;
        isTimed = false;
        if (records.getSharedBuffer().length > MOST_KEPT_BYTES) {
            records = new DataOutputSerializer(INITIAL_BYTES);
        }
    }
}
