package io.flinkserving.functions;

import io.flinkserving.model.Model;
import io.flinkserving.model.ModelException;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.wire.ErrorCode;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * The compiled models of one subtask, within the budget. Those used least recently give way first.
 * The task's thread alone changes it.
 */
final class CompiledModels {

    /** Told before a model of its is closed. */
    interface Owner {
        void evicted(Entry entry);
    }

    /** One compiled model. */
    static final class Entry {
        final ModelToServe model;
        final Model compiled;
        final Owner owner;
        private final long bytes;
        private long lastUse;

        private Entry(ModelToServe model, Model compiled, Owner owner) {
            this.model = model;
            this.compiled = compiled;
            this.owner = owner;
            this.bytes = compiled.nativeBytes();
        }
    }

    private final long maxBytes;
    private final int maxModels;
    private final Runnable onEviction;
    private final Map<Owner, Map<String, Entry>> byOwner = new HashMap<>();
    private final Set<Entry> entries = new HashSet<>();
    private long uses;

    private volatile long bytes;
    private volatile int count;

    CompiledModels(long maxBytes, int maxModels, Runnable onEviction) {
        this.maxBytes = maxBytes;
        this.maxModels = maxModels;
        this.onEviction = onEviction;
    }

    /**
     * Takes a compiled model in, if need be in place of others.
     *
     * @param spared not to give way, or null
     * @throws ModelException MODEL_TOO_LARGE when it can't fit; the model is not closed
     */
    Entry add(ModelToServe model, Model compiled, Owner owner, Entry spared) throws ModelException {
        Entry added = new Entry(model, compiled, owner);
        while (bytes + added.bytes > maxBytes || count + 1 > maxModels) {
            if (!evictOne(spared)) {
                break;
            }
        }
        if (bytes + added.bytes > maxBytes) {
            throw new ModelException(
                    ErrorCode.MODEL_TOO_LARGE,
                    String.format(
                            "model %s %s needs %d bytes of native memory, %d of %d are used: raise %s",
                            model.name(),
                            model.version(),
                            added.bytes,
                            bytes,
                            maxBytes,
                            ModelServingOptions.NATIVE_MEMORY.key()));
        }
        Entry old = byOwner.computeIfAbsent(owner, any -> new HashMap<>()).put(key(model), added);
        entries.add(added);
        bytes += added.bytes;
        count++;
        touch(added);
        if (old != null) {
            drop(old);
        }
        return added;
    }

    /** The compiled model, or null when there is none. */
    Entry find(Owner owner, ModelToServe model) {
        Map<String, Entry> owned = byOwner.get(owner);
        Entry found = owned == null ? null : owned.get(key(model));
        return found != null && found.model.isSameModel(model) ? found : null;
    }

    void touch(Entry entry) {
        entry.lastUse = ++uses;
    }

    /**
     * Closes the model that was used least recently.
     *
     * @return false when there is none but the spared one
     */
    boolean evictOne(Entry spared) {
        Entry oldest = null;
        for (Entry entry : entries) {
            if (entry != spared && (oldest == null || entry.lastUse < oldest.lastUse)) {
                oldest = entry;
            }
        }
        if (oldest == null) {
            return false;
        }
        oldest.owner.evicted(oldest);
        remove(oldest);
        onEviction.run();
        return true;
    }

    /** Closes a model that is not needed any more. */
    void remove(Entry entry) {
        Map<String, Entry> owned = byOwner.get(entry.owner);
        if (owned != null) {
            owned.remove(key(entry.model), entry);
            if (owned.isEmpty()) {
                byOwner.remove(entry.owner);
            }
        }
        drop(entry);
    }

    private void drop(Entry entry) {
        if (entries.remove(entry)) {
            bytes -= entry.bytes;
            count--;
            entry.compiled.close();
        }
    }

    void closeAll() {
        for (Entry entry : Set.copyOf(entries)) {
            drop(entry);
        }
        byOwner.clear();
    }

    long bytes() {
        return bytes;
    }

    long count() {
        return count;
    }

    private static String key(ModelToServe model) {
        return model.name() + '\0' + model.version();
    }
}
