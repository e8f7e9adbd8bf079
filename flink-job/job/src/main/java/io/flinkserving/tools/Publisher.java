package io.flinkserving.tools;

import io.flinkserving.wire.ModelDescriptor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Writes records and models to their topics. */
public final class Publisher implements AutoCloseable {

    /** The broker's limit is the one that counts for a model; the client must not be in its way. */
    private static final int MAX_REQUEST = 512 * 1024 * 1024;

    private final KafkaProducer<byte[], byte[]> producer;
    private volatile Exception failure;

    public Publisher(Properties given) {
        Properties properties = new Properties();
        properties.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, MAX_REQUEST);
        properties.put(ProducerConfig.BUFFER_MEMORY_CONFIG, (long) MAX_REQUEST);
        properties.put(ProducerConfig.LINGER_MS_CONFIG, 5);
        properties.putAll(given);
        producer =
                new KafkaProducer<>(
                        properties, new ByteArraySerializer(), new ByteArraySerializer());
    }

    /** Returns before the record is written; a failure shows in a later call. */
    public void record(String topic, String key, byte[] record) throws IOException {
        check();
        producer.send(
                new ProducerRecord<>(topic, key.getBytes(StandardCharsets.UTF_8), record),
                (metadata, exception) -> {
                    if (exception != null) {
                        failure = exception;
                    }
                });
    }

    /**
     * Returns when the message is written. Its key is the data type, so that whatever concerns a
     * data type stays in one partition and in order.
     */
    public void model(String topic, ModelDescriptor model)
            throws IOException, InterruptedException {
        byte[] message =
                model.toBuilder().setOccurredOn(System.currentTimeMillis()).build().toByteArray();
        byte[] key = model.getDataType().getBytes(StandardCharsets.UTF_8);
        try {
            producer.send(new ProducerRecord<>(topic, key, message)).get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RecordTooLargeException) {
                throw new IOException(
                        String.format(
                                "model %s has %d bytes, more than topic %s takes: raise its"
                                        + " max.message.bytes",
                                model.getName(), message.length, topic));
            }
            throw new IOException(
                    "topic " + topic + ": " + e.getCause().getMessage(), e.getCause());
        }
    }

    /** Returns when everything is written. */
    public void flush() throws IOException {
        producer.flush();
        check();
    }

    private void check() throws IOException {
        Exception reason = failure;
        if (reason != null) {
            throw new IOException("Kafka did not take a record: " + reason.getMessage(), reason);
        }
    }

    @Override
    public void close() {
        producer.close();
    }
}
