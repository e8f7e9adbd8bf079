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
    private int count;

    NativePackedScorer(NativeScorer scorer, PackedFormat<R> format) {
        super(scorer);
        this.format = format;
        this.row = new NativePackedRow(scorer.rows(), format.fields());
    }

    @Override
    void begin() {
        row.clear();
        count = 0;
    }

    @Override
    boolean add(R record) throws NativeException, ScoringException {
        if (count == capacity()) {
            return false;
        }
        row.moveTo(count);
        try {
            format.write(record, row);
        } catch (FieldException e) {
            throw new ScoringException(ErrorCode.FIELD_INVALID, e.getMessage());
        } catch (RuntimeException e) {
            throw new ScoringException(ErrorCode.RECORD_UNREADABLE, ScoringException.reason(e));
        }
        if (count > 0 && scorer.isRefused(count)) {
            // Together they are too large, which says nothing of this one.
            return false;
        }
        count++;
        return true;
    }

    @Override
    int run() throws NativeException {
        return scorer.score(count);
    }
}
