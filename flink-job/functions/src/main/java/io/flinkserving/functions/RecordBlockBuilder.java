package io.flinkserving.functions;

import io.flinkserving.data.DataToServe;
import io.flinkserving.data.ProtobufFormat;
import io.flinkserving.data.RecordBlock;
import io.flinkserving.data.RecordFormat;
import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/** Collects records into a block. */
final class RecordBlockBuilder<R> {

    /** A block is not filled up where that would take more. */
    private static final int MOST_FILLING = 1024;

    /** At most: what a block takes on the network besides its records and data types. */
    private static final int BLOCK_OVERHEAD = 24;

    /** At most: what a data type takes besides its name. */
    private static final int TYPE_OVERHEAD = 12;

    /** At most: what a record takes in a block of several data types with times and identities. */
    private static final int RECORD_OVERHEAD = 1 + Long.BYTES + 2;

    private static final int INITIAL_BYTES = 1024;

    /** The buffer of a large record is not kept. */
    private static final int MOST_KEPT_BYTES = 256 << 10;

    /** Data types are found by comparison. */
    private static final int MOST_DATA_TYPES = 8;

    private final DataToServe<R> dataToServe;
    private final TypeSerializer<R> serializer;

    /** Null: records have no messages. */
    private final ProtobufFormat<R> messages;

    private final String[] dataTypes = new String[MOST_DATA_TYPES];
    private final byte[] typeOfRecord;
    private final long[] timestamps;
    private final String[] ids;

    /** Of each data type; null: not needed yet. */
    private final DataOutputSerializer[] records = new DataOutputSerializer[MOST_DATA_TYPES];

    private final int[] counts = new int[MOST_DATA_TYPES];

    /** All of them, where there are several data types. */
    private byte[] joined = {};

    private int dataTypeCount;
    private int size;

    /** Bytes of the block on the network. */
    private int wanted;

    /** Bytes of all records. */
    private int length;

    /** Bytes of the largest record. */
    private int largest;

    /** Bytes of all names of data types and of all identities, if they are in Latin letters. */
    private int nameBytes;

    private boolean isTimed;
    private boolean isNamed;

    /** Records with messages. */
    private int messageCount;

    /**
     * @param most records of a block
     */
    RecordBlockBuilder(DataToServe<R> dataToServe, TypeSerializer<R> serializer, int most) {
        this.dataToServe = dataToServe;
        this.serializer = serializer;
        RecordFormat<R> format = dataToServe.format();
        messages = format instanceof ProtobufFormat ? (ProtobufFormat<R>) format : null;
        typeOfRecord = new byte[most];
        timestamps = new long[most];
        ids = new String[most];
    }

    int size() {
        return size;
    }

    /** Data type of its first record. */
    String dataType() {
        return dataTypes[0];
    }

    boolean isFull() {
        return size == typeOfRecord.length || isLargeEnough();
    }

    private boolean isLargeEnough() {
        return largest > MOST_FILLING
                ? length >= wanted
                : length + overhead() + largest + RECORD_OVERHEAD > wanted;
    }

    /** What the block takes on the network besides its records, at most. */
    private int overhead() {
        int each = 1 + (isTimed ? Long.BYTES : 0) + (isNamed ? 2 : 0);
        return BLOCK_OVERHEAD + dataTypeCount * TYPE_OVERHEAD + nameBytes + size * each;
    }

    /**
     * Starts a block.
     *
     * @param bytes that it is to take on the network when it is full
     */
    void begin(int bytes) {
        wanted = bytes;
    }

    /**
     * Adds a record to a block that was begun and is not full.
     *
     * @return false when the block has to leave first, because it has too many data types
     */
    boolean add(String dataType, StreamRecord<R> record) throws IOException {
        int type = find(dataType);
        if (type == MOST_DATA_TYPES) {
            return false;
        }
        if (records[type] == null) {
            records[type] = new DataOutputSerializer(INITIAL_BYTES);
        }
        write(record.getValue(), records[type]);
        if (type == dataTypeCount) {
            dataTypes[dataTypeCount++] = dataType;
            nameBytes += dataType.length();
        }
        counts[type]++;
        typeOfRecord[size] = (byte) type;
        // Sources without times give all their records the least.
        long timestamp = record.hasTimestamp() ? record.getTimestamp() : RecordBlock.NO_TIMESTAMP;
        timestamps[size] = timestamp;
        isTimed |= timestamp != RecordBlock.NO_TIMESTAMP;
        size++;
        return true;
    }

    private void write(R record, DataOutputSerializer out) throws IOException {
        int header = out.length();
        out.writeInt(0);
        out.writeInt(0);
        int start = out.length();
        serializer.serialize(record, out);
        int bytes = out.length() - start;
        out.writeIntUnsafe(bytes, header);
        out.writeIntUnsafe(messageLength(record, out, bytes), header + 4);
        int added = out.length() - header;
        length += added;
        largest = Math.max(largest, added);
    }

    /** Most serializers write the bytes of a message as they are, and many write them last. */
    private int messageLength(R record, DataOutputSerializer out, int bytes) {
        if (messages == null) {
            return RecordBlock.NO_MESSAGE;
        }
        byte[] message;
        String id;
        try {
            message = messages.bytes(record);
            id = dataToServe.getId(record);
        } catch (Exception e) {
            // The join asks again and reports it.
            return RecordBlock.NO_MESSAGE;
        }
        int end = out.length();
        if (message == null
                || message.length > bytes
                || !Arrays.equals(
                        out.getSharedBuffer(),
                        end - message.length,
                        end,
                        message,
                        0,
                        message.length)) {
            return RecordBlock.NO_MESSAGE;
        }
        ids[size] = id;
        if (id != null) {
            isNamed = true;
            nameBytes += id.length();
        }
        messageCount++;
        return message.length;
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
        boolean several = dataTypeCount > 1;
        RecordBlock block =
                new RecordBlock(
                        size,
                        Arrays.copyOf(dataTypes, dataTypeCount),
                        several ? typeOfRecord : null,
                        several ? Arrays.copyOf(counts, dataTypeCount) : null,
                        several ? join() : null,
                        isTimed ? timestamps : null,
                        isNamed ? ids : null,
                        messageCount == size,
                        several ? joined : records[0].getSharedBuffer(),
                        length);
        return isLargeEnough() && largest <= MOST_FILLING ? block.fillTo(wanted) : block;
    }

    /** Returns where the records of each data type end. */
    private int[] join() {
        if (joined.length < length) {
            joined = new byte[Math.max(length, 2 * BlockSizes.ENOUGH_BYTES)];
        }
        int[] ends = new int[dataTypeCount];
        int end = 0;
        for (int i = 0; i < dataTypeCount; i++) {
            System.arraycopy(records[i].getSharedBuffer(), 0, joined, end, records[i].length());
            end += records[i].length();
            ends[i] = end;
        }
        return ends;
    }

    void clear() {
        for (int i = 0; i < dataTypeCount; i++) {
            if (records[i].getSharedBuffer().length > MOST_KEPT_BYTES) {
                records[i] = null;
            } else {
                records[i].clear();
            }
        }
        if (joined.length > MOST_KEPT_BYTES) {
            joined = new byte[0];
        }
        Arrays.fill(dataTypes, 0, dataTypeCount, null);
        Arrays.fill(counts, 0, dataTypeCount, 0);
        if (isNamed) {
            Arrays.fill(ids, 0, size, null);
            isNamed = false;
        }
        dataTypeCount = 0;
        messageCount = 0;
        size = 0;
        length = 0;
        largest = 0;
        nameBytes = 0;
        isTimed = false;
    }
}
