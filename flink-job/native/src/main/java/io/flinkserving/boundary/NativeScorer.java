package io.flinkserving.boundary;

import io.flinkserving.wire.ErrorCode;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Scores records with one model. It belongs to one thread at a time. Neither scoring nor reading
 * numbers and labels allocates, once the buffers have grown to the size of the records.
 *
 * <p>Protobuf records: {@link #score(byte[])} for one; {@link #begin}, {@link #add(byte[])} for
 * each and {@link #score()} for many. Packed rows: fill {@link #rows()}, then {@link #score(int)}.
 * The result is read until the next call, by row (in the order of the records) and slot ({@link
 * OutputField#slot}).
 *
 * <p>A record that can't be scored does not throw: its {@link #status} is the number of an {@link
 * ErrorCode}, and {@link #message} says what and where.
 */
public final class NativeScorer implements AutoCloseable {

    /** What each of the two buffers may grow to unless told otherwise: 64 MiB. */
    public static final int DEFAULT_MAXIMUM_BYTES = 64 << 20;

    private static final long CLOSED = 0;

    private static final int LENGTH_BYTES = 4;

    /** In place of the length of a record that is not there. */
    private static final int HELD_BACK = Integer.MIN_VALUE;

    private final int capacity;
    private final int maximumBytes;
    private final OutputLayout layout;
    private final PackedRows packedRows;
    private final RowCopy copied;

    private long handle;
    private ByteBuffer input;
    private ByteBuffer output;

    /** Records that were added since {@link #begin}. */
    private int pending;

    /** Rows of the last result. */
    private int rows;

    /**
     * Not tried again, because finding out that direct memory is exhausted takes the JVM a second.
     */
    private long noMemoryFor = Long.MAX_VALUE;

    /** By row: why this side did not let the record in; null: there was none yet. */
    private String[] refusals;

    private boolean hasRefusals;

    NativeScorer(
            long handle,
            int capacity,
            OutputLayout layout,
            PackedOffsets packed,
            ByteBuffer input,
            ByteBuffer output,
            int maximumBytes) {
        this.handle = handle;
        this.capacity = capacity;
        this.layout = layout;
        this.input = input;
        this.output = output;
        this.maximumBytes = maximumBytes;
        this.copied = new RowCopy(layout);
        this.packedRows = packed == null ? null : new PackedRows(this, packed, capacity);
    }

    /** Result columns in the order of their slots. */
    public List<OutputField> outputs() {
        return layout.fields;
    }

    /** Most rows of one call. */
    public int capacity() {
        return capacity;
    }

    /** {@link #score(byte[], int, int)} for a whole array. */
    public int score(byte[] record) throws NativeException {
        return score(record, 0, record.length);
    }

    /**
     * Scores one protobuf record; its result is row 0.
     *
     * @return 0, or 1 when the record has no score
     * @throws NativeException when the library could not do its work; not for a bad record
     */
    public int score(byte[] record, int offset, int length) throws NativeException {
        begin();
        add(record, offset, length);
        return score();
    }

    /** Starts a batch of protobuf records. */
    public void begin() {
        requireOpen();
        requireProtobuf();
        clear();
    }

    /** {@link #add(byte[], int, int)} for a whole array. */
    public boolean add(byte[] record) throws NativeException {
        return add(record, 0, record.length);
    }

    /**
     * Adds a protobuf record to the batch.
     *
     * @return false when the batch has no room for it: score first. The first record of a batch
     *     always has room; one over the maximum fails with RECORD_TOO_LARGE
     */
    public boolean add(byte[] record, int offset, int length) throws NativeException {
        requireOpen();
        if (pending == capacity) {
            return false;
        }
        if (input.remaining() - LENGTH_BYTES < length && !makeRoom(length)) {
            return false;
        }
        if (hasRefusals && refusals[pending] != null) {
            input.putInt(HELD_BACK);
        } else {
            input.putInt(length).put(record, offset, length);
        }
        pending++;
        return true;
    }

    /**
     * Scores the records that were added since {@link #begin}.
     *
     * @return number of records without a score
     * @throws NativeException when the library could not do its work; not for a bad record
     */
    public int score() throws NativeException {
        requireProtobuf();
        return run(pending);
    }

    /**
     * Scores protobuf messages that lie at the ends of longer records, one after the other: each
     * record after its length and that of its message (4 bytes each, big-endian). What was added
     * before is forgotten.
     *
     * @param offset where the records begin
     * @param length bytes that they take
     * @param count number of records
     * @return number of records without a score, or -1 when they are too many or too large for one
     *     call, which was not made then
     * @throws NativeException when the library could not do its work; not for a bad record
     */
    public int scoreEnds(byte[] records, int offset, int length, int count) throws NativeException {
        begin();
        if (count > capacity || length > input.capacity() && !growInput(length)) {
            return -1;
        }
        input.put(records, offset, length);
        return run(count, true);
    }

    private boolean growInput(int length) throws NativeException {
        return length <= maximumBytes && growInput(length, 0);
    }

    /** Where packed rows are written. */
    public PackedRows rows() {
        requireOpen();
        if (packedRows == null) {
            throw new IllegalStateException("this scorer takes protobuf records");
        }
        return packedRows;
    }

    /**
     * Scores packed rows.
     *
     * @param count the first so many rows of {@link #rows()}
     * @return number of rows without a score
     * @throws NativeException when the library could not do its work; not for a bad row
     */
    public int score(int count) throws NativeException {
        rows();
        if (count < 0 || count > capacity) {
            throw new IllegalArgumentException(count + " rows, but the capacity is " + capacity);
        }
        return run(count);
    }

    /**
     * The last values that a model with preprocessing has taken, for {@link #restoreWindow} of
     * another scorer; empty for a model that takes none.
     */
    public byte[] window() throws NativeException {
        requireOpen();
        try {
            return NativeMethods.scorerWindow(handle);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * Goes on from a window, as far as its values are of the record field that this scorer takes;
     * else, and from an empty array, begins anew.
     *
     * @throws NativeException when the bytes are not what {@link #window} gave
     */
    public void restoreWindow(byte[] window) throws NativeException {
        requireOpen();
        try {
            NativeMethods.restoreWindow(handle, window);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Rows of the result. */
    public int rowCount() {
        return rows;
    }

    /**
     * Time of the call within the library, nanoseconds; of all rows together. Of calls of one
     * record that take less than a microsecond one in sixteen is timed, the others have its time.
     */
    public long durationNanos() {
        requireOpen();
        return output.getLong(OutputLayout.DURATION);
    }

    /** 0, or the number of an {@link ErrorCode}. */
    public int status(int row) {
        return output.getInt(at(row) + OutputLayout.ROW_STATUS);
    }

    /** Why the row has no score; empty when it has one. */
    public String message(int row) {
        int base = at(row);
        if (output.getInt(base + OutputLayout.ROW_STATUS) == ErrorCode.OK_VALUE) {
            return "";
        }
        if (hasRefusals && refusals[row] != null) {
            return refusals[row];
        }
        return textAt(output.getLong(base + OutputLayout.ROW_MESSAGE));
    }

    /** A constant of {@link CellTag}; it says which of the methods below reads the cell. */
    public int tag(int row, int slot) {
        return output.get(at(row) + layout.tags + checked(slot));
    }

    /** The value of a cell with {@link CellTag#DOUBLE}. */
    public double doubleValue(int row, int slot) {
        return output.getDouble(cell(row, slot));
    }

    /** The value of a cell with {@link CellTag#FLOAT}. */
    public float floatValue(int row, int slot) {
        return output.getFloat(cell(row, slot));
    }

    /** The value of a cell with {@link CellTag#LONG}. */
    public long longValue(int row, int slot) {
        return output.getLong(cell(row, slot));
    }

    /** The value of a cell with {@link CellTag#BOOLEAN}. */
    public boolean booleanValue(int row, int slot) {
        return output.getLong(cell(row, slot)) != 0;
    }

    /**
     * The value of a cell with {@link CellTag#LABEL}, always the same String for the same label, or
     * with {@link CellTag#TEXT}, a new String.
     */
    public String text(int row, int slot) {
        long value = output.getLong(cell(row, slot));
        return tag(row, slot) == CellTag.LABEL ? layout.labels[slot][(int) value] : textAt(value);
    }

    /**
     * Copies the bits of all cells of a row, each as the method for its tag would read them; those
     * of text and missing cells mean nothing.
     *
     * @param cells has room for the values of all outputs
     * @param tags as {@link #tags} gave them for another row
     * @return whether the row's tags are these; if not, nothing is copied
     */
    public boolean read(int row, long[] cells, long[] tags) {
        if (rows > 1) {
            copy(row);
            return copied.read(row, cells, tags);
        }
        int base = at(row);
        for (int i = 0; i < tags.length; i++) {
            if (output.getLong(base + layout.tags + 8 * i) != tags[i]) {
                return false;
            }
        }
        for (int i = 0; i < cells.length; i++) {
            cells[i] = output.getLong(base + OutputLayout.ROW_CELLS + 8 * i);
        }
        return true;
    }

    /** The tags of all cells of a row, eight in each element. */
    public long[] tags(int row) {
        copy(row);
        return copied.tags(row);
    }

    private void copy(int row) {
        if (!copied.has(row)) {
            copied.take(row, output, at(row), rows);
        }
    }

    public boolean isClosed() {
        return handle == CLOSED;
    }

    /** Gives the scorer back; again: does nothing. */
    @Override
    public void close() {
        long closing = handle;
        handle = CLOSED;
        forgetResult();
        if (closing != CLOSED) {
            try {
                NativeMethods.closeScorer(closing);
            } catch (NativeException e) {
                throw new IllegalStateException(e);
            } finally {
                Reference.reachabilityFence(this);
            }
        }
    }

    /** The input buffer; it changes when it grows. */
    ByteBuffer input() {
        return input;
    }

    /** Forgets what was written for the next call. */
    void clear() {
        input.clear();
        pending = 0;
        forgetResult();
        if (hasRefusals) {
            Arrays.fill(refusals, null);
            hasRefusals = false;
        }
    }

    private void forgetResult() {
        rows = 0;
        copied.forget();
    }

    /** Whether this side did not let the row in, because it was too large. */
    public boolean isRefused(int row) {
        return hasRefusals && refusals[row] != null;
    }

    /** Makes the row's status RECORD_TOO_LARGE, whatever the library says about it. */
    void refuse(int row, long bytes) {
        if (refusals == null) {
            refusals = new String[capacity];
        }
        hasRefusals = true;
        refusals[row] =
                bytes > maximumBytes
                        ? bytes + " bytes are more than the maximum of " + maximumBytes
                        : Buffers.noMemory(bytes);
    }

    private void requireProtobuf() {
        if (packedRows != null) {
            throw new IllegalStateException("this scorer takes packed rows");
        }
    }

    void requireOpen() {
        if (handle == CLOSED) {
            throw new IllegalStateException("the scorer is closed");
        }
    }

    /**
     * Replaces the input buffer by a larger one that begins with the first {@code used} bytes.
     *
     * @return false when that is not possible
     */
    boolean growInput(long needed, int used) throws NativeException {
        ByteBuffer grown = grow(input, needed);
        if (grown == null) {
            return false;
        }
        grown.put(input.duplicate().position(0).limit(used));
        rebind(grown, null);
        input = grown;
        return true;
    }

    /** Sees to it that the next record can be written, or is refused and its place can be. */
    private boolean makeRoom(int length) throws NativeException {
        int used = input.position();
        long alone = (long) LENGTH_BYTES + length;
        if (alone <= maximumBytes) {
            if (growInput(used + alone, used)) {
                return true;
            }
            if (pending > 0) {
                return false;
            }
        }
        if (input.remaining() < LENGTH_BYTES && !growInput((long) used + LENGTH_BYTES, used)) {
            return false;
        }
        refuse(pending, alone);
        return true;
    }

    private int run(int count) throws NativeException {
        return run(count, false);
    }

    private int run(int count, boolean ends) throws NativeException {
        requireOpen();
        forgetResult();
        int failed;
        try {
            failed =
                    ends
                            ? NativeMethods.scoreEnds(handle, count)
                            : NativeMethods.score(handle, count);
            while (failed < 0) {
                failed = deliverAgain(count);
            }
        } finally {
            // The library writes to buffers that only this object keeps alive.
            Reference.reachabilityFence(this);
        }
        rows = count;
        return hasRefusals ? failed + applyRefusals(count) : failed;
    }

    /** The result did not fit: a larger output buffer, or a failure of all rows. */
    private int deliverAgain(int count) throws NativeException {
        long needed = output.getLong(OutputLayout.DURATION);
        if (needed <= output.capacity()) {
            throw new NativeException(
                    ErrorCode.INVALID_CALL,
                    "the library needs " + needed + " of " + output.capacity() + " bytes");
        }
        ByteBuffer grown = grow(output, needed);
        if (grown == null) {
            makeRoomForStatuses(count);
            output.putLong(OutputLayout.DURATION, 0);
            for (int row = 0; row < count; row++) {
                output.putInt(OutputLayout.HEADER + row * layout.stride, ErrorCode.OK_VALUE);
                refuse(row, needed);
            }
            return 0;
        }
        int failed = rebind(null, grown);
        output = grown;
        return failed;
    }

    private void makeRoomForStatuses(int count) throws NativeException {
        long needed = (long) OutputLayout.HEADER + (long) count * layout.stride;
        if (needed > output.capacity()) {
            ByteBuffer grown = grow(output, needed);
            if (grown == null) {
                throw new NativeException(ErrorCode.RECORD_TOO_LARGE, Buffers.noMemory(needed));
            }
            rebind(null, grown);
            output = grown;
        }
    }

    /** Returns null when the maximum or the direct memory of this JVM does not allow it. */
    private ByteBuffer grow(ByteBuffer buffer, long needed) {
        if (needed > maximumBytes || needed >= noMemoryFor) {
            return null;
        }
        ByteBuffer grown = Buffers.grow(buffer.capacity(), needed, maximumBytes);
        if (grown == null) {
            noMemoryFor = needed;
        }
        return grown;
    }

    private int rebind(ByteBuffer newInput, ByteBuffer newOutput) throws NativeException {
        try {
            return NativeMethods.rebind(handle, newInput, newOutput);
        } catch (NativeException e) {
            // Unknown which buffers the library has now, and this object keeps only its own alive.
            close();
            throw e;
        } finally {
            Reference.reachabilityFence(this);
            Reference.reachabilityFence(newInput);
            Reference.reachabilityFence(newOutput);
        }
    }

    /** Returns how many rows failed by this alone. */
    private int applyRefusals(int count) {
        int added = 0;
        for (int row = 0; row < count; row++) {
            if (refusals[row] != null) {
                int base = at(row);
                int status = output.getInt(base + OutputLayout.ROW_STATUS);
                added += status == ErrorCode.OK_VALUE ? 1 : 0;
                output.putInt(base + OutputLayout.ROW_STATUS, ErrorCode.RECORD_TOO_LARGE_VALUE);
                for (int slot = 0; slot < layout.cells; slot++) {
                    output.put(base + layout.tags + slot, (byte) CellTag.MISSING);
                }
            }
        }
        return added;
    }

    private int cell(int row, int slot) {
        return at(row) + OutputLayout.ROW_CELLS + 8 * checked(slot);
    }

    private int at(int row) {
        if (row < 0 || row >= rows) {
            requireOpen();
            throw new IndexOutOfBoundsException("row " + row + " of a result of " + rows);
        }
        return OutputLayout.HEADER + row * layout.stride;
    }

    private int checked(int slot) {
        if (slot < 0 || slot >= layout.cells) {
            throw new IndexOutOfBoundsException("slot " + slot + " of " + layout.cells);
        }
        return slot;
    }

    /**
     * @param reference offset within the output buffer (high 32 bits) and length in bytes (low)
     */
    private String textAt(long reference) {
        byte[] bytes = new byte[(int) reference];
        output.duplicate().position((int) (reference >>> 32)).get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
