package io.flinkserving.boundary;

import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.ScorerInfo;
import io.flinkserving.wire.ScorerOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Sizes of the direct buffers of a scorer. Java makes and owns them; the library writes to them.
 */
final class Buffers {

    /** Guesses, from which the buffers grow: bytes of a protobuf record or of a row's strings. */
    private static final int TYPICAL_ROW = 256;

    /**
     * Rows that there is room for at first. A task may have thousands of scorers, most of which
     * never see as many rows in a call as they could take.
     */
    private static final int FIRST_ROWS = 4;

    /** Results have text only where a row failed or a model makes strings. */
    private static final int RESULT_TEXT = 1024;

    private Buffers() {}

    static ByteBuffer allocateInput(ScorerOptions options, ScorerInfo info, int maximum)
            throws NativeException {
        int guess = Math.min(FIRST_ROWS, options.getCapacity()) * TYPICAL_ROW;
        long packed = Integer.toUnsignedLong(info.getPackedInput());
        return allocateFirst("input", packed, packed + guess, maximum);
    }

    static ByteBuffer allocateOutput(ScorerInfo info, int maximum) throws NativeException {
        long all = Integer.toUnsignedLong(info.getMinimumOutput());
        long first = (long) OutputLayout.HEADER + FIRST_ROWS * info.getRowStride();
        return allocateFirst("output", all, Math.min(all, first) + RESULT_TEXT, maximum);
    }

    /**
     * @param fixed what all rows need at least
     * @param wanted to begin with
     */
    private static ByteBuffer allocateFirst(String side, long fixed, long wanted, int maximum)
            throws NativeException {
        if (fixed > maximum) {
            throw new NativeException(
                    ErrorCode.INVALID_CALL,
                    String.format(
                            "the rows need %d bytes of %s buffer, more than the maximum of %d",
                            fixed, side, maximum));
        }
        long size = Math.min(maximum, wanted);
        ByteBuffer buffer = allocate(size);
        if (buffer == null) {
            throw new NativeException(ErrorCode.INVALID_CALL, noMemory(size));
        }
        return buffer;
    }

    /**
     * A larger buffer, or null when there is no direct memory for it.
     *
     * @param needed more than {@code current} and not more than {@code maximum}
     */
    static ByteBuffer grow(int current, long needed, int maximum) {
        return allocate(Math.max(needed, Math.min(maximum, 2L * current)));
    }

    /** For people: {@link #allocate} gave null. */
    static String noMemory(long bytes) {
        return "the JVM has no direct memory for a buffer of "
                + bytes
                + " bytes (-XX:MaxDirectMemorySize; for Flink:"
                + " taskmanager.memory.task.off-heap.size)";
    }

    private static ByteBuffer allocate(long bytes) {
        try {
            return ByteBuffer.allocateDirect((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
        } catch (OutOfMemoryError e) {
            return null;
        }
    }
}
