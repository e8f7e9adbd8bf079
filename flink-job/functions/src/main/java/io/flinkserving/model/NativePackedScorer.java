package io.flinkserving.model;

import io.flinkserving.boundary.NativeException;
import io.flinkserving.boundary.NativeScorer;
import io.flinkserving.data.FieldException;
import io.flinkserving.data.PackedFormat;
import io.flinkserving.wire.ErrorCode;

/** Writes the record's fields into the library's row block. */
final class NativePackedScorer<R> extends NativeRecordScorer<R> {

    private final PackedFormat<R> format;
    private final NativePackedRow row;

    NativePackedScorer(NativeScorer scorer, PackedFormat<R> format) {
        super(scorer);
        this.format = format;
        this.row = new NativePackedRow(scorer.rows(), format.fields());
    }

    @Override
    int run(R record) throws NativeException, ScoringException {
        row.clear();
        try {
            format.write(record, row);
        } catch (FieldException e) {
            throw new ScoringException(ErrorCode.FIELD_INVALID, e.getMessage());
        } catch (RuntimeException e) {
            throw new ScoringException(ErrorCode.RECORD_UNREADABLE, ScoringException.reason(e));
        }
        return scorer.score(1);
    }
}
