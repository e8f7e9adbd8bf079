package io.flinkserving.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.model.ModelToServeStats.Status;
import io.flinkserving.model.ModelWithType;
import io.flinkserving.model.OutputField;
import io.flinkserving.model.OutputSchema;
import io.flinkserving.model.ServedModel;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import io.flinkserving.testing.OffsetModels;
import io.flinkserving.wire.FieldType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What checkpoints hold stays readable. The golden bytes of each format are in {@code golden/}; a
 * new format adds a file and never changes one.
 */
class SerializersTest {

    private static final String GOLDEN = "/golden/format-1.properties";

    static Stream<Arguments> values() throws Exception {
        ModelToServe model =
                ModelToServe.of(
                        OffsetModels.descriptor("wine", "a", "1")
                                .setVersion("v1")
                                .setDescription("müller")
                                .setOccurredOn(1_700_000_000_000L)
                                .build());
        ModelToServe located =
                ModelToServe.of(
                        OffsetModels.descriptor("wine", "b", "").setLocation("s3://m/b").build());
        ServedModel served =
                new ServedModel(
                        "wine",
                        "a",
                        "v1",
                        2,
                        OutputSchema.of(
                                new OutputField("score", FieldType.FIELD_DOUBLE, 2, List.of()),
                                new OutputField(
                                        "class", FieldType.FIELD_STRING, 1, List.of("x", "y")),
                                OutputField.of("text", FieldType.FIELD_STRING),
                                OutputField.of("none", FieldType.FIELD_LONG)));
        ServingResult result =
                ServingResult.ofCells(
                        "r1",
                        served,
                        1234,
                        new byte[] {1, 1, 6, 5, 0},
                        new long[] {Double.doubleToLongBits(0.5), -1, 1, 0, 0},
                        new String[] {"täxt"});
        ServingError error =
                new ServingError(6, "field x: -1", null, "wine", "a", "v1", 99, new byte[] {1, -2});
        ModelToServeStats before =
                ModelToServeStats.builder()
                        .dataType("wine")
                        .model("old", "v0", 2, "")
                        .since(5)
                        .counts(1, 2)
                        .build();
        ModelToServeStats stats =
                ModelToServeStats.builder()
                        .dataType("wine")
                        .model("a", "v1", 2, "text")
                        .since(1_700_000_000_000L)
                        .counts(300, 7)
                        .durations(10, 5000, 90_000, new long[] {0, 1, 299})
                        .status(Status.FAILED, "MODEL_UNPARSABLE: line 1")
                        .previous(List.of(before))
                        .build();
        ServingState state =
                new ServingState(
                        "wine",
                        model.withoutContent(),
                        List.of(located),
                        List.of(located, model.withoutContent()),
                        "a",
                        "why");
        return Stream.of(
                Arguments.of("model", ModelToServeSerializer.INSTANCE, model),
                Arguments.of("stats", ModelToServeStatsSerializer.INSTANCE, stats),
                Arguments.of("state", ServingStateSerializer.INSTANCE, state),
                Arguments.of(
                        "emptyState", ServingStateSerializer.INSTANCE, ServingState.empty("t")),
                Arguments.of(
                        "modelWithType",
                        ModelWithTypeSerializer.INSTANCE,
                        new ModelWithType("wine", "2:ab", new byte[] {9, 8})),
                Arguments.of("result", ServingResultSerializer.INSTANCE, result),
                Arguments.of("error", ServingErrorSerializer.INSTANCE, error),
                Arguments.of("outcomeResult", ServingOutcomeSerializer.INSTANCE, result),
                Arguments.of("outcomeError", ServingOutcomeSerializer.INSTANCE, error));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("values")
    <T> void aValueComesBackEqual(String name, TypeSerializer<T> serializer, T value)
            throws Exception {
        assertThat(read(serializer, write(serializer, value))).isEqualTo(value);

        DataOutputSerializer copy = new DataOutputSerializer(64);
        serializer.copy(new DataInputDeserializer(write(serializer, value)), copy);
        assertThat(copy.getCopyOfBuffer()).isEqualTo(write(serializer, value));
        assertThat(serializer.copy(value)).isSameAs(value);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("values")
    <T> void goldenBytesOfEachFormatAreReadAndWritten(
            String name, TypeSerializer<T> serializer, T value) throws Exception {
        String golden = golden().getProperty(name);
        assertThat(golden)
                .as(name + " is in " + GOLDEN + "; now: " + hex(write(serializer, value)))
                .isNotNull();

        assertThat(read(serializer, bytes(golden))).isEqualTo(value);
        assertThat(hex(write(serializer, value))).isEqualTo(golden);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("values")
    <T> void theSnapshotOfASerializerRestoresIt(String name, TypeSerializer<T> serializer, T value)
            throws Exception {
        DataOutputSerializer out = new DataOutputSerializer(64);
        TypeSerializerSnapshot.writeVersionedSnapshot(out, serializer.snapshotConfiguration());
        TypeSerializerSnapshot<T> restored =
                TypeSerializerSnapshot.readVersionedSnapshot(
                        new DataInputDeserializer(out.getCopyOfBuffer()),
                        getClass().getClassLoader());

        assertThat(read(restored.restoreSerializer(), write(serializer, value))).isEqualTo(value);
        assertThat(
                        serializer
                                .snapshotConfiguration()
                                .resolveSchemaCompatibility(restored)
                                .isCompatibleAsIs())
                .isTrue();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("values")
    <T> void aFormatOfALaterVersionIsRefused(String name, TypeSerializer<T> serializer, T value)
            throws Exception {
        byte[] bytes = write(serializer, value);
        bytes[0] = 99;
        assertThatThrownBy(() -> read(serializer, bytes))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("99");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("values")
    <T> void aSerializerTravelsIntoTheJob(String name, TypeSerializer<T> serializer, T value)
            throws Exception {
        TypeSerializer<T> arrived = InstantiationUtil.clone(serializer);
        assertThat(read(arrived, write(serializer, value))).isEqualTo(value);
        assertThat(arrived).isEqualTo(serializer);
    }

    @Test
    void flinkFindsTheTypeInformationByItself() {
        assertThat(TypeInformation.of(ServingResult.class)).isSameAs(ServingTypes.RESULT);
        assertThat(TypeInformation.of(ServingError.class)).isSameAs(ServingTypes.ERROR);
        assertThat(TypeInformation.of(ModelToServe.class)).isSameAs(ServingTypes.MODEL);
        assertThat(TypeInformation.of(ModelToServeStats.class)).isSameAs(ServingTypes.STATS);
        assertThat(TypeInformation.of(ModelWithType.class)).isSameAs(ServingTypes.MODEL_WITH_TYPE);
    }

    private static <T> byte[] write(TypeSerializer<T> serializer, T value) throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(64);
        serializer.serialize(value, out);
        return out.getCopyOfBuffer();
    }

    private static <T> T read(TypeSerializer<T> serializer, byte[] bytes) throws IOException {
        DataInputDeserializer in = new DataInputDeserializer(bytes);
        T value = serializer.deserialize(in);
        assertThat(in.available()).isZero();
        return value;
    }

    private static Properties golden() throws IOException {
        Properties golden = new Properties();
        try (InputStream in = SerializersTest.class.getResourceAsStream(GOLDEN)) {
            golden.load(new java.io.InputStreamReader(in, StandardCharsets.UTF_8));
        }
        return golden;
    }

    static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes) {
            text.append(String.format("%02x", b));
        }
        return text.toString();
    }

    static byte[] bytes(String hex) {
        byte[] bytes = new byte[hex.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }
}
