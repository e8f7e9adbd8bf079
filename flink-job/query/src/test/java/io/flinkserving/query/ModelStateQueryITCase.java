package io.flinkserving.query;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import io.flinkserving.data.DataToServe;
import io.flinkserving.data.ProtobufFormat;
import io.flinkserving.data.RecordFormat;
import io.flinkserving.functions.ModelServing;
import io.flinkserving.functions.ServedStream;
import io.flinkserving.query.QueryException.Kind;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import io.flinkserving.wire.WineRecord;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.QueryableStateOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.test.junit5.InjectClusterRESTAddress;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A job that serves, queried from outside. */
class ModelStateQueryITCase {

    private static final TypeInformation<byte[]> BYTES =
            PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO;

    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(ModelStateQueryITCase::cluster);

    private String jobManager;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private static MiniClusterResourceConfiguration cluster() {
        Configuration flink = new Configuration();
        flink.set(QueryableStateOptions.ENABLE_QUERYABLE_STATE_PROXY_SERVER, true);
        flink.set(QueryableStateOptions.PROXY_PORT_RANGE, "23000-23999");
        flink.set(QueryableStateOptions.SERVER_PORT_RANGE, "24000-24999");
        return new MiniClusterResourceConfiguration.Builder()
                .setConfiguration(flink)
                .setNumberTaskManagers(1)
                .setNumberSlotsPerTaskManager(2)
                .build();
    }

    private static final class Wine implements DataToServe<byte[]> {
        private static final long serialVersionUID = 1L;
        private final ProtobufFormat<byte[]> format = ProtobufFormat.of(WineRecord.getDescriptor());

        @Override
        public String getType(byte[] record) {
            return "wine";
        }

        @Override
        public RecordFormat<byte[]> format() {
            return format;
        }
    }

    @Test
    void findsTheJobAndShowsItsStats(@InjectClusterRESTAddress URI address) throws Exception {
        jobManager = address.toString();
        JobClient job = submit();
        try {
            await().atMost(Duration.ofSeconds(60))
                    .pollInterval(Duration.ofSeconds(1))
                    .untilAsserted(
                            () -> {
                                assertThat(query("--json")).as(err.toString(UTF_8)).isZero();
                                assertThat(current().get("status").getAsString())
                                        .isEqualTo("SERVING");
                                assertThat(current().get("records").getAsLong()).isPositive();
                            });
            JsonObject current = current();
            assertThat(current.get("model").getAsString()).isEqualTo("network");
            assertThat(current.get("version").getAsString()).isEqualTo("1");
            assertThat(current.get("type").getAsString()).isEqualTo("TENSORFLOW");
            assertThat(current.get("errors").getAsLong()).isZero();
            double min = current.get("min_nanos").getAsDouble();
            double mean = current.get("mean_nanos").getAsDouble();
            double max = current.get("max_nanos").getAsDouble();
            assertThat(min).isPositive().isLessThanOrEqualTo(mean);
            assertThat(mean).isLessThanOrEqualTo(max);
            assertThat(current.get("p99_nanos").getAsDouble()).isBetween(min, max);

            assertThat(query("--job", job.getJobID().toHexString())).isZero();
            assertThat(out.toString(UTF_8)).contains("network", "TENSORFLOW", "SERVING", "p99 us");

            assertThat(query("--data-type", "beer")).isEqualTo(Kind.UNKNOWN_KEY.exitCode());
            assertThat(err.toString(UTF_8)).contains("beer");

            assertThat(query("--job", "0".repeat(32))).isEqualTo(Kind.NO_JOB.exitCode());
            assertThat(query("--proxy", "127.0.0.1:1")).isEqualTo(Kind.NO_PROXY.exitCode());
            assertThat(err.toString(UTF_8)).contains("127.0.0.1:1", "queryable-state.enable");
        } finally {
            job.cancel().get();
        }
        await().atMost(Duration.ofSeconds(30))
                .untilAsserted(() -> assertThat(query()).isEqualTo(Kind.NO_JOB.exitCode()));
        assertThat(err.toString(UTF_8)).contains("no job");
    }

    @Test
    void withoutAJobManagerSaysSo() {
        PrintStream errors = new PrintStream(err, true, UTF_8);
        int status = ModelStateQuery.run(errors, errors, "--jobmanager", "http://127.0.0.1:1");
        assertThat(status).isEqualTo(Kind.NO_JOB_MANAGER.exitCode());
        assertThat(err.toString(UTF_8)).contains("127.0.0.1:1");
    }

    private JsonObject current() {
        return JsonParser.parseString(out.toString(UTF_8))
                .getAsJsonObject()
                .getAsJsonObject("current");
    }

    private int query(String... arguments) throws Exception {
        out.reset();
        err.reset();
        String[] all = new String[arguments.length + 2];
        all[0] = "--jobmanager";
        all[1] = jobManager;
        System.arraycopy(arguments, 0, all, 2, arguments.length);
        return ModelStateQuery.run(
                new PrintStream(out, true, UTF_8), new PrintStream(err, true, UTF_8), all);
    }

    private static JobClient submit() throws Exception {
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.getExecutionEnvironment();
        environment.setParallelism(1);
        byte[] record =
                WineRecord.newBuilder().setAlcohol(10).setDataType("wine").build().toByteArray();
        byte[] graph =
                Files.readAllBytes(
                        Path.of("../job/src/main/resources/example/wine/quality_network.pb"));
        byte[] model =
                ModelDescriptor.newBuilder()
                        .setName("network")
                        .setVersion("1")
                        .setDataType("wine")
                        .setModeltype(ModelType.TENSORFLOW)
                        .setData(ByteString.copyFrom(graph))
                        .build()
                        .toByteArray();
        DataStream<byte[]> records =
                environment.fromSource(
                        new DataGeneratorSource<>(
                                index -> record,
                                Long.MAX_VALUE,
                                RateLimiterStrategy.perSecond(200),
                                BYTES),
                        WatermarkStrategy.noWatermarks(),
                        "records");
        DataStream<byte[]> models =
                environment.fromData(BYTES, new byte[][] {model}).returns(BYTES);
        ServedStream served =
                ModelServing.of(records).withModelDescriptors(models, new Wine()).keyed().predict();
        served.results().sinkTo(new DiscardingSink<>());
        served.errors().sinkTo(new DiscardingSink<>());
        return environment.executeAsync("query test");
    }
}
