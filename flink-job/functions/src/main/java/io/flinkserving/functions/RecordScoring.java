package io.flinkserving.functions;

import io.flinkserving.data.DataToServe;
import io.flinkserving.model.BoundScorer;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ScoringException;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingOutcome;
import io.flinkserving.model.ServingResult;
import io.flinkserving.state.ServingState;
import io.flinkserving.wire.ErrorCode;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Scores records: the path that each record takes. */
final class RecordScoring<R> {

    private static final Logger LOG = LoggerFactory.getLogger(RecordScoring.class);

    private final ServingTable<R> table;
    private final DataToServe<R> dataToServe;
    private final LongSupplier clock;
    private final int maxErrorInput;

    /**
     * @param clock milliseconds since the epoch, asked only for records that fail
     */
    RecordScoring(ServingTable<R> table, DataToServe<R> dataToServe, LongSupplier clock) {
        this.table = table;
        this.dataToServe = dataToServe;
        this.clock = clock;
        this.maxErrorInput = table.settings().maxErrorInput;
    }

    /**
     * Scores a record with the slot's active scorer.
     *
     * @return a result, or the error that the record leaves; null when nothing is active: then ask
     *     {@link #scoreInactive}
     */
    ServingOutcome score(Slot<R> slot, R record) {
        BoundScorer<R> scorer = slot.active;
        if (scorer == null) {
            return null;
        }
        String id;
        try {
            id = dataToServe.getId(record);
        } catch (RuntimeException e) {
            return unreadable(slot.dataType, record, e);
        }
        slot.dirty = true;
        try {
            ServingResult result = scorer.score(record, id);
            scored(slot, result.durationNanos(), 1);
            return result;
        } catch (ScoringException e) {
            return failed(slot, record, e);
        } catch (RuntimeException | StackOverflowError e) {
            return crashed(slot, record, e);
        }
    }

    /** Counts records that were scored, each of which took so long. */
    void scored(Slot<R> slot, long nanos, int records) {
        slot.dirty = true;
        table.touch(slot);
        slot.recorder.scored(nanos, records);
        slot.metrics.records.inc(records);
        slot.metrics.latency.update(nanos, records);
    }

    /** The error of a record that the model has no score for. */
    ServingError failed(Slot<R> slot, R record, ScoringException why) {
        slot.dirty = true;
        return failed(slot, record, why.getCode(), why.getMessage());
    }

    /**
     * What a record leaves for whose data type nothing is active: a result after all, when the
     * current model just has to be brought into memory; else an error.
     *
     * @param slot null when the data type is not served at all
     */
    ServingOutcome scoreInactive(
            Slot<R> slot,
            String dataType,
            R record,
            ServingStore store,
            Consumer<ServingError> errors)
            throws Exception {
        if (slot == null) {
            return notServed(
                    ErrorCode.NO_MODEL, "no model serves data type " + dataType, dataType, record);
        }
        ServingState state = slot.state;
        if (state.isSuspended()) {
            String message = "model " + state.suspended() + " is suspended";
            return notTaken(slot, ErrorCode.MODEL_SUSPENDED, message, record);
        }
        if (state.current() == null) {
            String message = "no model serves data type " + dataType;
            if (!state.pending().isEmpty()) {
                message += " yet; " + state.pending().get(0).name() + " is being loaded";
            } else if (!state.lastError().isEmpty()) {
                message += "; the last one was not taken: " + state.lastError();
            }
            return notTaken(slot, ErrorCode.NO_MODEL, message, record);
        }
        if (!table.activate(slot, store, errors, clock.getAsLong())) {
            String message =
                    "model " + state.current().name() + " can't be brought back: " + slot.broken;
            return notTaken(slot, ErrorCode.NO_MODEL, message, record);
        }
        return score(slot, record);
    }

    /** The error of a record without a data type, or whose data type can't be read. */
    ServingError withoutType(R record) {
        try {
            dataToServe.getType(record);
        } catch (RuntimeException e) {
            return unreadable(null, record, e);
        }
        table.metrics().unreadable.inc();
        return error(
                ErrorCode.DATA_TYPE_MISSING, "the record names no data type", null, null, record);
    }

    private ServingError unreadable(String dataType, R record, RuntimeException e) {
        table.metrics().unreadable.inc();
        return error(
                ErrorCode.RECORD_UNREADABLE, ScoringException.reason(e), dataType, null, record);
    }

    private ServingError notTaken(Slot<R> slot, ErrorCode code, String message, R record) {
        slot.breakWindow();
        return notServed(code, message, slot.dataType, record);
    }

    private ServingError notServed(ErrorCode code, String message, String dataType, R record) {
        table.metrics().notServed.inc();
        return error(code, message, dataType, null, record);
    }

    private ServingError failed(Slot<R> slot, R record, ErrorCode code, String message) {
        slot.recorder.failed();
        slot.metrics.errors.inc();
        return error(code, message, slot.dataType, slot.state.current(), record);
    }

    /** Whatever the crash left of the scorer is not used again; the next record gets a new one. */
    private ServingError crashed(Slot<R> slot, R record, Throwable cause) {
        if (!slot.crashed) {
            slot.crashed = true;
            LOG.warn("Model {} crashed on a record", slot.state.current(), cause);
        }
        try {
            slot.closeScorer();
        } catch (RuntimeException e) {
            LOG.warn("The scorer of {} can't be closed", slot.state.current(), e);
        }
        String message = cause.getMessage() == null ? cause.toString() : cause.getMessage();
        return failed(slot, record, ErrorCode.SCORING_CRASHED, message);
    }

    private ServingError error(
            ErrorCode code, String message, String dataType, ModelToServe model, R record) {
        return new ServingError(
                code.getNumber(),
                message,
                idOrNull(record),
                dataType,
                model == null ? null : model.name(),
                model == null ? null : model.version(),
                clock.getAsLong(),
                input(record));
    }

    private String idOrNull(R record) {
        try {
            return dataToServe.getId(record);
        } catch (RuntimeException e) {
            return null;
        }
    }

    private byte[] input(R record) {
        if (maxErrorInput == 0) {
            return null;
        }
        try {
            byte[] input = dataToServe.getInput(record);
            return input == null || input.length <= maxErrorInput
                    ? input
                    : Arrays.copyOf(input, maxErrorInput);
        } catch (RuntimeException e) {
            return null;
        }
    }
}
