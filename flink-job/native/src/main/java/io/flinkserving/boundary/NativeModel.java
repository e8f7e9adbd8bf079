package io.flinkserving.boundary;

import com.google.protobuf.InvalidProtocolBufferException;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelInfo;
import io.flinkserving.wire.ScorerInfo;
import io.flinkserving.wire.ScorerOptions;
import java.nio.ByteBuffer;

/**
 * A compiled model in native memory. Models with the same content are one in memory. Any thread may
 * use it. Whoever made it closes it; nothing else frees its memory. Scorers that were opened from
 * it go on after that.
 */
public final class NativeModel implements AutoCloseable {

    private static final long CLOSED = 0;

    private long handle;
    private final ModelInfo info;

    private NativeModel(long handle) throws NativeException {
        this.handle = handle;
        ModelInfo read = null;
        try {
            read = parseInfo(NativeMethods.modelInfo(handle));
        } finally {
            if (read == null) {
                NativeMethods.closeModel(handle);
            }
        }
        info = read;
    }

    /**
     * Compiles a model, or shares the one with the same content. It may take long; it does not
     * belong on the thread that scores.
     *
     * @param descriptor name, type, bindings, digest; its own content is ignored
     * @param content the model
     * @throws NativeException with a code of the models (100 to 199)
     */
    public static NativeModel load(ModelDescriptor descriptor, byte[] content)
            throws NativeException {
        NativeLibrary.load();
        return new NativeModel(NativeMethods.loadModel(withoutContent(descriptor), content));
    }

    /**
     * {@link #load} from what {@link #toBytes()} or {@link #pack} gave.
     *
     * @throws NativeException with a code of the models (100 to 199)
     */
    public static NativeModel restore(byte[] stored) throws NativeException {
        NativeLibrary.load();
        return new NativeModel(NativeMethods.restoreModel(stored));
    }

    /**
     * The bytes that a checkpoint holds, without compiling the model.
     *
     * @throws NativeException with a code of the models (100 to 199)
     */
    public static byte[] pack(ModelDescriptor descriptor, byte[] content) throws NativeException {
        NativeLibrary.load();
        return NativeMethods.packModel(withoutContent(descriptor), content);
    }

    /** Type, digest, bytes of native memory, inputs and outputs. It can be read after closing. */
    public ModelInfo info() {
        return info;
    }

    /** The bytes that a checkpoint holds. */
    public synchronized byte[] toBytes() throws NativeException {
        return NativeMethods.modelBytes(open());
    }

    /**
     * What {@link #openScorer} would give: outputs and sizes of the buffers.
     *
     * @throws NativeException BINDING_FAILED when fields of the record and inputs do not fit
     */
    public synchronized ScorerInfo describeScorer(ScorerOptions options) throws NativeException {
        return describe(open(), atLeastOneRow(options).toByteArray());
    }

    /** {@link #openScorer(ScorerOptions, int)} with {@link NativeScorer#DEFAULT_MAXIMUM_BYTES}. */
    public NativeScorer openScorer(ScorerOptions options) throws NativeException {
        return openScorer(options, NativeScorer.DEFAULT_MAXIMUM_BYTES);
    }

    /**
     * Opens a scorer with buffers of its own.
     *
     * @param given layout of the records, bindings, most rows of one call (0 means 1)
     * @param maximumBytes what each of the two buffers may grow to; a record or result that needs
     *     more fails with RECORD_TOO_LARGE
     * @throws NativeException BINDING_FAILED when fields of the record and inputs do not fit,
     *     INVALID_CALL when {@code maximumBytes} does not hold the rows that the options ask for
     */
    public synchronized NativeScorer openScorer(ScorerOptions given, int maximumBytes)
            throws NativeException {
        ScorerOptions options = atLeastOneRow(given);
        byte[] bytes = options.toByteArray();
        ScorerInfo description = describe(open(), bytes);
        OutputLayout outputLayout = new OutputLayout(description);
        PackedOffsets packed = options.hasPacked() ? new PackedOffsets(options, description) : null;
        ByteBuffer input = Buffers.allocateInput(options, description, maximumBytes);
        ByteBuffer output = Buffers.allocateOutput(description, maximumBytes);
        long scorer = NativeMethods.openScorer(open(), bytes, input, output);
        return new NativeScorer(
                scorer, options.getCapacity(), outputLayout, packed, input, output, maximumBytes);
    }

    public synchronized boolean isClosed() {
        return handle == CLOSED;
    }

    /** Gives the model back; again: does nothing. */
    @Override
    public synchronized void close() {
        long closing = handle;
        handle = CLOSED;
        if (closing != CLOSED) {
            try {
                NativeMethods.closeModel(closing);
            } catch (NativeException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private long open() {
        if (handle == CLOSED) {
            throw new IllegalStateException("the model is closed");
        }
        return handle;
    }

    private static ScorerOptions atLeastOneRow(ScorerOptions options) {
        return options.getCapacity() == 0 ? options.toBuilder().setCapacity(1).build() : options;
    }

    private static byte[] withoutContent(ModelDescriptor descriptor) {
        return descriptor.toBuilder().clearData().build().toByteArray();
    }

    private static ScorerInfo describe(long handle, byte[] options) throws NativeException {
        try {
            return ScorerInfo.parseFrom(NativeMethods.describeScorer(handle, options));
        } catch (InvalidProtocolBufferException e) {
            throw new NativeException(ErrorCode.INVALID_CALL, "ScorerInfo: " + e.getMessage());
        }
    }

    private static ModelInfo parseInfo(byte[] bytes) throws NativeException {
        try {
            return ModelInfo.parseFrom(bytes);
        } catch (InvalidProtocolBufferException e) {
            throw new NativeException(ErrorCode.INVALID_CALL, "ModelInfo: " + e.getMessage());
        }
    }
}
