package io.flinkserving.data;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import io.flinkserving.boundary.ProtobufLayouts;
import io.flinkserving.wire.ProtobufLayout;
import java.util.Objects;
import org.apache.flink.api.java.functions.KeySelector;

/**
 * Records that are protobuf messages. The library decodes just the fields that a model uses,
 * straight from the record's bytes.
 */
public final class ProtobufFormat<R> extends RecordFormat<R> {

    private static final long serialVersionUID = 1L;

    private final byte[] fileDescriptorSet;
    private final String message;
    private final KeySelector<R, byte[]> bytes;

    private ProtobufFormat(byte[] fileDescriptorSet, String message, KeySelector<R, byte[]> bytes) {
        this.fileDescriptorSet = fileDescriptorSet;
        this.message = Objects.requireNonNull(message);
        this.bytes = Objects.requireNonNull(bytes);
    }

    /** Records that are the bytes of a message of this type. */
    public static ProtobufFormat<byte[]> of(Descriptor message) {
        return of(message, record -> record);
    }

    /**
     * Records that have the bytes of a message.
     *
     * @param bytes takes them out of the record; the array is not kept and not changed
     */
    public static <R> ProtobufFormat<R> of(Descriptor message, KeySelector<R, byte[]> bytes) {
        ProtobufLayout layout = ProtobufLayouts.of(message);
        return new ProtobufFormat<>(
                layout.getFileDescriptorSet().toByteArray(), layout.getMessage(), bytes);
    }

    /**
     * @param fileDescriptorSet a serialized {@code google.protobuf.FileDescriptorSet} that holds
     *     the message and all that it refers to
     * @param message full name of the message
     */
    public static <R> ProtobufFormat<R> of(
            byte[] fileDescriptorSet, String message, KeySelector<R, byte[]> bytes) {
        return new ProtobufFormat<>(fileDescriptorSet.clone(), message, bytes);
    }

    /** What the library is told. */
    public ProtobufLayout layout() {
        return ProtobufLayout.newBuilder()
                .setFileDescriptorSet(ByteString.copyFrom(fileDescriptorSet))
                .setMessage(message)
                .build();
    }

    /** The bytes of the record's message; not a copy. */
    public byte[] bytes(R record) throws Exception {
        return bytes.getKey(record);
    }

    @Override
    public byte[] toInput(R record) {
        try {
            return bytes.getKey(record);
        } catch (Exception e) {
            return null;
        }
    }
}
