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
     * Several blocks fit into a network buffer, whose default is 32 kB: one that lies in two is
     * copied once more.
     */
    private static final int ENOUGH_BYTES = 8 << 10;

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
    private DataOutputSerializer records = new DataOutputSerializer(INITIAL_BYTES);
    private int dataTypeCount;
    private int size;
    private boolean isTimed;
    private boolean isNamed;

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
        write(record.getValue());
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

    private void write(R record) throws IOException {
        int header = records.length();
        records.writeInt(0);
        records.writeInt(0);
        int start = records.length();
        serializer.serialize(record, records);
        int length = records.length() - start;
        records.writeIntUnsafe(length, header);
        records.writeIntUnsafe(messageLength(record, length), header + 4);
    }

    /** Most serializers write the bytes of a message as they are, and many write them last. */
    private int messageLength(R record, int length) {
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
        int end = records.length();
        if (message == null
                || message.length > length
                || !Arrays.equals(
                        records.getSharedBuffer(),
                        end - message.length,
                        end,
                        message,
                        0,
                        message.length)) {
            return RecordBlock.NO_MESSAGE;
        }
        ids[size] = id;
        isNamed |= id != null;
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
        return new RecordBlock(
                size,
                Arrays.copyOf(dataTypes, dataTypeCount),
                dataTypeCount == 1 ? null : typeOfRecord,
                isTimed ? timestamps : null,
                isNamed ? ids : null,
                records.getSharedBuffer(),
                records.length());
    }

    void clear() {
        records.clear();
        Arrays.fill(dataTypes, 0, dataTypeCount, null);
        if (isNamed) {
            Arrays.fill(ids, 0, size, null);
            isNamed = false;
        }
        dataTypeCount = 0;
        size = 0;
        isTimed = false;
        if (records.getSharedBuffer().length > MOST_KEPT_BYTES) {
            records = new DataOutputSerializer(INITIAL_BYTES);
        }
    }
}
