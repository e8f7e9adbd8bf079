package io.flinkserving.kafka;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Identity and value, each as a 32-bit length (-1: null) and its bytes; the identity in UTF-8. */
public final class KafkaMessageSerializer extends TypeSerializerSingleton<KafkaMessage> {

    private static final long serialVersionUID = 1L;

    public static final KafkaMessageSerializer INSTANCE = new KafkaMessageSerializer();

    private static final int NULL = -1;

    private KafkaMessageSerializer() {}

    @Override
    public void serialize(KafkaMessage message, DataOutputView out) throws IOException {
        String id = message.id();
        write(id == null ? null : id.getBytes(StandardCharsets.UTF_8), out);
        write(message.value(), out);
    }

    @Override
    public KafkaMessage deserialize(DataInputView in) throws IOException {
        byte[] id = read(in);
        return new KafkaMessage(
                id == null ? null : new String(id, StandardCharsets.UTF_8), read(in));
    }

    private static void write(byte[] bytes, DataOutputView out) throws IOException {
        if (bytes == null) {
            out.writeInt(NULL);
        } else {
            out.writeInt(bytes.length);
            out.write(bytes);
        }
    }

    private static byte[] read(DataInputView in) throws IOException {
        int length = in.readInt();
        if (length == NULL) {
            return null;
        }
        byte[] bytes = new byte[length];
        in.readFully(bytes);
        return bytes;
    }

    @Override
    public KafkaMessage deserialize(KafkaMessage reuse, DataInputView in) throws IOException {
        return deserialize(in);
    }

    @Override
    public void copy(DataInputView in, DataOutputView out) throws IOException {
        serialize(deserialize(in), out);
    }

    @Override
    public boolean isImmutableType() {
        return true;
    }

    @Override
    public KafkaMessage createInstance() {
        return new KafkaMessage(null, null);
    }

    @Override
    public KafkaMessage copy(KafkaMessage from) {
        return from;
    }

    @Override
    public KafkaMessage copy(KafkaMessage from, KafkaMessage reuse) {
        return from;
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public TypeSerializerSnapshot<KafkaMessage> snapshotConfiguration() {
        return new Format();
    }

    /** Written into checkpoints. */
    public static final class Format extends SimpleTypeSerializerSnapshot<KafkaMessage> {
        public Format() {
            super(() -> INSTANCE);
        }
    }
}
