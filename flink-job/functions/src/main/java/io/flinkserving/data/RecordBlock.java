package io.flinkserving.data;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Records on their way to the operator that scores them. A block crosses the network as one
 * element, so that what Flink does for each element is done once for all its records.
 *
 * <p>Its bytes have for each record: the length of the serialized record (4 bytes, big-endian); how
 * many bytes at the end of it are the message that a model reads, or {@link #NO_MESSAGE} (4 bytes);
 * the record as its serializer wrote it. Records of one data type lie together, in the order of the
 * data types. A record with a message can be scored without being deserialized.
 *
 * <p>Arrays are not copied: a block is valid until whoever made it makes the next one; {@link
 * #copy} lasts.
 */
public final class RecordBlock {

    /** The time of a record that has none. */
    public static final long NO_TIMESTAMP = Long.MIN_VALUE;

    /** In place of the length of a message: it is not known where in the record it is. */
    public static final int NO_MESSAGE = -1;

    /** Bytes before each record. */
    public static final int HEADER = 8;

    private static final VarHandle INT =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

    private final int size;
    private final String[] dataTypes;
    private final byte[] typeOfRecord;
    private final int[] counts;
    private final int[] ends;
    private final long[] timestamps;
    private final String[] ids;
    private final boolean hasMessages;
    private final byte[] bytes;
    private final int length;

    private int leastSerialized;
    private int serializedLength;

    /** Where the bytes go when nobody needs this block any more; null: nowhere. */
    private AtomicReference<byte[]> spare;

    /**
     * @param size number of records, at least 1
     * @param dataTypes those that occur; the empty string stands for records that have none
     * @param typeOfRecord which of them each record has, in the order in which the records came;
     *     null: all have the first
     * @param counts number of records of each data type; null where all have the first
     * @param ends where in the bytes the records of each data type end; null where all have the
     *     first
     * @param timestamps of the records, or {@link #NO_TIMESTAMP}; null: none has one
     * @param ids of the records with messages, or null; null: none has one
     * @param hasMessages whether all records have messages
     * @param bytes the records, as said above
     * @param length bytes in use
     */
    public RecordBlock(
            int size,
            String[] dataTypes,
            byte[] typeOfRecord,
            int[] counts,
            int[] ends,
            long[] timestamps,
            String[] ids,
            boolean hasMessages,
            byte[] bytes,
            int length) {
        this.size = size;
        this.dataTypes = dataTypes;
        this.typeOfRecord = typeOfRecord;
        this.counts = counts;
        this.ends = ends;
        this.timestamps = timestamps;
        this.ids = ids;
        this.hasMessages = hasMessages;
        this.bytes = bytes;
        this.length = length;
    }

    public int size() {
        return size;
    }

    /** Data type of the first record: of all, where records are keyed by it. */
    public String dataType() {
        return dataTypes[0];
    }

    public String dataType(int record) {
        return dataTypes[type(record)];
    }

    /** Which of {@link #dataTypes} a record has. */
    public int type(int record) {
        return typeOfRecord == null ? 0 : typeOfRecord[record];
    }

    /** Number of records of a data type. */
    public int count(int type) {
        return counts == null ? size : counts[type];
    }

    /** Where the records of a data type begin. */
    public int start(int type) {
        return type == 0 ? 0 : ends[type - 1];
    }

    /** Where the records of a data type end. */
    public int end(int type) {
        return ends == null ? length : ends[type];
    }

    /** Whether all records have messages. */
    public boolean hasMessages() {
        return hasMessages;
    }

    public long timestamp(int record) {
        return timestamps == null ? NO_TIMESTAMP : timestamps[record];
    }

    /** Identity of a record with a message, or null. */
    public String id(int record) {
        return ids == null ? null : ids[record];
    }

    /**
     * Bytes of a serialized record.
     *
     * @param offset of its header: {@link #start} for the first of its data type, then as {@link
     *     #next} says
     */
    public int recordLength(int offset) {
        return (int) INT.get(bytes, offset);
    }

    /** Bytes of the message at the end of a record, or {@link #NO_MESSAGE}. */
    public int messageLength(int offset) {
        return (int) INT.get(bytes, offset + 4);
    }

    /** Offset of the header after that of this record. */
    public int next(int offset) {
        return offset + HEADER + recordLength(offset);
    }

    /** The data types that occur; not a copy. */
    public String[] dataTypes() {
        return dataTypes;
    }

    /** Which of {@link #dataTypes} each record has, or null: all have the first. Not a copy. */
    public byte[] typeOfRecord() {
        return typeOfRecord;
    }

    /** Time of each record, or null: none has one. Not a copy. */
    public long[] timestamps() {
        return timestamps;
    }

    /** Identity of each record, or null: none has one. Not a copy. */
    public String[] ids() {
        return ids;
    }

    /** The records, in the first {@link #length} bytes; not a copy. */
    public byte[] bytes() {
        return bytes;
    }

    public int length() {
        return length;
    }

    /** Sees to it that the block takes so many bytes on the network, if it would take fewer. */
    public RecordBlock fillTo(int bytesOnNetwork) {
        leastSerialized = bytesOnNetwork;
        return this;
    }

    /** Bytes that the block takes on the network at least. */
    public int leastSerialized() {
        return leastSerialized;
    }

    /** Bytes that it took on the network when it was serialized last; 0: it was not. */
    public int serializedLength() {
        return serializedLength;
    }

    public void setSerializedLength(int bytesOnNetwork) {
        serializedLength = bytesOnNetwork;
    }

    /**
     * Lets the next block have the memory of this one.
     *
     * @param next takes the bytes at {@link #release}
     */
    public RecordBlock sharing(AtomicReference<byte[]> next) {
        spare = next;
        return this;
    }

    /** To be called when nobody reads the block any more, if that is known. */
    public void release() {
        if (spare != null) {
            spare.set(bytes);
            spare = null;
        }
    }

    /** A block that does not change with what this one was made of. */
    public RecordBlock copy() {
        return new RecordBlock(
                        size,
                        dataTypes.clone(),
                        typeOfRecord == null ? null : Arrays.copyOf(typeOfRecord, size),
                        counts == null ? null : counts.clone(),
                        ends == null ? null : ends.clone(),
                        timestamps == null ? null : Arrays.copyOf(timestamps, size),
                        ids == null ? null : Arrays.copyOf(ids, size),
                        hasMessages,
                        Arrays.copyOf(bytes, length),
                        length)
                .fillTo(leastSerialized);
    }
}
