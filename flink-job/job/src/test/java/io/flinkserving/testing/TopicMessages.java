package io.flinkserving.testing;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.flinkserving.tools.MessageFormat;
import io.flinkserving.tools.TopicReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What a topic holds. */
public final class TopicMessages {

    private TopicMessages() {}

    /** All committed messages, as the reader prints them. */
    public static List<JsonObject> of(Kafka kafka, String topic, MessageFormat format)
            throws IOException {
        TopicReader.Plan plan = new TopicReader.Plan();
        plan.topics = Map.of(topic, format);
        plan.last = -1;
        plan.committed = true;
        plan.json = true;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        TopicReader.read(
                plan, kafka.properties(), new PrintStream(bytes, true, StandardCharsets.UTF_8));
        return bytes.toString(StandardCharsets.UTF_8)
                .lines()
                .map(line -> JsonParser.parseString(line).getAsJsonObject())
                .collect(Collectors.toList());
    }

    /** One field of the value of each. */
    public static List<String> values(List<JsonObject> messages, String field) {
        return messages.stream()
                .map(message -> message.getAsJsonObject("value").get(field).getAsString())
                .collect(Collectors.toList());
    }
}
