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

    /**
     * Two blocks fit into a network buffer, whose default is 32 kB: one that lies in two is copied
     * once more. In smaller ones each data type has so few records that calls cost more.
     */
    private static final int ENOUGH_BYTES = 16 << 10;

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

    /** Bytes of all records. */
    private int length;

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
        return size == typeOfRecord.length || length >= ENOUGH_BYTES;
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
        if (records[type] == null) {
            records[type] = new DataOutputSerializer(INITIAL_BYTES);
        }
        write(record.getValue(), records[type]);
        if (type == dataTypeCount) {
            dataTypes[dataTypeCount++] = dataType;
        }
        counts[type]++;
        typeOfRecord[size] = (byte) type;
        boolean hasTimestamp = record.hasTimestamp();
        timestamps[size] = hasTimestamp ? record.getTimestamp() : RecordBlock.NO_TIMESTAMP;
        isTimed |= hasTimestamp;
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
        length += out.length() - header;
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
        isNamed |= id != null;
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
        return new RecordBlock(
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
    }

    /** Returns where the records of each data type end. */
    private int[] join() {
        if (joined.length < length) {
            joined = new byte[Math.max(length, 2 * ENOUGH_BYTES)];
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
        isTimed = false;
    }
}
