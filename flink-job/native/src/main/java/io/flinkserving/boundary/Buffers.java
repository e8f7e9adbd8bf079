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

    private static final int LARGEST_GUESS = 1 << 20;

    /** Results have text only where a row failed or a model makes strings. */
    private static final int RESULT_TEXT = 1024;

    private Buffers() {}

    static ByteBuffer allocateInput(ScorerOptions options, ScorerInfo info, int maximum)
            throws NativeException {
        long guess = Math.min(LARGEST_GUESS, (long) options.getCapacity() * TYPICAL_ROW);
        return allocateFirst("input", info.getPackedInput(), guess, maximum);
    }

    static ByteBuffer allocateOutput(ScorerInfo info, int maximum) throws NativeException {
        return allocateFirst("output", info.getMinimumOutput(), RESULT_TEXT, maximum);
    }

    private static ByteBuffer allocateFirst(String side, int unsignedFixed, long guess, int maximum)
            throws NativeException {
        long fixed = Integer.toUnsignedLong(unsignedFixed);
        if (fixed > maximum) {
            throw new NativeException(
                    ErrorCode.INVALID_CALL,
                    String.format(
                            "the rows need %d bytes of %s buffer, more than the maximum of %d",
                            fixed, side, maximum));
        }
        long size = Math.min(maximum, fixed + guess);
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
