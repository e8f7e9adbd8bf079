package io.flinkserving.kafka;

import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Writes messages to one topic with their identity as key. */
public final class MessageSerializer implements KafkaRecordSerializationSchema<KafkaMessage> {

    private static final long serialVersionUID = 1L;

    private final String topic;

    public MessageSerializer(String topic) {
        this.topic = Objects.requireNonNull(topic);
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(
            KafkaMessage message, KafkaSinkContext context, Long timestamp) {
        String id = message.id();
        byte[] key = id == null ? null : id.getBytes(StandardCharsets.UTF_8);
        return new ProducerRecord<>(topic, key, message.value());
    }
}
