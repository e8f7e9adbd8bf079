package io.flinkserving.kafka;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Hands on the bytes of a message as they are, with an identity. It never fails: an exception here
 * would restart the job again and again at the same message.
 */
public final class MessageDeserializer implements KafkaRecordDeserializationSchema<KafkaMessage> {

    private static final long serialVersionUID = 1L;

    /** A longer key is content rather than a name, and would travel with every result. */
    static final int MAX_KEY = 1024;

    private static final char REPLACEMENT = '\uFFFD';

    @Override
    public void deserialize(
            ConsumerRecord<byte[], byte[]> message, Collector<KafkaMessage> collector) {
        collector.collect(new KafkaMessage(identity(message), message.value()));
    }

    /**
     * The key as text; "topic-partition-offset" where there is none, or it is not UTF-8 or longer
     * than 1024 bytes.
     */
    private static String identity(ConsumerRecord<byte[], byte[]> message) {
        byte[] key = message.key();
        if (key != null && key.length > 0 && key.length <= MAX_KEY) {
            String text = new String(key, StandardCharsets.UTF_8);
            if (text.indexOf(REPLACEMENT) < 0) {
                return text;
            }
        }
        return message.topic() + '-' + message.partition() + '-' + message.offset();
    }

    @Override
    public TypeInformation<KafkaMessage> getProducedType() {
        return KafkaMessageType.INSTANCE;
    }

    /**
     * Loads what Kafka's admin client wants when it ends. In the JobManager it ends in a thread of
     * its own, which Flink does not wait for; loaded here, together with the source, the class is
     * there although the job's class loader may be closed by then.
     */
    private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
        in.defaultReadObject();
        Class.forName(
                "org.apache.kafka.common.network.Selector$CloseMode",
                true,
                MessageDeserializer.class.getClassLoader());
    }
}
