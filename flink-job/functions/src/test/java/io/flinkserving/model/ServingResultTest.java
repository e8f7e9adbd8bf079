package io.flinkserving.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.flinkserving.wire.FieldType;
import java.util.List;
import org.junit.jupiter.api.Test;

class ServingResultTest {

    private static final OutputSchema SCHEMA =
            OutputSchema.of(
                    OutputField.of("d", FieldType.FIELD_DOUBLE),
                    OutputField.of("f", FieldType.FIELD_FLOAT),
                    OutputField.of("l", FieldType.FIELD_LONG),
                    OutputField.of("b", FieldType.FIELD_BOOLEAN),
                    OutputField.of("s", FieldType.FIELD_STRING),
                    new OutputField("c", FieldType.FIELD_STRING, 1, List.of("no", "yes")),
                    new OutputField("t", FieldType.FIELD_DOUBLE, 3, List.of()),
                    OutputField.of("missing", FieldType.FIELD_DOUBLE));

    private static final ServedModel MODEL = new ServedModel("wine", "m", "v", 2, SCHEMA);

    private static ServingResult result(double first) {
        Outputs outputs = new Outputs();
        outputs.reset(SCHEMA);
        outputs.setDouble(0, first);
        outputs.setFloat(1, 0.1f);
        outputs.setLong(2, Long.MAX_VALUE);
        outputs.setBoolean(3, true);
        outputs.setString(4, "text");
        outputs.setLabel(5, 1);
        outputs.setDoubles(6, new double[] {1, 2, 3});
        return ServingResult.of("id", MODEL, 42, outputs);
    }

    @Test
    void outputsAreReadByNameAndSlot() {
        ServingResult result = result(1.5);
        assertThat(result.getDouble("d")).isEqualTo(1.5);
        assertThat(result.getFloat(1)).isEqualTo(0.1f);
        assertThat(result.getLong("l")).isEqualTo(Long.MAX_VALUE);
        assertThat(result.getBoolean("b")).isTrue();
        assertThat(result.getString("s")).isEqualTo("text");
        assertThat(result.getString("c")).isEqualTo("yes");
        assertThat(result.getDoubles("t")).containsExactly(1, 2, 3);
        assertThat(result.isMissing("missing")).isTrue();
        assertThat(result.get("missing")).isNull();
    }

    @Test
    void whatIsNotThereIsNotMadeUp() {
        ServingResult result = result(1);
        assertThatThrownBy(() -> result.getDouble("missing"))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> result.getDouble("s")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> result.getString("d")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> result.get("other"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("other");
    }

    @Test
    void resultsOfTheSameValuesAreEqual() {
        assertThat(result(1)).isEqualTo(result(1)).hasSameHashCodeAs(result(1));
        assertThat(result(1)).isNotEqualTo(result(2));
        assertThat(result(Double.NaN)).isEqualTo(result(Double.NaN));
    }

    @Test
    void aResultDoesNotChangeWhenTheNextRecordIsScored() {
        Outputs outputs = new Outputs();
        outputs.reset(SCHEMA);
        outputs.setDouble(0, 1);
        outputs.setString(4, "first");
        ServingResult first = ServingResult.of("1", MODEL, 1, outputs);
        outputs.reset(SCHEMA);
        outputs.setDouble(7, 2);
        outputs.setString(4, "second");
        ServingResult second = ServingResult.of("2", MODEL, 1, outputs);

        assertThat(first.getDouble(0)).isEqualTo(1);
        assertThat(first.getString(4)).isEqualTo("first");
        assertThat(first.isMissing(7)).isTrue();
        assertThat(second.isMissing(0)).isTrue();
        assertThat(second.getString(4)).isEqualTo("second");
    }

    @Test
    void theMessageCarriesTheSameValues() {
        ServingResult result = result(1.5);
        ServingResult read = ServingResult.fromProto(result.toProto());

        assertThat(read.toProto()).isEqualTo(result.toProto());
        assertThat(read.recordId()).isEqualTo("id");
        assertThat(read.modelVersion()).isEqualTo("v");
        assertThat(read.durationNanos()).isEqualTo(42);
        assertThat(read.getString("c")).isEqualTo("yes");
        assertThat(read.getDoubles("t")).containsExactly(1, 2, 3);
        assertThat(read.isMissing("missing")).isTrue();
    }

    @Test
    void anErrorSurvivesItsMessage() {
        ServingError error =
                new ServingError(6, "why", "id", "wine", null, null, 5, new byte[] {1});
        assertThat(ServingError.fromProto(error.toProto())).isEqualTo(error);
    }
}
