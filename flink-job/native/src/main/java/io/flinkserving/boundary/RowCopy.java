package io.flinkserving.boundary;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Some rows of a result as they lie in the output buffer: where there are several, to copy them at
 * once costs a fraction of reading each cell there.
 */
final class RowCopy {

    /** So many are copied at once; at least one row. */
    private static final int ENOUGH_LONGS = 1024;

    private final int rowLongs;
    private final int firstCell;
    private final int firstTag;
    private final int tagLongs;

    private long[] copy = {};

    // Rows that are there.
    private int start;
    private int end;

    RowCopy(OutputLayout layout) {
        rowLongs = layout.stride / Long.BYTES;
        firstCell = OutputLayout.ROW_CELLS / Long.BYTES;
        firstTag = layout.tags / Long.BYTES;
        tagLongs = rowLongs - firstTag;
    }

    /** To be called when the result changes. */
    void forget() {
        end = 0;
    }

    boolean has(int row) {
        return row >= start && row < end;
    }

    /**
     * Copies a row and some that follow it.
     *
     * @param offset of the row within the output buffer
     * @param rows of the result
     */
    void take(int row, ByteBuffer output, int offset, int rows) {
        int count = Math.min(rows - row, Math.max(1, ENOUGH_LONGS / rowLongs));
        int longs = count * rowLongs;
        if (copy.length < longs) {
            copy = new long[longs];
        }
        output.position(offset);
        output.asLongBuffer().get(copy, 0, longs);
        output.position(0);
        start = row;
        end = row + count;
    }

    /** See {@link NativeScorer#read}; for a row that is there. */
    boolean read(int row, long[] cells, long[] tags) {
        long[] from = copy;
        int base = (row - start) * rowLongs;
        for (int i = 0; i < tags.length; i++) {
            if (from[base + firstTag + i] != tags[i]) {
                return false;
            }
        }
        for (int i = 0; i < cells.length; i++) {
            cells[i] = from[base + firstCell + i];
        }
        return true;
    }

    /** See {@link NativeScorer#tags}; for a row that is there. */
    long[] tags(int row) {
        int from = (row - start) * rowLongs + firstTag;
        return Arrays.copyOfRange(copy, from, from + tagLongs);
    }
}
