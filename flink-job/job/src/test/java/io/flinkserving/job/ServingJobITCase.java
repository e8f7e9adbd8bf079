package io.flinkserving.job;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import io.flinkserving.example.wine.WineDataToServe;
import io.flinkserving.example.wine.WineExample;
import io.flinkserving.testing.Kafka;
import io.flinkserving.testing.TopicMessages;
import io.flinkserving.tools.MessageFormat;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import io.flinkserving.wire.WineRecord;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Each job with a real broker and the real library: whatever comes in leaves exactly one answer.
 */
class ServingJobITCase {

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int GOOD_RECORDS = 500;

    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(2)
                            .build());

    @TempDir static Path folder;

    private static Kafka kafka;
    private static KafkaProducer<byte[], byte[]> producer;

    private String join;

    @BeforeAll
    static void start() throws Exception {
        kafka = new Kafka(folder);
        producer =
                new KafkaProducer<>(
                        kafka.properties(), new ByteArraySerializer(), new ByteArraySerializer());
    }

    @AfterAll
    static void stop() {
        producer.close();
        kafka.close();
    }

    @ParameterizedTest
    @EnumSource(ServingJob.Join.class)
    void everythingThatComesInLeavesOneAnswer(ServingJob.Join how) throws Exception {
        join = how.name();
        kafka.createTopics(2, topic("mdata"), topic("results"), topic("errors"));
        kafka.createTopics(1, topic("models"));
        JobClient job = submit(how);
        try {
            Map<String, String> expected = new HashMap<>();
            sendBeforeAnyModel(expected);
            sendBadModels(expected);
            sendNetworkAndWaitUntilItServes();
            sendBadRecords(expected);
            List<WineRecord> records = sendGoodRecords(expected);

            await().atMost(PATIENCE)
                    .untilAsserted(
                            () -> {
                                assertThat(job.getJobStatus().get()).isEqualTo(JobStatus.RUNNING);
                                assertThat(answers()).hasSizeGreaterThanOrEqualTo(expected.size());
                            });
            assertThat(answers()).containsExactlyInAnyOrderEntriesOf(expected);
            assertThat(results())
                    .extracting(result -> result.get("model").getAsString())
                    .containsOnly("quality_network");
            checkQualities(records.size());
            assertThat(job.getJobStatus().get()).isEqualTo(JobStatus.RUNNING);
        } finally {
            if (job.getJobStatus().get().isTerminalState()) {
                // Says why.
                job.getJobExecutionResult().get();
            }
            job.cancel().get();
        }
    }

    private JobClient submit(ServingJob.Join how) throws Exception {
        Configuration flink = new Configuration();
        flink.set(PipelineOptions.GENERIC_TYPES, false);
        // Any failure of a task would end the job and so the test.
        flink.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.getExecutionEnvironment(flink);
        environment.setParallelism(2);
        JobOptions options =
                JobOptions.parse(
                        "Job",
                        "--bootstrap-servers=" + kafka.bootstrapServers(),
                        "--data-topic=" + topic("mdata"),
                        "--models-topic=" + topic("models"),
                        "--results-topic=" + topic("results"),
                        "--errors-topic=" + topic("errors"),
                        "--group-id=" + join,
                        "--exactly-once",
                        "--checkpoint-interval=200ms",
                        "--model-serving.max-record-size=10kb");
        ServingJob.build(environment, options, how, new WineDataToServe());
        return environment.executeAsync("ServingJobITCase");
    }

    private void sendBeforeAnyModel(Map<String, String> expected) throws Exception {
        byte[] record = WineExample.records("wine").get(0).toByteArray();
        for (int i = 0; i < 5; i++) {
            sendRecord("early-" + i, record, "NO_MODEL", expected);
        }
        // Now, not later: the model must not be there when they are scored.
        await().atMost(PATIENCE).until(() -> answers().size() == 5);
    }

    private void sendBadModels(Map<String, String> expected) throws Exception {
        ModelDescriptor.Builder model =
                ModelDescriptor.newBuilder()
                        .setName("bad")
                        .setDataType("wine")
                        .setModeltype(ModelType.TENSORFLOW)
                        .setData(ByteString.copyFromUtf8("no graph"));
        byte[] whole = model.build().toByteArray();
        byte[] truncated = java.util.Arrays.copyOf(whole, whole.length - 3);
        byte[] unnamed = model.clone().clearName().build().toByteArray();
        byte[] unknown = model.clone().setModeltypeValue(99).setVersion("2").build().toByteArray();
        byte[] wrongDigest =
                model.clone().setSha256(ByteString.copyFrom(new byte[32])).build().toByteArray();
        sendModel("m-tombstone", null, "DESCRIPTOR_UNREADABLE", expected);
        sendModel("m-truncated", truncated, "DESCRIPTOR_UNREADABLE", expected);
        sendModel("m-unnamed", unnamed, "DESCRIPTOR_INVALID", expected);
        sendModel("m-digest", wrongDigest, "DIGEST_MISMATCH", expected);
        // These two fail behind the reader, where the message itself is no longer known.
        producer.send(new ProducerRecord<>(topic("models"), "x".getBytes(UTF_8), unknown)).get();
        producer.send(new ProducerRecord<>(topic("models"), "x".getBytes(UTF_8), whole)).get();
        await().atMost(PATIENCE)
                .untilAsserted(
                        () ->
                                assertThat(modelErrors())
                                        .contains("MODEL_TYPE_UNKNOWN", "MODEL_UNPARSABLE"));
    }

    private void sendNetworkAndWaitUntilItServes() throws Exception {
        ModelDescriptor network =
                WineExample.models("wine").stream()
                        .filter(model -> model.getModeltype() == ModelType.TENSORFLOW)
                        .findFirst()
                        .orElseThrow();
        producer.send(
                        new ProducerRecord<>(
                                topic("models"), "wine".getBytes(UTF_8), network.toByteArray()))
                .get();
        byte[] record = WineExample.records("wine").get(0).toByteArray();
        // Each subtask of the partitioned join loads for itself: both partitions must answer.
        for (int partition = 0; partition < 2; partition++) {
            int to = partition;
            int[] count = {0};
            await().atMost(PATIENCE)
                    .pollInterval(Duration.ofMillis(300))
                    .until(
                            () -> {
                                String key = "probe-" + to + "-" + count[0]++;
                                producer.send(
                                                new ProducerRecord<>(
                                                        topic("mdata"),
                                                        to,
                                                        key.getBytes(UTF_8),
                                                        record))
                                        .get();
                                return results().stream()
                                        .anyMatch(
                                                result ->
                                                        result.get("record_id")
                                                                .getAsString()
                                                                .startsWith("probe-" + to));
                            });
        }
    }

    private void sendBadRecords(Map<String, String> expected) throws Exception {
        WineRecord wine = WineExample.records("wine").get(0);
        byte[] bytes = wine.toByteArray();
        byte[] truncated = java.util.Arrays.copyOf(bytes, bytes.length - 1);
        byte[] untyped = wine.toBuilder().clearDataType().build().toByteArray();
        byte[] beer = wine.toBuilder().setDataType("beer").build().toByteArray();
        sendRecord("r-tombstone", null, "RECORD_UNREADABLE", expected);
        sendRecord("r-truncated", truncated, "RECORD_UNREADABLE", expected);
        sendRecord("r-garbage", "not protobuf".getBytes(UTF_8), "RECORD_UNREADABLE", expected);
        sendRecord("r-large", new byte[20_000], "RECORD_TOO_LARGE", expected);
        sendRecord("r-untyped", untyped, "DATA_TYPE_MISSING", expected);
        sendRecord("r-beer", beer, "NO_MODEL", expected);
    }

    private List<WineRecord> sendGoodRecords(Map<String, String> expected) throws Exception {
        List<WineRecord> records = WineExample.records("wine").subList(0, GOOD_RECORDS);
        for (int i = 0; i < records.size(); i++) {
            sendRecord(Integer.toString(i), records.get(i).toByteArray(), "OK", expected);
        }
        return records;
    }

    private void sendRecord(String key, byte[] value, String answer, Map<String, String> expected) {
        producer.send(new ProducerRecord<>(topic("mdata"), key.getBytes(UTF_8), value));
        expected.put(key, answer);
    }

    private void sendModel(String key, byte[] value, String answer, Map<String, String> expected) {
        producer.send(new ProducerRecord<>(topic("models"), key.getBytes(UTF_8), value));
        expected.put(key, answer);
    }

    /** By identity, OK or the code of the error; probes and what has no identity left out. */
    private Map<String, String> answers() throws Exception {
        Map<String, String> answers = new HashMap<>();
        for (JsonObject result : results()) {
            add(result, "OK", answers);
        }
        for (JsonObject error : errors()) {
            add(error, error.get("code").getAsString(), answers);
        }
        return answers;
    }

    private static void add(JsonObject value, String answer, Map<String, String> answers) {
        String id = value.get("record_id").getAsString();
        if (!id.startsWith("probe") && !id.isEmpty()) {
            assertThat(answers.put(id, answer)).as("second answer for " + id).isNull();
        }
    }

    private List<String> modelErrors() throws Exception {
        List<String> codes = new ArrayList<>();
        for (JsonObject error : errors()) {
            if (error.get("model").getAsString().equals("bad")) {
                codes.add(error.get("code").getAsString());
            }
        }
        return codes;
    }

    private List<JsonObject> results() throws Exception {
        return values(topic("results"), MessageFormat.RESULT);
    }

    private List<JsonObject> errors() throws Exception {
        return values(topic("errors"), MessageFormat.ERROR);
    }

    private static List<JsonObject> values(String topic, MessageFormat format) throws Exception {
        List<JsonObject> values = new ArrayList<>();
        for (JsonObject message : TopicMessages.of(kafka, topic, format)) {
            values.add(message.getAsJsonObject("value"));
        }
        return values;
    }

    /** Against what TensorFlow answered, for as many records as the example has answers for. */
    private void checkQualities(int sent) throws Exception {
        JsonArray outputs;
        try (InputStream stream =
                getClass().getResourceAsStream("/example/wine/expected/quality_network.json")) {
            outputs =
                    JsonParser.parseString(new String(stream.readAllBytes(), UTF_8))
                            .getAsJsonObject()
                            .getAsJsonArray("outputs");
        }
        Map<String, JsonObject> byId = new HashMap<>();
        results().forEach(result -> byId.put(result.get("record_id").getAsString(), result));
        assertThat(outputs.size()).isBetween(1, sent);
        for (int i = 0; i < outputs.size(); i++) {
            JsonArray expected =
                    outputs.get(i).getAsJsonObject().getAsJsonArray("quality_probabilities");
            JsonObject actual = byId.get(Integer.toString(i)).getAsJsonObject("outputs");
            JsonArray probabilities = actual.getAsJsonArray("quality_probabilities");
            assertThat(probabilities).hasSameSizeAs(expected);
            int largest = 0;
            for (int k = 0; k < expected.size(); k++) {
                double value = expected.get(k).getAsDouble();
                assertThat(Math.abs(probabilities.get(k).getAsDouble() - value))
                        .as("record %d, class %d", i, k)
                        .isLessThanOrEqualTo(1e-6 + 1e-4 * Math.abs(value));
                largest = value > expected.get(largest).getAsDouble() ? k : largest;
            }
            JsonElement quality = actual.get("quality");
            assertThat(quality.getAsInt()).as("record %d", i).isEqualTo(largest);
        }
    }

    private String topic(String name) {
        return name + "-" + join;
    }
}
