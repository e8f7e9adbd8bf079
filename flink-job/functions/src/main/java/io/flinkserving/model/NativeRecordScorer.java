package io.flinkserving.model;

import io.flinkserving.boundary.CellTag;
import io.flinkserving.boundary.NativeException;
import io.flinkserving.boundary.NativeScorer;
import io.flinkserving.boundary.OutputField;
import io.flinkserving.wire.ErrorCode;
import java.util.ArrayList;
import java.util.List;

/**
 * Scores records in the native library, one or many in a call, and takes the scores out of its
 * buffer.
 */
abstract class NativeRecordScorer<R> implements Scorer<R> {

    private static final String[] NO_TEXTS = {};

    /** Equal to the tags of no row. */
    private static final long[] UNKNOWN = {-1};

    final NativeScorer scorer;
    private final OutputSchema schema;
    private final int cells;
    private final Outputs outputs = new Outputs();

    /** Tags of a row that has neither text nor missing values, as the buffer has them. */
    private long[] plainTags = UNKNOWN;

    /** The same, as results have them. */
    private byte[] plainResultTags;

    NativeRecordScorer(NativeScorer scorer) {
        this.scorer = scorer;
        this.schema = schemaOf(scorer);
        this.cells = schema.cells();
    }

    /** Forgets the records of the last call. */
    abstract void begin();

    /**
     * Makes the record the next row of the call.
     *
     * @return false when there is no room for it beside those before
     */
    abstract boolean add(R record) throws NativeException, ScoringException;

    /**
     * Scores the records that were added.
     *
     * @return number of failed rows
     */
    abstract int run() throws NativeException;

    @Override
    public final OutputSchema outputs() {
        return schema;
    }

    /** See {@link NativeScorer#window}. */
    final byte[] window() {
        try {
            return scorer.window();
        } catch (NativeException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    /** See {@link NativeScorer#restoreWindow}. */
    final void restoreWindow(byte[] window) {
        try {
            scorer.restoreWindow(window);
        } catch (NativeException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    /** Most records of one call. */
    final int capacity() {
        return scorer.capacity();
    }

    /** Time of the last call, nanoseconds. */
    final long durationNanos() {
        return scorer.durationNanos();
    }

    @Override
    public final void score(R record, Outputs into) throws ScoringException {
        scoreAlone(record);
        into.setDurationNanos(scorer.durationNanos());
        read(0, into);
    }

    /** The record becomes row 0. */
    final void scoreAlone(R record) throws ScoringException {
        int failed;
        try {
            begin();
            add(record);
            failed = run();
        } catch (NativeException e) {
            // Not of this record's making as far as the library can tell: the scorer is in doubt.
            throw new IllegalStateException(e.getMessage(), e);
        }
        if (failed != 0) {
            throw failure(0);
        }
    }

    /** Whether the row has a score. */
    final boolean isScored(int row) {
        return scorer.status(row) == ErrorCode.OK_VALUE;
    }

    final boolean isTooLarge(int row) {
        return scorer.status(row) == ErrorCode.RECORD_TOO_LARGE_VALUE;
    }

    /** The score of a row that has one. */
    final ServingResult result(int row, String recordId, ServedModel model, long nanos) {
        long[] values = new long[cells];
        if (scorer.read(row, values, plainTags)) {
            return ServingResult.ofRow(recordId, model, nanos, plainResultTags, values, NO_TEXTS);
        }
        outputs.reset(schema);
        read(row, outputs);
        byte[] tags = outputs.tags();
        if (isPlain(tags)) {
            plainTags = scorer.tags(row);
            plainResultTags = tags;
        }
        return ServingResult.ofRow(recordId, model, nanos, tags, outputs.cells(), outputs.texts());
    }

    private static boolean isPlain(byte[] tags) {
        for (byte tag : tags) {
            if (tag == CellTag.TEXT || tag == CellTag.MISSING) {
                return false;
            }
        }
        return true;
    }

    private void read(int row, Outputs into) {
        for (int cell = 0; cell < cells; cell++) {
            int tag = scorer.tag(row, cell);
            switch (tag) {
                case CellTag.DOUBLE:
                    into.setCell(
                            cell, tag, Double.doubleToRawLongBits(scorer.doubleValue(row, cell)));
                    break;
                case CellTag.FLOAT:
                    into.setCell(
                            cell,
                            tag,
                            Float.floatToRawIntBits(scorer.floatValue(row, cell)) & 0xffffffffL);
                    break;
                case CellTag.LONG:
                case CellTag.BOOLEAN:
                case CellTag.LABEL:
                    into.setCell(cell, tag, scorer.longValue(row, cell));
                    break;
                case CellTag.TEXT:
                    into.setCell(cell, tag, into.addText(scorer.text(row, cell)));
                    break;
                default:
                    break;
            }
        }
    }

    /** Why a row has no score. */
    final ScoringException failure(int row) {
        ErrorCode code = ErrorCode.forNumber(scorer.status(row));
        return new ScoringException(
                code == null ? ErrorCode.SCORING_FAILED : code, scorer.message(row));
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
