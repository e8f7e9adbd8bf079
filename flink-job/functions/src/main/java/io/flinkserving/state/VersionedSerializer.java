package io.flinkserving.state;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Serializer of an immutable type. Each value begins with the version of its format, and every
 * version that was ever written stays readable, so values of old checkpoints need no migration.
 */
abstract class VersionedSerializer<T> extends TypeSerializerSingleton<T> {

    private static final long serialVersionUID = 1L;

    private final byte version;

    /**
     * @param version format that {@link #write} writes; {@link #read} reads this and all before
     */
    VersionedSerializer(int version) {
        this.version = (byte) version;
    }

    abstract void write(T value, DataOutputView out) throws IOException;

    abstract T read(int format, DataInputView in) throws IOException;

    final int version() {
        return version;
    }

    @Override
    public final void serialize(T value, DataOutputView out) throws IOException {
        out.writeByte(version);
        write(value, out);
    }

    @Override
    public final T deserialize(DataInputView in) throws IOException {
        int format = in.readByte();
        if (format < 1 || format > version) {
            throw new IOException(
                    getClass().getSimpleName()
                            + " reads formats 1 to "
                            + version
                            + " but the data has format "
                            + format);
        }
        return read(format, in);
    }

    @Override
    public final T deserialize(T reuse, DataInputView in) throws IOException {
        return deserialize(in);
    }

    @Override
    public final void copy(DataInputView in, DataOutputView out) throws IOException {
        serialize(deserialize(in), out);
    }

    @Override
    public final boolean isImmutableType() {
        return true;
    }

    @Override
    public final T createInstance() {
        return null;
    }

    @Override
    public final T copy(T from) {
        return from;
    }

    @Override
    public final T copy(T from, T reuse) {
        return from;
    }

    @Override
    public final int getLength() {
        return -1;
    }

    @Override
    public abstract TypeSerializerSnapshot<T> snapshotConfiguration();

    /** Makes the snapshot class of a serializer; Flink finds it by name in a checkpoint. */
    abstract static class Snapshot<T> extends SimpleTypeSerializerSnapshot<T> {
        Snapshot(java.util.function.Supplier<VersionedSerializer<T>> serializer) {
            super(serializer::get);
        }
    }
}
