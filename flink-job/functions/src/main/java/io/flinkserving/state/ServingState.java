package io.flinkserving.state;

import io.flinkserving.model.ModelToServe;
import io.flinkserving.wire.ModelDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;

/**
 * How one data type is served, as state holds it: descriptors without content. Immutable; each
 * change gives a new one. The bytes of the models are stored apart, under {@link #storageKey}.
 */
public final class ServingState {

    /** Under which the last values of a model's window are stored; no model has this key. */
    public static final String WINDOW_KEY = "window";

    private static final String RAW = "raw:";

    private final String dataType;
    private final ModelToServe current;
    private final List<ModelToServe> history;
    private final List<ModelToServe> pending;
    private final String suspended;
    private final String lastError;

    /**
     * @param current the model that serves, or null
     * @param history models that served before, the latest first
     * @param pending models that are being loaded, in the order in which they came
     * @param suspended name of the model that is suspended; empty: none
     * @param lastError why the last model was not taken; empty: it was
     */
    public ServingState(
            String dataType,
            ModelToServe current,
            List<ModelToServe> history,
            List<ModelToServe> pending,
            String suspended,
            String lastError) {
        this.dataType = Objects.requireNonNull(dataType);
        this.current = current;
        this.history = List.copyOf(history);
        this.pending = List.copyOf(pending);
        this.suspended = Objects.requireNonNull(suspended);
        this.lastError = Objects.requireNonNull(lastError);
    }

    public static ServingState empty(String dataType) {
        return new ServingState(dataType, null, List.of(), List.of(), "", "");
    }

    /** Under which the packed bytes of an inline model are stored: what they depend on. */
    public static String storageKey(ModelToServe model) {
        ModelDescriptor descriptor = model.stateDescriptor();
        String signature = descriptor.getSignature();
        int engine = descriptor.getEngineValue();
        return model.type()
                + ":"
                + model.sha256()
                + (signature.isEmpty() ? "" : ":" + signature)
                + (engine == 0 ? "" : ":engine " + engine);
    }

    /** Under which the content of an inline model is stored until it is loaded and packed. */
    public static String rawStorageKey(ModelToServe model) {
        return RAW + storageKey(model);
    }

    public String dataType() {
        return dataType;
    }

    public ModelToServe current() {
        return current;
    }

    public List<ModelToServe> history() {
        return history;
    }

    public List<ModelToServe> pending() {
        return pending;
    }

    public String suspended() {
        return suspended;
    }

    public String lastError() {
        return lastError;
    }

    public boolean isSuspended() {
        return current != null && current.name().equals(suspended);
    }

    /** Whether nothing is left to remember. */
    public boolean isEmpty() {
        return current == null && history.isEmpty() && pending.isEmpty() && lastError.isEmpty();
    }

    /** The model that will serve when all loads succeed. */
    public ModelToServe latest() {
        return pending.isEmpty() ? current : pending.get(pending.size() - 1);
    }

    /** All models of which it knows, the one that serves first. */
    public List<ModelToServe> all() {
        List<ModelToServe> all = new ArrayList<>();
        if (current != null) {
            all.add(current);
        }
        all.addAll(history);
        all.addAll(pending);
        return all;
    }

    /** A known model of the same name and version with another content, or null. */
    public ModelToServe conflictWith(ModelToServe model) {
        for (ModelToServe known : all()) {
            if (!model.version().isEmpty()
                    && !known.sha256().isEmpty()
                    && !model.sha256().isEmpty()
                    && known.isSameVersion(model)
                    && !known.isSameModel(model)) {
                return known;
            }
        }
        return null;
    }

    public ServingState withPending(ModelToServe model) {
        List<ModelToServe> more = new ArrayList<>(pending);
        more.add(model.withoutContent());
        return new ServingState(dataType, current, history, more, suspended, lastError);
    }

    public ServingState withoutPending() {
        return new ServingState(dataType, current, history, List.of(), suspended, lastError);
    }

    /** Without the pending model that came last. */
    public ServingState withoutLatestPending() {
        List<ModelToServe> rest = pending.subList(0, pending.size() - 1);
        return new ServingState(dataType, current, history, rest, suspended, lastError);
    }

    /** Without the pending model that came first. */
    public ServingState withoutFirstPending() {
        List<ModelToServe> rest = pending.subList(1, pending.size());
        return new ServingState(dataType, current, history, rest, suspended, lastError);
    }

    public ServingState withError(String error) {
        return new ServingState(dataType, current, history, pending, suspended, error);
    }

    /** Suspends the model of this name, or none when it is empty. */
    public ServingState withSuspended(String name) {
        return new ServingState(dataType, current, history, pending, name, lastError);
    }

    /**
     * The model takes over from the one that serves, which goes into the history. A suspension
     * stays with its name.
     */
    public ServingState withCurrent(ModelToServe model, int historySize) {
        List<ModelToServe> past = new ArrayList<>();
        if (current != null) {
            past.add(current);
        }
        past.addAll(history);
        past.removeIf(model::isSameVersion);
        List<ModelToServe> kept = past.subList(0, Math.min(historySize, past.size()));
        String still = model.name().equals(suspended) ? suspended : "";
        return new ServingState(dataType, model.withoutContent(), kept, pending, still, "");
    }

    /** The latest of the history serves again; the one that served is forgotten. */
    public ServingState rolledBack() {
        ModelToServe before = history.get(0);
        String still = before.name().equals(suspended) ? suspended : "";
        return new ServingState(
                dataType, before, history.subList(1, history.size()), pending, still, "");
    }

    /** Without the models that match. */
    public ServingState without(Predicate<ModelToServe> removed) {
        ModelToServe left = current != null && removed.test(current) ? null : current;
        List<ModelToServe> past = new ArrayList<>(history);
        past.removeIf(removed);
        List<ModelToServe> loading = new ArrayList<>(pending);
        loading.removeIf(removed);
        String still = left == null ? "" : suspended;
        return new ServingState(
                dataType, left, past, loading, still, left == null ? "" : lastError);
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof ServingState)) {
            return false;
        }
        ServingState that = (ServingState) other;
        return dataType.equals(that.dataType)
                && Objects.equals(current, that.current)
                && history.equals(that.history)
                && pending.equals(that.pending)
                && suspended.equals(that.suspended)
                && lastError.equals(that.lastError);
    }

    @Override
    public int hashCode() {
        return Objects.hash(dataType, current, history, pending, suspended, lastError);
    }

    @Override
    public String toString() {
        return String.format(
                "%s: current %s, history %s, pending %s, suspended '%s', error '%s'",
                dataType, current, history, pending, suspended, lastError);
    }
}
