package io.flinkserving.boundary;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.FieldType;
import io.flinkserving.wire.ScorerOptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(NoLiveHandles.class)
class PackedRowsTest {

    private static final int ALCOHOL = 0;
    private static final int SECOND = 1;

    private NativeModel model;
    private NativeScorer scorer;

    @AfterEach
    void close() {
        if (scorer != null) {
            scorer.close();
        }
        if (model != null) {
            model.close();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 63, 64, 65, 200})
    void scoresEveryRow(int count) throws Exception {
        openTwoFields(count, FieldType.FIELD_DOUBLE);
        PackedRows rows = scorer.rows();
        rows.clear();
        for (int row = 0; row < count; row++) {
            rows.setDouble(ALCOHOL, row, row);
            rows.setDouble(SECOND, row, 0.25);
        }
        assertThat(scorer.score(count)).isZero();
        assertThat(scorer.rowCount()).isEqualTo(count);
        for (int row = 0; row < count; row++) {
            assertThat(scorer.doubleValue(row, 0)).isEqualTo(2.5 + 0.5 * row);
        }
    }

    @Test
    void takesFloats() throws Exception {
        openTwoFields(1, FieldType.FIELD_FLOAT);
        scorer.rows().clear();
        scorer.rows().setFloat(ALCOHOL, 0, 10.5f);
        scorer.rows().setFloat(SECOND, 0, 0.5f);
        assertThat(scorer.score(1)).isZero();
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(7.25);
    }

    @Test
    void takesLongs() throws Exception {
        openTwoFields(1, FieldType.FIELD_LONG);
        scorer.rows().clear();
        scorer.rows().setLong(ALCOHOL, 0, 10);
        scorer.rows().setLong(SECOND, 0, -1);
        assertThat(scorer.score(1)).isZero();
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(10);
    }

    @Test
    void whatIsNotSetIsMissing() throws Exception {
        openTwoFields(3, FieldType.FIELD_DOUBLE);
        PackedRows rows = scorer.rows();
        for (int round = 0; round < 2; round++) {
            rows.clear();
            rows.setDouble(ALCOHOL, 0, 10);
            rows.setDouble(ALCOHOL, 1, 10);
            rows.setDouble(SECOND, 1, 0.5);
            rows.setDouble(ALCOHOL, 2, 10);
            rows.setDouble(SECOND, 2, 0.5);
            rows.setMissing(SECOND, 2);
            assertThat(scorer.score(3)).isZero();
            assertThat(scorer.tag(0, 0)).isEqualTo(CellTag.MISSING);
            assertThat(scorer.tag(1, 0)).isEqualTo(CellTag.DOUBLE);
            assertThat(scorer.doubleValue(1, 0)).isEqualTo(7);
            assertThat(scorer.tag(2, 0)).isEqualTo(CellTag.MISSING);
        }
    }

    @Test
    void takesStrings() throws Exception {
        openColours(4, NativeScorer.DEFAULT_MAXIMUM_BYTES);
        PackedRows rows = scorer.rows();
        rows.clear();
        for (int row = 0; row < 4; row++) {
            rows.setDouble(ALCOHOL, row, 1);
        }
        byte[] white = "<weiß>".getBytes(UTF_8);
        rows.setString(SECOND, 0, "red");
        rows.setString(SECOND, 1, "weiß");
        rows.setUtf8(SECOND, 2, white, 1, white.length - 2);
        rows.setString(SECOND, 3, "");
        assertThat(scorer.score(3)).isZero();
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(6);
        assertThat(scorer.doubleValue(1, 0)).isEqualTo(10);
        assertThat(scorer.doubleValue(2, 0)).isEqualTo(10);
    }

    @Test
    void theInputBufferGrowsWithTheText() throws Exception {
        openColours(20, NativeScorer.DEFAULT_MAXIMUM_BYTES);
        PackedRows rows = scorer.rows();
        rows.clear();
        for (int row = 0; row < 20; row++) {
            rows.setDouble(ALCOHOL, row, row);
            rows.setString(SECOND, row, row % 2 == 0 ? "red" : "x".repeat(1000 * row));
        }
        scorer.score(20);
        for (int row = 0; row < 20; row += 2) {
            assertThat(scorer.status(row)).isZero();
            assertThat(scorer.doubleValue(row, 0)).isEqualTo(5 + row);
        }
        rows.clear();
        rows.setDouble(ALCOHOL, 0, 1);
        rows.setString(SECOND, 0, "red");
        assertThat(scorer.score(1)).isZero();
        assertThat(scorer.doubleValue(0, 0)).isEqualTo(6);
    }

    @Test
    void textOverTheMaximumFailsItsRowAlone() throws Exception {
        openColours(2, 3000);
        PackedRows rows = scorer.rows();
        rows.clear();
        rows.setDouble(ALCOHOL, 0, 1);
        rows.setString(SECOND, 0, "x".repeat(5000));
        rows.setDouble(ALCOHOL, 1, 1);
        rows.setString(SECOND, 1, "red");
        assertThat(scorer.score(2)).isEqualTo(1);
        assertThat(scorer.status(0)).isEqualTo(ErrorCode.RECORD_TOO_LARGE_VALUE);
        assertThat(scorer.message(0)).contains("3000");
        assertThat(scorer.doubleValue(1, 0)).isEqualTo(6);
    }

    @Test
    void theMethodOfAnotherTypeIsRefused() throws Exception {
        openTwoFields(1, FieldType.FIELD_DOUBLE);
        assertThatThrownBy(() -> scorer.rows().setString(ALCOHOL, 0, "10"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("FIELD_DOUBLE");
    }

    @Test
    void placesOutsideTheRowsAreRefused() throws Exception {
        openTwoFields(2, FieldType.FIELD_DOUBLE);
        PackedRows rows = scorer.rows();
        assertThatThrownBy(() -> rows.setDouble(ALCOHOL, 2, 1))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> rows.setDouble(ALCOHOL, 0, 1, 1))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> rows.setDouble(2, 0, 1))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> scorer.score(3)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(scorer::begin).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void useAfterCloseThrows() throws Exception {
        openTwoFields(1, FieldType.FIELD_DOUBLE);
        PackedRows rows = scorer.rows();
        scorer.close();
        assertThatThrownBy(rows::clear).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> rows.setDouble(ALCOHOL, 0, 1))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(scorer::rows).isInstanceOf(IllegalStateException.class);
    }

    private void openTwoFields(int capacity, FieldType type) throws NativeException {
        open(
                TestModels.TWO_FIELDS,
                TestModels.packed(capacity, "alcohol", type, "volatile_acidity", type),
                NativeScorer.DEFAULT_MAXIMUM_BYTES);
    }

    private void openColours(int capacity, int maximumBytes) throws NativeException {
        open(
                TestModels.COLOURS,
                TestModels.packed(
                        capacity,
                        "alcohol",
                        FieldType.FIELD_DOUBLE,
                        "colour",
                        FieldType.FIELD_STRING),
                maximumBytes);
    }

    private void open(String pmml, ScorerOptions options, int maximumBytes) throws NativeException {
        model = TestModels.load(pmml);
        scorer = model.openScorer(options, maximumBytes);
    }
}
