package io.flinkserving.boundary;

import io.flinkserving.wire.FieldInfo;

/** One result column of a scorer and where its values are within a row. */
public final class OutputField {

    private final FieldInfo info;
    private final int slot;

    OutputField(FieldInfo info, int slot) {
        this.info = info;
        this.slot = slot;
    }

    public String name() {
        return info.getName();
    }

    public FieldInfo info() {
        return info;
    }

    /** Slot of the first value; the others of a tensor follow in row-major order. */
    public int slot() {
        return slot;
    }

    /** Values per row: 1, or the elements of a tensor. */
    public int width() {
        return Math.max(1, info.getWidth());
    }
}
