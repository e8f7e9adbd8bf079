package io.flinkserving.state;

import io.flinkserving.data.RecordBlock;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Format 3: number of records, data types (each with the number of its records and their bytes, if
 * there are several), which record has which (if there are several), times (if there are any),
 * identities (if there are any) and whether all have messages, the bytes; then how many zeros
 * follow (2 bytes), and these. Format 2 has no zeros and does not say so. Unaligned checkpoints
 * hold blocks that were on their way.
 *
 * <p>The zeros make a block as long as it is wanted on the network.
 */
public final class RecordBlockSerializer extends TypeSerializerSingleton<RecordBlock> {

    private static final long serialVersionUID = 1L;

    public static final RecordBlockSerializer INSTANCE = new RecordBlockSerializer();

    private static final int FORMAT = 3;
    private static final int FORMAT_WITHOUT_ZEROS = 2;

    private static final int MOST_ZEROS = 0xffff;
    private static final byte[] ZEROS = new byte[1024];

    /** Larger memory is not kept for the next block. */
    private static final int MOST_KEPT_BYTES = 256 << 10;

    /** Memory is made in these steps, so that that of one block does for the next. */
    private static final int STEP_BYTES = 2 << 10;

    // Of the byte before the identities.
    private static final int HAS_IDS = 1;
    private static final int HAS_MESSAGES = 2;

    /**
     * Memory of a block that nobody reads any more: new one is always cold, and is zeroed before it
     * is written.
     */
    private transient AtomicReference<byte[]> spare = new AtomicReference<>();

    private RecordBlockSerializer() {}

    private Object readResolve() {
        return new RecordBlockSerializer();
    }

    @Override
    public void serialize(RecordBlock block, DataOutputView out) throws IOException {
        out.writeByte(FORMAT);
        Wire.writeVarint(block.size(), out);
        String[] dataTypes = block.dataTypes();
        Wire.writeVarint(dataTypes.length, out);
        for (int i = 0; i < dataTypes.length; i++) {
            Wire.writeString(dataTypes[i], out);
            if (dataTypes.length > 1) {
                Wire.writeVarint(block.count(i), out);
                Wire.writeVarint(block.end(i) - block.start(i), out);
            }
        }
        if (dataTypes.length > 1) {
            out.write(block.typeOfRecord(), 0, block.size());
        }
        long[] timestamps = block.timestamps();
        out.writeBoolean(timestamps != null);
        if (timestamps != null) {
            for (int i = 0; i < block.size(); i++) {
                out.writeLong(timestamps[i]);
            }
        }
        String[] ids = block.ids();
        out.writeByte((ids != null ? HAS_IDS : 0) | (block.hasMessages() ? HAS_MESSAGES : 0));
        if (ids != null) {
            for (int i = 0; i < block.size(); i++) {
                Wire.writeNullableString(ids[i], out);
            }
        }
        Wire.writeVarint(block.length(), out);
        out.write(block.bytes(), 0, block.length());
        writeZeros(block, out);
    }

    /** Only there can be known what was written so far: where Flink serializes for the network. */
    private static void writeZeros(RecordBlock block, DataOutputView out) throws IOException {
        if (!(out instanceof DataOutputSerializer)) {
            out.writeShort(0);
            return;
        }
        DataOutputSerializer serialized = (DataOutputSerializer) out;
        int missing = block.leastSerialized() - serialized.length() - Short.BYTES;
        int zeros = Math.max(0, Math.min(MOST_ZEROS, missing));
        out.writeShort(zeros);
        for (int left = zeros; left > 0; left -= ZEROS.length) {
            out.write(ZEROS, 0, Math.min(left, ZEROS.length));
        }
        block.setSerializedLength(serialized.length());
    }

    @Override
    public RecordBlock deserialize(DataInputView in) throws IOException {
        int format = in.readByte();
        if (format != FORMAT && format != FORMAT_WITHOUT_ZEROS) {
            throw new IOException(
                    "blocks of records have format " + FORMAT + " but the data has " + format);
        }
        int size = Wire.readCount(in);
        String[] dataTypes = new String[Wire.readCount(in)];
        boolean several = dataTypes.length > 1;
        int[] counts = several ? new int[dataTypes.length] : null;
        int[] ends = several ? new int[dataTypes.length] : null;
        int end = 0;
        for (int i = 0; i < dataTypes.length; i++) {
            dataTypes[i] = Wire.readString(in);
            if (several) {
                counts[i] = Wire.readCount(in);
                end += Wire.readCount(in);
                ends[i] = end;
            }
        }
        byte[] typeOfRecord = null;
        if (several) {
            typeOfRecord = new byte[size];
            in.readFully(typeOfRecord);
        }
        long[] timestamps = null;
        if (in.readBoolean()) {
            timestamps = new long[size];
            for (int i = 0; i < size; i++) {
                timestamps[i] = in.readLong();
            }
        }
        int flags = in.readByte();
        String[] ids = null;
        if ((flags & HAS_IDS) != 0) {
            ids = new String[size];
            for (int i = 0; i < size; i++) {
                ids[i] = Wire.readNullableString(in);
            }
        }
        int length = Wire.readCount(in);
        byte[] bytes = memory(length);
        in.readFully(bytes, 0, length);
        if (format != FORMAT_WITHOUT_ZEROS) {
            in.skipBytesToRead(in.readUnsignedShort());
        }
        RecordBlock block =
                new RecordBlock(
                        size,
                        dataTypes,
                        typeOfRecord,
                        counts,
                        ends,
                        timestamps,
                        ids,
                        (flags & HAS_MESSAGES) != 0,
                        bytes,
                        length);
        return bytes.length <= MOST_KEPT_BYTES ? block.sharing(spare) : block;
    }

    private byte[] memory(int length) {
        if (length > MOST_KEPT_BYTES) {
            return new byte[length];
        }
        byte[] released = spare.getAndSet(null);
        return released != null && released.length >= length
                ? released
                : new byte[(length + STEP_BYTES - 1) / STEP_BYTES * STEP_BYTES];
    }

    @Override
    public RecordBlock deserialize(RecordBlock reuse, DataInputView in) throws IOException {
        return deserialize(in);
    }

    @Override
    public void copy(DataInputView in, DataOutputView out) throws IOException {
        serialize(deserialize(in), out);
    }

    @Override
    public RecordBlock copy(RecordBlock from) {
        return from.copy();
    }

    @Override
    public RecordBlock copy(RecordBlock from, RecordBlock reuse) {
        return from.copy();
    }

    @Override
    public RecordBlock createInstance() {
        return null;
    }

    @Override
    public boolean isImmutableType() {
        return false;
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public TypeSerializerSnapshot<RecordBlock> snapshotConfiguration() {
        return new Format();
    }

    /** Written into checkpoints. */
    public static final class Format extends SimpleTypeSerializerSnapshot<RecordBlock> {
        public Format() {
            super(() -> INSTANCE);
        }
    }
}
