package io.flinkserving.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.tools.UsageException;
import java.time.Duration;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JobOptionsTest {

    private static JobOptions parse(String... arguments) {
        return JobOptions.parse("ModelServingKeyedJob", arguments);
    }

    @Test
    void kafkaPropertiesReachBothSidesOrTheOneTheyName() {
        JobOptions options =
                parse(
                        "--kafka.security.protocol", "SSL",
                        "--kafka.source.fetch.min.bytes", "7",
                        "--kafka.sink.security.protocol", "PLAINTEXT");
        assertThat(options.sourceProperties())
                .hasSize(2)
                .containsEntry("security.protocol", "SSL")
                .containsEntry("fetch.min.bytes", "7");
        assertThat(options.sinkProperties())
                .hasSize(1)
                .containsEntry("security.protocol", "PLAINTEXT");
    }

    @Test
    void exactlyOnceStaysWithinTheTransactionTimeoutOfABroker() {
        assertThat(parse().guarantee()).isEqualTo(DeliveryGuarantee.AT_LEAST_ONCE);
        JobOptions options = parse("--exactly-once");
        assertThat(options.guarantee()).isEqualTo(DeliveryGuarantee.EXACTLY_ONCE);
        // 15 minutes are the default of a broker's transaction.max.timeout.ms.
        assertThat(options.sinkProperties()).containsEntry("transaction.timeout.ms", "900000");
        assertThat(options.sourceProperties()).containsEntry("isolation.level", "read_committed");
        assertThat(
                        parse("--exactly-once", "--kafka.sink.transaction.timeout.ms", "60000")
                                .sinkProperties())
                .containsEntry("transaction.timeout.ms", "60000");
    }

    @Test
    void checkpointsAreAlwaysOn() {
        Configuration none = new Configuration();
        assertThat(parse().checkpointInterval(none)).isEqualTo(Duration.ofSeconds(10));
        Configuration flink = new Configuration();
        flink.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMinutes(1));
        assertThat(parse().checkpointInterval(flink)).isEqualTo(Duration.ofMinutes(1));
        assertThat(parse("--checkpoint-interval", "500ms").checkpointInterval(flink))
                .isEqualTo(Duration.ofMillis(500));
        assertThatThrownBy(() -> parse("--checkpoint-interval", "0s").checkpointInterval(flink))
                .isInstanceOf(UsageException.class);
    }

    @Test
    void servingOptionsAreReadAsFlinkReadsThem() {
        JobOptions options =
                parse(
                        "--model-serving.native-memory", "64mb",
                        "--model-serving.allowed-locations", "file:///a;file:///b");
        assertThat(options.serving().get(ModelServingOptions.NATIVE_MEMORY))
                .isEqualTo(MemorySize.ofMebiBytes(64));
        assertThat(options.serving().get(ModelServingOptions.ALLOWED_LOCATIONS))
                .containsExactly("file:///a", "file:///b");
        assertThat(options.serving().keySet()).hasSize(2);
    }

    @ParameterizedTest
    @CsvSource({
        "--model-serving.native-memori, 64mb",
        "--model-serving.native-memory, much",
        "--model-serving.history-size, many",
        "--records-from, yesterday",
        "--models-from, -1",
        "--checkpoint-interval, soon",
        "--kafka.sink.max.request.size, 12",
        "--parallelism, 2",
    })
    void whatIsWrongIsNamedBeforeAnythingRuns(String option, String value) {
        assertThatThrownBy(() -> parse(option, value))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining(option.replace("--kafka.sink.", ""));
    }

    @Test
    void helpNamesEveryServingOption() {
        String help = JobOptions.declared("ModelServingKeyedJob").help().replaceAll("\\s+", " ");
        ModelServingOptions.all()
                .forEach(
                        option ->
                                assertThat(help)
                                        .contains(
                                                option.key().substring("model-serving.".length())));
    }
}
