package io.flinkserving.functions;

import io.flinkserving.model.ModelException;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ServingError;
import io.flinkserving.state.ServingState;
import io.flinkserving.wire.ErrorCode;
import java.util.function.Consumer;

/**
 * Applies messages of the model stream to a data type. Models are loaded in the order in which they
 * came and take over in that order, so that the outcome does not depend on how long a load takes;
 * all other commands hold at the next record.
 */
final class ModelCommands<R> {

    /** Models of one data type that wait to be loaded; further ones make the stream wait. */
    private static final int MAX_PENDING = 16;

    private final ServingTable<R> table;
    private final boolean hasWindows;

    /**
     * @param hasWindows whether models may take windows of values: all records of a data type have
     *     to come by
     */
    ModelCommands(ServingTable<R> table, boolean hasWindows) {
        this.table = table;
        this.hasWindows = hasWindows;
    }

    void apply(ModelToServe message, ServingStore store, Consumer<ServingError> errors, long now)
            throws Exception {
        Slot<R> slot = table.findOrCreate(message.dataType(), store);
        table.poll(slot, store, errors, now);
        ServingState before = slot.state;
        try {
            switch (message.action()) {
                case ADD_OR_UPDATE:
                    add(slot, message.arrivedOn(now), store, errors, now);
                    return;
                case REMOVE:
                    remove(slot, message);
                    break;
                case SUSPEND:
                    suspend(slot, message);
                    break;
                case RESUME:
                    resume(slot, message);
                    break;
                case ROLLBACK:
                    rollBack(slot, message, store, now);
                    break;
                default:
                    throw new ModelException(
                            ErrorCode.DESCRIPTOR_INVALID, "action " + message.action());
            }
            table.written(slot, before, store);
            table.startLoad(slot, store);
        } catch (ModelException e) {
            table.reject(message, e, errors, now);
            table.forgetIfEmpty(slot);
        }
    }

    private void add(
            Slot<R> slot,
            ModelToServe model,
            ServingStore store,
            Consumer<ServingError> errors,
            long now)
            throws Exception {
        if (model.hasPreprocessing() && !hasWindows) {
            throw new ModelException(
                    ErrorCode.MODEL_UNSUPPORTED,
                    String.format(
                            "model %s takes windows of the records of its data type, which the"
                                    + " partitioned join spreads over its subtasks: serve it by key",
                            model.name()));
        }
        ModelToServe latest = slot.state.latest();
        if (latest != null && !model.sha256().isEmpty() && latest.isSameModel(model)) {
            return;
        }
        ModelToServe conflict = slot.state.conflictWith(model);
        if (conflict != null) {
            throw ServingTable.conflict(model, conflict);
        }
        while (slot.state.pending().size() >= MAX_PENDING) {
            table.awaitLoad(slot, store, errors, now);
        }
        ServingState before = slot.state;
        slot.state = before.withPending(model);
        if (!model.isByLocation() && store.bytes(ServingState.storageKey(model)) == null) {
            store.bytes(ServingState.rawStorageKey(model), model.content());
        }
        table.written(slot, before, store);
        table.startLoad(slot, store);
    }

    private void remove(Slot<R> slot, ModelToServe command) throws ModelException {
        ServingState state = slot.state;
        if (state.all().stream().noneMatch(model -> isMeant(model, command))) {
            throw noSuchModel(command, "no such model is known");
        }
        ServingState next = state.without(model -> isMeant(model, command));
        if (next.current() == null && state.current() != null) {
            table.stop(slot);
        }
        dropLoadUnless(slot, next);
        slot.state = next;
    }

    private void suspend(Slot<R> slot, ModelToServe command) throws ModelException {
        requireServingOrLoading(slot.state, command);
        slot.state = slot.state.withSuspended(command.name());
        if (slot.state.isSuspended()) {
            slot.active = null;
        }
    }

    private void resume(Slot<R> slot, ModelToServe command) throws ModelException {
        requireServingOrLoading(slot.state, command);
        if (slot.state.suspended().equals(command.name())) {
            slot.state = slot.state.withSuspended("");
            slot.active = slot.scorer;
        }
    }

    private void rollBack(Slot<R> slot, ModelToServe command, ServingStore store, long now)
            throws Exception {
        ServingState state = slot.state;
        if (state.latest() == null || !isMeant(state.latest(), command)) {
            throw noSuchModel(command, "it does not serve; " + state.latest() + " is the latest");
        }
        if (!state.pending().isEmpty()) {
            // The model that would serve next is taken back before it does.
            ServingState next = state.withoutLatestPending();
            dropLoadUnless(slot, next);
            slot.state = next;
            return;
        }
        if (state.history().isEmpty()) {
            throw noSuchModel(command, "no model served before it");
        }
        table.serveAgain(slot, state.rolledBack(), store, now);
    }

    /** The load that goes on is of the first pending model; it is of no use if that one is gone. */
    private void dropLoadUnless(Slot<R> slot, ServingState next) {
        if (slot.load != null
                && (next.pending().isEmpty() || !next.pending().get(0).equals(slot.load.model))) {
            slot.load.abandon();
            slot.load = null;
        }
    }

    private static void requireServingOrLoading(ServingState state, ModelToServe command)
            throws ModelException {
        boolean serves = state.current() != null && isMeant(state.current(), command);
        if (!serves && state.pending().stream().noneMatch(model -> isMeant(model, command))) {
            throw noSuchModel(command, "it does not serve; " + state.current() + " does");
        }
    }

    /** A command without a version means all versions. */
    private static boolean isMeant(ModelToServe model, ModelToServe command) {
        return model.name().equals(command.name())
                && (command.version().isEmpty() || model.version().equals(command.version()));
    }

    private static ModelException noSuchModel(ModelToServe command, String reason) {
        return new ModelException(
                ErrorCode.NO_SUCH_MODEL, "can't apply " + command + ": " + reason);
    }
}
