package io.flinkserving.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import io.flinkserving.example.wine.WineExample;
import io.flinkserving.testing.Kafka;
import io.flinkserving.testing.TopicMessages;
import io.flinkserving.tools.MessageFormat;
import io.flinkserving.tools.UsageException;
import io.flinkserving.wire.WineRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What DataProvider publishes is what DataReader shows. */
class RoundTripITCase {

    @TempDir static Path folder;

    private static Kafka kafka;

    @BeforeAll
    static void startKafka() throws Exception {
        kafka = new Kafka(folder);
        kafka.createTopics(2, "mdata");
        kafka.createTopics(1, "models", "commands");
    }

    @AfterAll
    static void stopKafka() {
        kafka.close();
    }

    private static void provide(String... arguments) throws Exception {
        String[] all = new String[arguments.length + 2];
        all[0] = "--bootstrap-servers";
        all[1] = kafka.bootstrapServers();
        System.arraycopy(arguments, 0, all, 2, arguments.length);
        DataProvider.run(DataProvider.declared().parse(all));
    }

    @Test
    void recordsAndModelsInTurn() throws Exception {
        provide("--records", "1500", "--first", "100", "--rate", "0", "--lead", "0s");

        List<JsonObject> records = TopicMessages.of(kafka, "mdata", MessageFormat.RECORD);
        assertThat(records)
                .extracting(message -> message.get("key").getAsString())
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(100, 1600)
                                .mapToObj(Integer::toString)
                                .collect(Collectors.toList()));
        List<WineRecord> example = WineExample.records("wine");
        for (JsonObject message : records) {
            int row = Integer.parseInt(message.get("key").getAsString()) % example.size();
            JsonObject value = message.getAsJsonObject("value");
            assertThat(value.get("alcohol").getAsDouble()).isEqualTo(example.get(row).getAlcohol());
            assertThat(value.get("pH").getAsDouble()).isEqualTo(example.get(row).getPH());
            assertThat(value.get("dataType").getAsString()).isEqualTo("wine");
        }

        List<JsonObject> models = TopicMessages.of(kafka, "models", MessageFormat.MODEL);
        assertThat(TopicMessages.values(models, "name"))
                .containsExactlyElementsOf(
                        WineExample.models("wine").stream()
                                .map(model -> model.getName())
                                .collect(Collectors.toList()));
        assertThat(models).allMatch(message -> message.get("key").getAsString().equals("wine"));
    }

    @Test
    void oneModelAndCommandsAboutIt() throws Exception {
        Path file = Files.writeString(folder.resolve("tree.pmml"), "<PMML/>");
        provide("--models-topic", "commands", "--publish", file.toString(), "--version", "7");
        for (String command : List.of("suspend", "resume", "rollback", "remove")) {
            provide("--models-topic", "commands", "--" + command, "tree", "--data-type", "beer");
        }
        List<JsonObject> messages = TopicMessages.of(kafka, "commands", MessageFormat.MODEL);
        assertThat(TopicMessages.values(messages, "action"))
                .containsExactly("ADD_OR_UPDATE", "SUSPEND", "RESUME", "ROLLBACK", "REMOVE");
        assertThat(TopicMessages.values(messages, "name")).containsOnly("tree");
        assertThat(TopicMessages.values(messages, "data_type"))
                .containsExactly("wine", "beer", "beer", "beer", "beer");
        assertThat(messages.get(0).getAsJsonObject("value").get("version").getAsString())
                .isEqualTo("7");
        assertThat(messages.get(0).getAsJsonObject("value").get("bytes").getAsInt()).isEqualTo(7);
    }

    @Test
    void modelsFollowTheirIntervalHoweverSlowTheRecords() throws Exception {
        kafka.createTopics(1, "slow-mdata", "slow-models");
        provide(
                "--data-topic=slow-mdata",
                "--models-topic=slow-models",
                "--records=2",
                "--rate=0.5",
                "--model-interval=100ms",
                "--lead=0s");
        assertThat(TopicMessages.of(kafka, "slow-mdata", MessageFormat.RECORD)).hasSize(2);
        // Two seconds between the records: all eight in turn, and then again from the first.
        List<String> names =
                TopicMessages.values(
                        TopicMessages.of(kafka, "slow-models", MessageFormat.MODEL), "name");
        assertThat(names).hasSizeGreaterThanOrEqualTo(21);
        assertThat(names.get(8)).isEqualTo(names.get(0));
    }

    @Test
    void anIntervalOfNothingIsRefused() {
        assertThatThrownBy(() -> provide("--model-interval", "0s"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--model-interval");
    }

    @Test
    void aTopicThatIsNotThereIsNamed() {
        assertThatThrownBy(() -> provide("--data-topic", "nowhere"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no topic nowhere");
    }

    @Test
    void aModelLargerThanTheTopicTakesIsNamed() throws Exception {
        Path file = folder.resolve("large.pmml");
        Files.write(file, new byte[2_000_000]);
        assertThatThrownBy(
                        () -> provide("--models-topic", "commands", "--publish", file.toString()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("large")
                .hasMessageContaining("max.message.bytes");
    }
}
