package io.flinkserving.tools;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Prints the messages of topics. It is in no consumer group and commits nothing. */
public final class TopicReader {

    private static final Duration POLL = Duration.ofMillis(500);

    private final Plan plan;
    private final PrintStream out;
    private final Gson gson = new GsonBuilder().disableHtmlEscaping().serializeNulls().create();
    private long shown;

    private TopicReader(Plan plan, PrintStream out) {
        this.plan = plan;
        this.out = out;
    }

    /** What to print. */
    public static final class Plan {
        public Map<String, MessageFormat> topics;

        /** So many of the last offsets of each partition; -1: all. */
        public long last;

        public long limit = Long.MAX_VALUE;
        public boolean follow;
        public boolean committed;
        public boolean json;
    }

    /** Returns how many messages were printed: all that there were when it began, or as planned. */
    public static long read(Plan plan, Properties given, PrintStream out) throws IOException {
        Properties properties = new Properties();
        properties.setProperty(
                ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                plan.committed ? "read_committed" : "read_uncommitted");
        properties.putAll(given);
        properties.setProperty(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            TopicReader reader = new TopicReader(plan, out);
            reader.read(consumer);
            out.flush();
            return reader.shown;
        } catch (KafkaException e) {
            throw new IOException("Kafka: " + e.getMessage(), e);
        }
    }

    private void read(KafkaConsumer<byte[], byte[]> consumer) {
        List<TopicPartition> partitions = new ArrayList<>();
        for (String topic : plan.topics.keySet()) {
            consumer.partitionsFor(topic)
                    .forEach(info -> partitions.add(new TopicPartition(topic, info.partition())));
        }
        consumer.assign(partitions);
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        Map<TopicPartition, Long> starts = consumer.beginningOffsets(partitions);
        starts.forEach(
                (partition, start) ->
                        consumer.seek(
                                partition,
                                plan.last < 0
                                        ? start
                                        : Math.max(start, ends.get(partition) - plan.last)));
        while (shown < plan.limit && (plan.follow || !atEnd(consumer, ends))) {
            for (ConsumerRecord<byte[], byte[]> message : consumer.poll(POLL)) {
                boolean later =
                        message.offset()
                                >= ends.get(
                                        new TopicPartition(message.topic(), message.partition()));
                if (shown < plan.limit && (plan.follow || !later)) {
                    print(message);
                    shown++;
                }
            }
            out.flush();
        }
    }

    private static boolean atEnd(
            KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends) {
        // Positions, not messages: markers of transactions take offsets too.
        return ends.entrySet().stream()
                .allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
    }

    private void print(ConsumerRecord<byte[], byte[]> message) {
        JsonObject content = plan.topics.get(message.topic()).toJson(message.value());
        String key =
                message.key() == null ? null : new String(message.key(), StandardCharsets.UTF_8);
        if (!plan.json) {
            out.printf(
                    "%s-%d @%d %s key %s: %s%n",
                    message.topic(),
                    message.partition(),
                    message.offset(),
                    Instant.ofEpochMilli(message.timestamp()),
                    key,
                    MessageFormat.toText(content));
            return;
        }
        JsonObject json = new JsonObject();
        json.addProperty("topic", message.topic());
        json.addProperty("partition", message.partition());
        json.addProperty("offset", message.offset());
        json.addProperty("time", Instant.ofEpochMilli(message.timestamp()).toString());
        json.addProperty("key", key);
        json.addProperty(
                "kind", plan.topics.get(message.topic()).name().toLowerCase(java.util.Locale.ROOT));
        json.add("value", content);
        out.println(gson.toJson(json));
    }
}
