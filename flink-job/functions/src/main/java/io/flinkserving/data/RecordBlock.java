package io.flinkserving.data;

import java.util.Arrays;

/**
 * Records on their way to the operator that scores them, serialized one after the other. A block
 * crosses the network as one element, so that what Flink does for each element is done once for all
 * its records.
 *
 * <p>Arrays are not copied: a block is valid until whoever made it makes the next one; {@link
 * #copy} lasts.
 */
public final class RecordBlock {

    /** The time of a record that has none. */
    public static final long NO_TIMESTAMP = Long.MIN_VALUE;

    private final int size;
    private final String[] dataTypes;
    private final byte[] typeOfRecord;
    private final long[] timestamps;
    private final byte[] bytes;
    private final int length;

    /**
     * @param size number of records, at least 1
     * @param dataTypes those that occur; the empty string stands for records that have none
     * @param typeOfRecord which of them each record has; null: all have the first
     * @param timestamps of the records, or {@link #NO_TIMESTAMP}; null: none has one
     * @param bytes the records, as their serializer writes them
     * @param length bytes in use
     */
    public RecordBlock(
            int size,
            String[] dataTypes,
            byte[] typeOfRecord,
            long[] timestamps,
            byte[] bytes,
            int length) {
        this.size = size;
        this.dataTypes = dataTypes;
        this.typeOfRecord = typeOfRecord;
        this.timestamps = timestamps;
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
        return dataTypes[typeOfRecord == null ? 0 : typeOfRecord[record]];
    }

    public long timestamp(int record) {
        return timestamps == null ? NO_TIMESTAMP : timestamps[record];
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

    /** The records, in the first {@link #length} bytes; not a copy. */
    public byte[] bytes() {
        return bytes;
    }

    public int length() {
        return length;
    }

    /** A block that does not change with what this one was made of. */
    public RecordBlock copy() {
        return new RecordBlock(
                size,
                dataTypes.clone(),
                typeOfRecord == null ? null : Arrays.copyOf(typeOfRecord, size),
                timestamps == null ? null : Arrays.copyOf(timestamps, size),
                Arrays.copyOf(bytes, length),
                length);
    }
}
