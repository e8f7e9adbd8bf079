package io.flinkserving.boundary;

import io.flinkserving.wire.FieldType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Writes rows of typed fields into the input buffer of a scorer: {@link #clear}, set what is there,
 * {@link NativeScorer#score(int)}. What is not set is missing. A field is named by its index in the
 * PackedLayout that the scorer was opened with, and set by the method of its type; an element of a
 * tensor by its index in row-major order. A tensor is present when any of its elements was set, so
 * all of them are to be. Nothing is allocated, unless text has to grow the buffer or is not ASCII.
 */
public final class PackedRows {

    private final NativeScorer scorer;
    private final PackedOffsets offsets;
    private final int capacity;

    /** Where the next text goes. */
    private int textEnd;

    PackedRows(NativeScorer scorer, PackedOffsets offsets, int capacity) {
        this.scorer = scorer;
        this.offsets = offsets;
        this.capacity = capacity;
        this.textEnd = offsets.text;
    }

    /** Makes all values of all rows missing. */
    public void clear() {
        scorer.requireOpen();
        scorer.clear();
        textEnd = offsets.text;
        ByteBuffer input = scorer.input();
        for (int start : offsets.validity) {
            for (int i = 0; i < offsets.bitmap; i += 8) {
                input.putLong(start + i, 0);
            }
        }
    }

    public void setDouble(int field, int row, double value) {
        setDouble(field, row, 0, value);
    }

    public void setDouble(int field, int row, int element, double value) {
        int lane = lane(field, row, element, FieldType.FIELD_DOUBLE);
        scorer.input().putDouble(lane, value);
        setPresent(field, row);
    }

    public void setFloat(int field, int row, float value) {
        setFloat(field, row, 0, value);
    }

    public void setFloat(int field, int row, int element, float value) {
        int lane = lane(field, row, element, FieldType.FIELD_FLOAT);
        scorer.input().putFloat(lane, value);
        setPresent(field, row);
    }

    public void setLong(int field, int row, long value) {
        setLong(field, row, 0, value);
    }

    public void setLong(int field, int row, int element, long value) {
        int lane = lane(field, row, element, FieldType.FIELD_LONG);
        scorer.input().putLong(lane, value);
        setPresent(field, row);
    }

    public void setBoolean(int field, int row, boolean value) {
        setBoolean(field, row, 0, value);
    }

    public void setBoolean(int field, int row, int element, boolean value) {
        int lane = lane(field, row, element, FieldType.FIELD_BOOLEAN);
        scorer.input().putLong(lane, value ? 1 : 0);
        setPresent(field, row);
    }

    public void setString(int field, int row, String value) throws NativeException {
        setString(field, row, 0, value);
    }

    /** Text over the maximum of the scorer's buffer makes the row fail with RECORD_TOO_LARGE. */
    public void setString(int field, int row, int element, String value) throws NativeException {
        int lane = lane(field, row, element, FieldType.FIELD_STRING);
        int length = value.length();
        if (!makeTextRoom(row, length)) {
            return;
        }
        ByteBuffer input = scorer.input();
        for (int i = 0; i < length; i++) {
            char c = value.charAt(i);
            if (c >= 0x80) {
                byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
                setUtf8(field, row, element, bytes, 0, bytes.length);
                return;
            }
            input.put(textEnd + i, (byte) c);
        }
        refer(field, row, lane, length);
    }

    public void setUtf8(int field, int row, byte[] bytes, int offset, int length)
            throws NativeException {
        setUtf8(field, row, 0, bytes, offset, length);
    }

    /** Text that is UTF-8 already. */
    public void setUtf8(int field, int row, int element, byte[] bytes, int offset, int length)
            throws NativeException {
        int lane = lane(field, row, element, FieldType.FIELD_STRING);
        if (makeTextRoom(row, length)) {
            ByteBuffer input = scorer.input();
            input.position(textEnd);
            input.put(bytes, offset, length);
            refer(field, row, lane, length);
        }
    }

    public void setMissing(int field, int row) {
        lane(field, row, 0, offsets.types[field]);
        int word = word(field, row);
        ByteBuffer input = scorer.input();
        input.putLong(word, input.getLong(word) & ~(1L << row));
    }

    private void refer(int field, int row, int lane, int length) {
        long start = textEnd - offsets.text;
        scorer.input().putLong(lane, start << 32 | length);
        textEnd += length;
        setPresent(field, row);
    }

    private boolean makeTextRoom(int row, int length) throws NativeException {
        long needed = (long) textEnd + length;
        if (needed <= scorer.input().capacity() || scorer.growInput(needed, textEnd)) {
            return true;
        }
        scorer.refuse(row, needed);
        return false;
    }

    private void setPresent(int field, int row) {
        int word = word(field, row);
        ByteBuffer input = scorer.input();
        input.putLong(word, input.getLong(word) | 1L << row);
    }

    private int word(int field, int row) {
        return offsets.validity[field] + 8 * (row >>> 6);
    }

    private int lane(int field, int row, int element, FieldType type) {
        scorer.requireOpen();
        int width = offsets.widths[field];
        if (row < 0 || row >= capacity || element < 0 || element >= width) {
            throw new IndexOutOfBoundsException(
                    String.format(
                            "row %d of %d, element %d of %d in field %d",
                            row, capacity, element, width, field));
        }
        if (offsets.types[field] != type) {
            throw new IllegalArgumentException(
                    "field " + field + " is " + offsets.types[field] + ", not " + type);
        }
        return offsets.lanes[field] + 8 * (row * width + element);
    }
}
