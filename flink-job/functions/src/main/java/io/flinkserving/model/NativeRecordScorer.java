package io.flinkserving.model;

import io.flinkserving.boundary.CellTag;
import io.flinkserving.boundary.NativeException;
import io.flinkserving.boundary.NativeScorer;
import io.flinkserving.boundary.OutputField;
import io.flinkserving.wire.ErrorCode;
import java.util.ArrayList;
import java.util.List;

/** Scores one record at a time in the native library and takes the score out of its buffer. */
abstract class NativeRecordScorer<R> implements Scorer<R> {

    private static final int ROW = 0;

    final NativeScorer scorer;
    private final OutputSchema schema;
    private final int cells;

    NativeRecordScorer(NativeScorer scorer) {
        this.scorer = scorer;
        this.schema = schemaOf(scorer);
        this.cells = schema.cells();
    }

    /**
     * Scores the record as row 0.
     *
     * @return number of failed rows
     */
    abstract int run(R record) throws NativeException, ScoringException;

    @Override
    public final OutputSchema outputs() {
        return schema;
    }

    @Override
    public final void score(R record, Outputs outputs) throws ScoringException {
        int failed;
        try {
            failed = run(record);
        } catch (NativeException e) {
            // Not of this record's making as far as the library can tell: the scorer is in doubt.
            throw new IllegalStateException(e.getMessage(), e);
        }
        if (failed != 0) {
            throw failure();
        }
        outputs.setDurationNanos(scorer.durationNanos());
        for (int cell = 0; cell < cells; cell++) {
            int tag = scorer.tag(ROW, cell);
            switch (tag) {
                case CellTag.DOUBLE:
                    outputs.setCell(
                            cell, tag, Double.doubleToRawLongBits(scorer.doubleValue(ROW, cell)));
                    break;
                case CellTag.FLOAT:
                    outputs.setCell(
                            cell,
                            tag,
                            Float.floatToRawIntBits(scorer.floatValue(ROW, cell)) & 0xffffffffL);
                    break;
                case CellTag.LONG:
                case CellTag.BOOLEAN:
                case CellTag.LABEL:
                    outputs.setCell(cell, tag, scorer.longValue(ROW, cell));
                    break;
                case CellTag.TEXT:
                    outputs.setCell(cell, tag, outputs.addText(scorer.text(ROW, cell)));
                    break;
                default:
                    break;
            }
        }
    }

    private ScoringException failure() {
        ErrorCode code = ErrorCode.forNumber(scorer.status(ROW));
        return new ScoringException(
                code == null ? ErrorCode.SCORING_FAILED : code, scorer.message(ROW));
    }

    @Override
    public final void close() {
        scorer.close();
    }

    private static OutputSchema schemaOf(NativeScorer scorer) {
        List<io.flinkserving.model.OutputField> fields = new ArrayList<>();
        for (OutputField field : scorer.outputs()) {
            fields.add(
                    new io.flinkserving.model.OutputField(
                            field.name(),
                            field.info().getType(),
                            field.width(),
                            field.info().getLabelsList()));
        }
        return OutputSchema.of(fields);
    }
}
