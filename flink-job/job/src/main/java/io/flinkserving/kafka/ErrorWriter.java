package io.flinkserving.kafka;

import io.flinkserving.wire.ServingError;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.functions.MapFunction;

/**
 * Makes messages of errors. One that the producer would refuse loses its input, and texts that are
 * still too long their ends: an error must always get through.
 */
public final class ErrorWriter
        implements MapFunction<io.flinkserving.model.ServingError, KafkaMessage> {

    private static final long serialVersionUID = 1L;

    private static final int MAX_TEXT = 1024;

    private final int maxBytes;

    /**
     * @param maxBytes most bytes of a message with its key
     */
    public ErrorWriter(int maxBytes) {
        this.maxBytes = maxBytes;
    }

    @Override
    public KafkaMessage map(io.flinkserving.model.ServingError error) {
        ServingError proto = error.toProto();
        String id = error.recordId();
        if (keySize(id) + proto.getSerializedSize() > maxBytes) {
            proto = proto.toBuilder().clearInput().build();
        }
        if (keySize(id) + proto.getSerializedSize() > maxBytes) {
            proto =
                    proto.toBuilder()
                            .setMessage(cut(proto.getMessage()))
                            .setRecordId(cut(proto.getRecordId()))
                            .setDataType(cut(proto.getDataType()))
                            .setModelName(cut(proto.getModelName()))
                            .setModelVersion(cut(proto.getModelVersion()))
                            .build();
            id = id == null ? null : cut(id);
        }
        return new KafkaMessage(id, proto.toByteArray());
    }

    static int keySize(String id) {
        return id == null ? 0 : id.getBytes(StandardCharsets.UTF_8).length;
    }

    private static String cut(String text) {
        if (text.length() <= MAX_TEXT) {
            return text;
        }
        int end = Character.isHighSurrogate(text.charAt(MAX_TEXT - 1)) ? MAX_TEXT - 1 : MAX_TEXT;
        return text.substring(0, end) + "...";
    }
}
