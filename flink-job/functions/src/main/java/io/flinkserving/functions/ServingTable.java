package io.flinkserving.functions;

import io.flinkserving.data.DataToServe;
import io.flinkserving.metrics.ServingMetrics;
import io.flinkserving.model.BoundScorer;
import io.flinkserving.model.ModelException;
import io.flinkserving.model.ModelFactoriesResolver;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ServingError;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.state.ServingState;
import io.flinkserving.wire.ErrorCode;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.flink.configuration.ReadableConfig;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The data types that a subtask serves: brings models from state into memory, takes finished loads
 * over, and writes what changed to the store. The task's thread alone uses it, between two records.
 */
final class ServingTable<R> implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(ServingTable.class);

    /** How long a model that serves but can't be compiled is left alone. */
    private static final long RETRY_NANOS = 10_000_000_000L;

    private final ServingSettings settings;
    private final ServingMetrics metrics;
    private final ModelLoader<R> loader;
    private final LoaderThreads threads;
    private final CompiledModels compiled;
    private final SlotStats<R> stats;
    private final Map<String, Slot<R>> slots = new HashMap<>();

    ServingTable(
            String task,
            DataToServe<R> dataToServe,
            ModelFactoriesResolver resolver,
            ReadableConfig options,
            ServingMetrics metrics) {
        this.settings = new ServingSettings(options);
        this.metrics = metrics;
        ModelLocations locations =
                new ModelLocations(settings.allowedLocations, settings.maxModelSize);
        loader = new ModelLoader<>(dataToServe, resolver, options, locations);
        threads = new LoaderThreads(task, settings.loaderThreads);
        compiled =
                new CompiledModels(
                        settings.nativeMemory, settings.maxCompiledModels, metrics.evictions::inc);
        stats = new SlotStats<>(metrics, settings.historySize);
        metrics.register(compiled::bytes, compiled::count);
    }

    ServingSettings settings() {
        return settings;
    }

    ServingMetrics metrics() {
        return metrics;
    }

    Collection<Slot<R>> slots() {
        return slots.values();
    }

    /** The data type's slot if it is in memory. */
    Slot<R> known(String dataType) {
        return slots.get(dataType);
    }

    /** The slot's model was used just now. */
    void touch(Slot<R> slot) {
        if (slot.compiled != null) {
            compiled.touch(slot.compiled);
        }
    }

    /** Whether the slot is still the one of its data type. */
    boolean has(Slot<R> slot) {
        return slots.get(slot.dataType) == slot;
    }

    /** The data type's slot, out of the store if it must be; null when nothing serves it. */
    Slot<R> find(String dataType, ServingStore store) throws Exception {
        Slot<R> slot = known(dataType);
        if (slot == null) {
            ServingState state = store.serving();
            if (state != null) {
                if (!state.dataType().equals(dataType)) {
                    // Whatever is written from here on would be another data type's.
                    throw new IllegalStateException(
                            "the state of data type "
                                    + state.dataType()
                                    + " is not of "
                                    + dataType);
                }
                slot = restore(state, store);
            }
        }
        return slot;
    }

    /** As {@link #find}, but makes a new slot when nothing serves the data type. */
    Slot<R> findOrCreate(String dataType, ServingStore store) throws Exception {
        Slot<R> slot = find(dataType, store);
        return slot == null ? restore(ServingState.empty(dataType), store) : slot;
    }

    private Slot<R> restore(ServingState state, ServingStore store) throws Exception {
        Slot<R> slot = new Slot<>(state.dataType());
        slot.state = state;
        stats.restore(slot, store.stats());
        slot.restoreWindow(store.bytes(ServingState.WINDOW_KEY));
        slots.put(slot.dataType, slot);
        startLoad(slot, store);
        return slot;
    }

    /** Loads the first pending model in the background, unless that goes on already. */
    void startLoad(Slot<R> slot, ServingStore store) throws Exception {
        if (slot.load == null && !slot.state.pending().isEmpty()) {
            ModelToServe model = slot.state.pending().get(0);
            slot.load = new LoadTask<>(model, loader, sourceOf(model, store));
            threads.submit(slot.load);
        }
    }

    private ModelLoader.Source sourceOf(ModelToServe model, ServingStore store) throws Exception {
        if (model.isByLocation()) {
            return ModelLoader.Source.location();
        }
        byte[] packed = store.bytes(ServingState.storageKey(model));
        if (packed != null) {
            return ModelLoader.Source.packed(packed);
        }
        byte[] content = store.bytes(ServingState.rawStorageKey(model));
        if (content == null) {
            throw new IllegalStateException("state has no bytes of " + model);
        }
        return ModelLoader.Source.raw(content);
    }

    /** Takes the finished load of the slot over, if there is one. */
    void poll(Slot<R> slot, ServingStore store, Consumer<ServingError> errors, long now)
            throws Exception {
        if (slot.load != null && slot.load.isDone()) {
            takeOver(slot, store, errors, now);
        }
    }

    /** Waits for the first pending model and takes it over. */
    void awaitLoad(Slot<R> slot, ServingStore store, Consumer<ServingError> errors, long now)
            throws Exception {
        slot.load.await();
        takeOver(slot, store, errors, now);
    }

    private void takeOver(Slot<R> slot, ServingStore store, Consumer<ServingError> errors, long now)
            throws Exception {
        LoadTask<R> task = slot.load;
        slot.load = null;
        try {
            LoadedModel<R> loaded = task.take();
            swap(slot, store, loaded, now);
        } catch (ModelException e) {
            if (!isOverBudget(e) || !compiled.evictOne(slot.compiled)) {
                fail(slot, store, task.model, e, errors, now);
            }
        }
        startLoad(slot, store);
    }

    private void swap(Slot<R> slot, ServingStore store, LoadedModel<R> loaded, long now)
            throws Exception {
        ServingState before = slot.state;
        ServingState rest = before.withoutFirstPending();
        metrics.forModel(loaded.model.name()).loads.inc();
        boolean taken = false;
        try {
            ModelToServe conflict = rest.conflictWith(loaded.model);
            if (conflict != null) {
                throw conflict(loaded.model, conflict);
            }
            if (rest.current() != null && rest.current().isSameModel(loaded.model)) {
                slot.state = rest;
            } else {
                CompiledModels.Entry entry =
                        compiled.add(loaded.model, loaded.compiled, slot, slot.compiled);
                taken = true;
                if (loaded.packed != null) {
                    store.bytes(ServingState.storageKey(loaded.model), loaded.packed);
                }
                serve(
                        slot,
                        rest.withCurrent(loaded.model, settings.historySize),
                        entry,
                        loaded.scorer,
                        now);
            }
        } finally {
            if (!taken) {
                loaded.close();
            }
        }
        written(slot, before, store);
    }

    /** The model that {@code next} has as the current one serves from the next record on. */
    void serve(
            Slot<R> slot,
            ServingState next,
            CompiledModels.Entry entry,
            BoundScorer<R> scorer,
            long now) {
        slot.closeScorer();
        stats.retireCounts(slot);
        slot.state = next;
        slot.compiled = entry;
        slot.openScorer(scorer);
        slot.active = next.isSuspended() ? null : scorer;
        slot.broken = null;
        slot.crashed = false;
        stats.countFor(slot, now);
        slot.metrics.swaps.inc();
    }

    private void fail(
            Slot<R> slot,
            ServingStore store,
            ModelToServe model,
            ModelException e,
            Consumer<ServingError> errors,
            long now)
            throws Exception {
        ServingState before = slot.state;
        slot.state = before.withoutFirstPending().withError(describe(e));
        metrics.forModel(model.name()).failedLoads.inc();
        written(slot, before, store);
        if (slot.recorder == null) {
            store.stats(stats.toStats(slot, model));
        }
        reject(model, e, errors, now);
    }

    /** Reports a model message that was not taken. */
    void reject(ModelToServe model, ModelException e, Consumer<ServingError> errors, long now) {
        LOG.warn("Model not taken: {}: {}", model, describe(e));
        metrics.rejectedModels.inc();
        byte[] input = model.stateDescriptor().toByteArray();
        errors.accept(
                new ServingError(
                        e.getCode().getNumber(),
                        e.getMessage(),
                        null,
                        model.dataType(),
                        model.name(),
                        model.version(),
                        now,
                        Arrays.copyOf(input, Math.min(input.length, settings.maxErrorInput))));
    }

    static ModelException conflict(ModelToServe model, ModelToServe known) {
        return new ModelException(
                ErrorCode.VERSION_CONFLICT,
                String.format(
                        "model %s %s has type %d and SHA-256 %s, but this version exists with type %d"
                                + " and %s",
                        model.name(),
                        model.version(),
                        model.type(),
                        model.sha256(),
                        known.type(),
                        known.sha256()));
    }

    /** Writes the slot's state and forgets what it does not refer to any more. */
    void written(Slot<R> slot, ServingState before, ServingStore store) throws Exception {
        Set<String> needed = storageKeys(slot.state);
        for (String key : storageKeys(before)) {
            if (!needed.contains(key)) {
                store.bytes(key, null);
            }
        }
        for (ModelToServe old : before.all()) {
            if (slot.state.all().stream().noneMatch(old::isSameModel)) {
                CompiledModels.Entry entry = compiled.find(slot, old);
                if (entry != null && entry != slot.compiled) {
                    compiled.remove(entry);
                }
            }
        }
        if (slot.state.isEmpty()) {
            store.serving(null);
            slots.remove(slot.dataType);
        } else {
            store.serving(slot.state);
            writeCounts(slot, store);
        }
    }

    /** Drops a slot that was made for a message that came to nothing. */
    void forgetIfEmpty(Slot<R> slot) {
        if (slot.state.isEmpty()) {
            slots.remove(slot.dataType, slot);
        }
    }

    private static Set<String> storageKeys(ServingState state) {
        Set<String> keys = new HashSet<>();
        for (ModelToServe model : state.all()) {
            if (!model.isByLocation()) {
                keys.add(ServingState.storageKey(model));
            }
        }
        for (ModelToServe model : state.pending()) {
            if (!model.isByLocation()) {
                keys.add(ServingState.rawStorageKey(model));
            }
        }
        return keys;
    }

    /**
     * Makes the current model score, out of the store if it must be: right after a restore, or when
     * it had to give way to others. Blocks for so long.
     *
     * @return whether it scores; else {@link Slot#broken} says why not
     */
    boolean activate(Slot<R> slot, ServingStore store, Consumer<ServingError> errors, long now)
            throws Exception {
        if (slot.broken != null && System.nanoTime() - slot.retryAt < 0) {
            return false;
        }
        try {
            compileCurrent(slot, store);
        } catch (ModelException e) {
            slot.retryAt = System.nanoTime() + RETRY_NANOS;
            if (slot.broken == null) {
                slot.state = slot.state.withError(describe(e));
                written(slot, slot.state, store);
                metrics.forModel(slot.state.current().name()).failedLoads.inc();
                reject(slot.state.current(), e, errors, now);
            }
            slot.broken = describe(e);
            return false;
        }
        if (slot.broken != null) {
            slot.broken = null;
            slot.state = slot.state.withError("");
            written(slot, slot.state, store);
        }
        slot.active = slot.scorer;
        return true;
    }

    private void compileCurrent(Slot<R> slot, ServingStore store) throws Exception {
        ModelToServe current = slot.state.current();
        if (slot.scorer != null) {
            return;
        }
        if (slot.compiled == null) {
            slot.compiled = compile(slot, current, store, null);
        }
        compiled.touch(slot.compiled);
        slot.openScorer(loader.open(current, slot.compiled.compiled));
    }

    /** The compiled model; blocks while it is made. */
    private CompiledModels.Entry compile(
            Slot<R> slot, ModelToServe model, ServingStore store, CompiledModels.Entry spared)
            throws Exception {
        CompiledModels.Entry entry = compiled.find(slot, model);
        while (entry == null) {
            try {
                LoadedModel<R> loaded = loader.load(model, sourceOf(model, store));
                metrics.forModel(model.name()).loads.inc();
                loaded.scorer.close();
                try {
                    entry = compiled.add(model, loaded.compiled, slot, spared);
                } finally {
                    if (entry == null) {
                        loaded.compiled.close();
                    }
                }
            } catch (ModelException e) {
                if (!isOverBudget(e) || !compiled.evictOne(spared)) {
                    throw e;
                }
            }
        }
        return entry;
    }

    /** Serves a model out of the history at once, if that is possible. */
    void serveAgain(Slot<R> slot, ServingState next, ServingStore store, long now)
            throws Exception {
        CompiledModels.Entry entry = compile(slot, next.current(), store, slot.compiled);
        compiled.touch(entry);
        serve(slot, next, entry, loader.open(next.current(), entry.compiled), now);
    }

    /** Nothing serves the data type from the next record on. */
    void stop(Slot<R> slot) {
        slot.closeScorer();
        slot.compiled = null;
        slot.recorder = null;
        slot.metrics = null;
    }

    /** Writes the counts of the slot to the store, and the values that its model remembers. */
    void flush(Slot<R> slot, ServingStore store) throws Exception {
        if (slot.dirty) {
            writeCounts(slot, store);
        }
    }

    private void writeCounts(Slot<R> slot, ServingStore store) throws Exception {
        store.stats(stats.toStats(slot, slot.state.latest()));
        byte[] window = slot.window();
        if (window != null || slot.isWindowStored) {
            store.bytes(ServingState.WINDOW_KEY, window);
            slot.isWindowStored = window != null;
        }
        slot.dirty = false;
    }

    /** Writes the counts of the data type to the store, if it has any in memory. */
    void flush(String dataType, ServingStore store) throws Exception {
        Slot<R> slot = slots.get(dataType);
        if (slot != null) {
            flush(slot, store);
        }
    }

    private static String describe(ModelException e) {
        return e.getCode() + ": " + e.getMessage();
    }

    private static boolean isOverBudget(ModelException e) {
        return e.getCode() == ErrorCode.MODEL_TOO_LARGE
                && e.getMessage().contains(ModelServingOptions.NATIVE_MEMORY.key());
    }

    @Override
    public void close() {
        for (Slot<R> slot : slots.values()) {
            if (slot.load != null) {
                slot.load.abandon();
            }
            slot.closeScorer();
        }
        slots.clear();
        threads.close();
        compiled.closeAll();
    }
}
