package io.flinkserving.kafka;

import java.util.Arrays;
import java.util.Objects;
import org.apache.flink.api.common.typeinfo.TypeInfo;

/** The bytes of a message in a topic and who it is. Immutable. */
@TypeInfo(KafkaMessageType.Factory.class)
public final class KafkaMessage {

    private final String id;
    private final byte[] value;

    /**
     * @param id null: none
     * @param value not copied; null: the message has none (a tombstone)
     */
    public KafkaMessage(String id, byte[] value) {
        this.id = id;
        this.value = value;
    }

    /**
     * Identity of what the message carries: for one that was read, its key as text, else
     * "topic-partition-offset"; for one to be written, its key; null: none.
     */
    public String id() {
        return id;
    }

    /** Not a copy; null for a tombstone. */
    public byte[] value() {
        return value;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KafkaMessage
                && Objects.equals(id, ((KafkaMessage) other).id)
                && Arrays.equals(value, ((KafkaMessage) other).value);
    }

    @Override
    public int hashCode() {
        return 31 * Objects.hashCode(id) + Arrays.hashCode(value);
    }

    @Override
    public String toString() {
        return id + ": " + (value == null ? "no value" : value.length + " bytes");
    }
}
