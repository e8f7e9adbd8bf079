package io.flinkserving.model;

import io.flinkserving.boundary.CellTag;
import java.util.Arrays;

/**
 * Where a {@link Scorer} puts one score, slot by slot. Slots that are not set are missing. Reused
 * from record to record.
 */
public final class Outputs {

    private static final String[] NO_TEXTS = {};

    private OutputSchema schema;
    private long[] cells;
    private byte[] tags;
    private byte[] lastTags;
    private String[] texts = NO_TEXTS;
    private int textCount;
    private long durationNanos;

    /** Empties it for the next record of this schema. */
    void reset(OutputSchema next) {
        if (next != schema) {
            schema = next;
            tags = new byte[next.cells()];
            lastTags = null;
        } else {
            Arrays.fill(tags, (byte) CellTag.MISSING);
        }
        // The array of the last record belongs to its result by now.
        cells = new long[tags.length];
        textCount = 0;
        durationNanos = -1;
    }

    public void setDouble(int slot, double value) {
        setDouble(slot, 0, value);
    }

    public void setDouble(int slot, int element, double value) {
        put(slot, element, CellTag.DOUBLE, Double.doubleToRawLongBits(value));
    }

    /** All elements of a tensor. */
    public void setDoubles(int slot, double[] values) {
        for (int i = 0; i < values.length; i++) {
            setDouble(slot, i, values[i]);
        }
    }

    public void setFloat(int slot, float value) {
        setFloat(slot, 0, value);
    }

    public void setFloat(int slot, int element, float value) {
        put(slot, element, CellTag.FLOAT, Float.floatToRawIntBits(value) & 0xffffffffL);
    }

    public void setLong(int slot, long value) {
        setLong(slot, 0, value);
    }

    public void setLong(int slot, int element, long value) {
        put(slot, element, CellTag.LONG, value);
    }

    public void setBoolean(int slot, boolean value) {
        put(slot, 0, CellTag.BOOLEAN, value ? 1 : 0);
    }

    /** Null: missing. */
    public void setString(int slot, String value) {
        setString(slot, 0, value);
    }

    /** Null: missing. */
    public void setString(int slot, int element, String value) {
        if (value == null) {
            put(slot, element, CellTag.MISSING, 0);
        } else {
            put(slot, element, CellTag.TEXT, addText(value));
        }
    }

    /** One of the labels of the output, by its index. */
    public void setLabel(int slot, int label) {
        schema.field(slot).label(label);
        put(slot, 0, CellTag.LABEL, label);
    }

    /**
     * How long scoring took. A scorer that does not say is measured from outside, which costs two
     * readings of the clock.
     */
    public void setDurationNanos(long nanos) {
        durationNanos = nanos;
    }

    private void put(int slot, int element, int tag, long bits) {
        if (element < 0 || element >= schema.field(slot).width()) {
            throw new IndexOutOfBoundsException(
                    "element " + element + " of output " + schema.field(slot));
        }
        setCell(schema.offset(slot) + element, tag, bits);
    }

    void setCell(int cell, int tag, long bits) {
        tags[cell] = (byte) tag;
        cells[cell] = bits;
    }

    int addText(String text) {
        if (textCount == texts.length) {
            texts = Arrays.copyOf(texts, Math.max(4, 2 * textCount));
        }
        texts[textCount] = text;
        return textCount++;
    }

    /** -1: the scorer did not say. */
    long durationNanos() {
        return durationNanos;
    }

    long[] cells() {
        return cells;
    }

    /** The tags are the same for nearly all records, so results share them. */
    byte[] tags() {
        if (lastTags == null || !Arrays.equals(tags, lastTags)) {
            lastTags = tags.clone();
        }
        return lastTags;
    }

    String[] texts() {
        return textCount == 0 ? NO_TEXTS : Arrays.copyOf(texts, textCount);
    }
}
