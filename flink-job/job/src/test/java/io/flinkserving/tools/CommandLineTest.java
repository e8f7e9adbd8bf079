package io.flinkserving.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CommandLineTest {

    private static CommandLine parse(String... arguments) {
        return CommandLine.program("program", "Does things.")
                .option("topic", "TOPIC", "mdata", "a topic")
                .option("interval", "DURATION", null, "a time")
                .option("rate", "R", "1", "a number")
                .flag("json", "a flag")
                .group("kafka.", "VALUE", "properties")
                .parse(arguments);
    }

    @Test
    void readsValuesBehindTheNameOrAnEqualsSign() {
        CommandLine line = parse("--topic", "a", "--interval=5s", "--json", "--kafka.acks", "all");
        assertThat(line.get("topic")).isEqualTo("a");
        assertThat(line.getDuration("interval")).isEqualTo(Duration.ofSeconds(5));
        assertThat(line.has("json")).isTrue();
        assertThat(line.group("kafka.")).isEqualTo(Map.of("acks", "all"));
    }

    @Test
    void aValueMayLookLikeAnOptionOrHoldAnEqualsSign() {
        CommandLine line = parse("--topic", "--json", "--kafka.sasl.jaas.config=a=b");
        assertThat(line.get("topic")).isEqualTo("--json");
        assertThat(line.has("json")).isFalse();
        assertThat(line.group("kafka.")).containsEntry("sasl.jaas.config", "a=b");
    }

    @Test
    void whatIsNotGivenHasItsDefault() {
        CommandLine line = parse();
        assertThat(line.get("topic")).isEqualTo("mdata");
        assertThat(line.find("interval")).isEmpty();
        assertThat(line.has("topic")).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "--topics a, unknown option --topics",
        "--kafka. a, unknown option --kafka.",
        "--topic, option --topic needs a value",
        "--json=yes, option --json takes no value",
        "--json --json, option --json is given twice",
        "topic, 'topic' is not an option",
        "--, '--' is not an option",
    })
    void whatIsWrongIsNamed(String arguments, String message) {
        assertThatThrownBy(() -> parse(arguments.split(" ")))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "5", "5 days", "-5s", "1.5s", "99999999999999999999s"})
    void durationsThatAreNotNameTheOption(String text) {
        assertThatThrownBy(() -> parse("--interval=" + text).getDuration("interval"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--interval");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "-1", "NaN", "Infinity"})
    void numbersThatAreNotNameTheOption(String text) {
        CommandLine line = parse("--rate=" + text);
        assertThatThrownBy(() -> line.getDouble("rate", 0))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--rate");
        assertThatThrownBy(() -> line.getLong("rate", 0))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--rate");
    }
}
