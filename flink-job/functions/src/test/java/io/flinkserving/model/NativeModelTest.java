package io.flinkserving.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.flinkserving.boundary.NativeLibrary;
import io.flinkserving.data.DataToServe;
import io.flinkserving.data.PackedFormat;
import io.flinkserving.data.PackedRow;
import io.flinkserving.data.RecordFormat;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.testing.Wine;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.FieldType;
import io.flinkserving.wire.InputBinding;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import io.flinkserving.wire.PackedField;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Models of the native library behind the interfaces that Java models have too. */
class NativeModelTest {

    /** Records that are maps, served by the packed row block; fields as given. */
    private static final class MapToServe implements DataToServe<Map<String, Object>> {

        private static final long serialVersionUID = 1L;

        private final PackedField[] fields;

        MapToServe(PackedField... fields) {
            this.fields = fields;
        }

        @Override
        public String getType(Map<String, Object> record) {
            return "wine";
        }

        @Override
        public RecordFormat<Map<String, Object>> format() {
            return new PackedFormat<>() {
                @Override
                public List<PackedField> fields() {
                    return List.of(fields);
                }

                @Override
                public void write(Map<String, Object> record, PackedRow row) {
                    for (int i = 0; i < fields.length; i++) {
                        row.set(i, record.get(fields[i].getName()));
                    }
                }
            };
        }
    }

    @AfterEach
    void noNativeHandleIsLeft() throws Exception {
        assertThat(NativeLibrary.liveScorers()).isZero();
        assertThat(NativeLibrary.liveModels()).isZero();
    }

    private static ModelFactory factory(MemorySize memory) {
        Configuration options = new Configuration();
        options.set(ModelServingOptions.NATIVE_MEMORY, memory);
        ModelFactory factory =
                new NativeModelFactoriesResolver().getFactory(ModelType.PMML_VALUE).orElseThrow();
        factory.open(options);
        return factory;
    }

    private static <R> ServingResult score(
            ModelDescriptor.Builder descriptor, DataToServe<R> data, R record) throws Exception {
        ModelToServe model = ModelToServe.of(descriptor.build());
        try (Model compiled = factory(MemorySize.ofMebiBytes(64)).create(model, model.content());
                BoundScorer<R> scorer = new BoundScorer<>(compiled.open(model, data), model)) {
            return scorer.score(record, "id");
        }
    }

    @Test
    void protobufRecordsAreScoredFromTheirBytes() throws Exception {
        ServingResult result =
                score(Wine.linear("wine", "m", 1), new Wine.ToServe(), Wine.of(7, "wine", 10));
        assertThat(result.getDouble("quality")).isEqualTo(21);
        assertThat(result.durationNanos()).isPositive();
    }

    @Test
    void recordsOfAnyTypeAreScoredFromTheirFields() throws Exception {
        for (FieldType type :
                List.of(FieldType.FIELD_DOUBLE, FieldType.FIELD_FLOAT, FieldType.FIELD_LONG)) {
            MapToServe data = new MapToServe(PackedFormat.field("alcohol", type));
            for (Object value : List.of(10, 10L, 10f, 10d)) {
                ServingResult result =
                        score(Wine.linear("wine", "m", 1), data, Map.of("alcohol", value));
                assertThat(result.getDouble("quality")).as("%s as %s", value, type).isEqualTo(21);
            }
        }
    }

    @Test
    void valuesThatTheFieldDoesNotHoldAreInvalid() {
        MapToServe data = new MapToServe(PackedFormat.field("alcohol", FieldType.FIELD_LONG));
        for (Object value : List.of(1.5, 1.5f, "ten", true, List.of())) {
            assertThatThrownBy(
                            () ->
                                    score(
                                            Wine.linear("wine", "m", 1),
                                            data,
                                            Map.of("alcohol", value)))
                    .isInstanceOfSatisfying(
                            ScoringException.class,
                            e -> assertThat(e.getCode()).isEqualTo(ErrorCode.FIELD_INVALID))
                    .hasMessageContaining("alcohol");
        }
    }

    @Test
    void aBindingNamesTheFieldOfTheRecord() throws Exception {
        ModelDescriptor.Builder bound =
                Wine.linear("wine", "m", 1)
                        .addInputs(
                                InputBinding.newBuilder()
                                        .setModelInput("alcohol")
                                        .addRecordFields("percent"));
        MapToServe data = new MapToServe(PackedFormat.field("percent", FieldType.FIELD_DOUBLE));
        assertThat(score(bound, data, Map.of("percent", 10d)).getDouble(0)).isEqualTo(21);
    }

    @Test
    void recordsWithoutTheFieldsOfTheModelCantBeBound() {
        ModelDescriptor.Builder bound =
                Wine.linear("wine", "m", 1)
                        .addInputs(
                                InputBinding.newBuilder()
                                        .setModelInput("alcohol")
                                        .addRecordFields("nowhere"));
        MapToServe data = new MapToServe(PackedFormat.field("percent", FieldType.FIELD_DOUBLE));
        assertThatThrownBy(() -> score(bound, data, Map.of()))
                .isInstanceOfSatisfying(
                        ModelException.class,
                        e -> assertThat(e.getCode()).isEqualTo(ErrorCode.BINDING_FAILED))
                .hasMessageContaining("nowhere");
    }

    @Test
    void aModelComesBackFromItsBytes() throws Exception {
        ModelFactory factory = factory(MemorySize.ofMebiBytes(64));
        ModelToServe model = ModelToServe.of(Wine.linear("wine", "m", 1).build());
        byte[] stored = factory.pack(model, model.content());
        assertThat(stored.length).isLessThan(model.content().length);
        try (Model restored = factory.restore(model.withoutContent(), stored)) {
            assertThat(restored.getType()).isEqualTo(ModelType.PMML_VALUE);
            assertThat(restored.nativeBytes()).isPositive();
            try (Model again = factory.restore(model.withoutContent(), restored.toBytes());
                    Scorer<Wine> scorer = again.open(model, new Wine.ToServe())) {
                assertThat(scorer.outputs().slot("quality")).isZero();
            }
        }
    }

    @Test
    void aModelOverTheBudgetOfTheLibraryIsRefusedWithTheNameOfTheSetting() throws Exception {
        ModelToServe model = ModelToServe.of(Wine.linear("wine", "m", 1).build());
        ModelFactory small = factory(new MemorySize(100));
        assertThatThrownBy(() -> small.create(model, model.content()))
                .isInstanceOfSatisfying(
                        ModelException.class,
                        e -> assertThat(e.getCode()).isEqualTo(ErrorCode.MODEL_TOO_LARGE))
                .hasMessageContaining(ModelServingOptions.NATIVE_MEMORY.key());
        factory(MemorySize.ofMebiBytes(512));
    }
}
