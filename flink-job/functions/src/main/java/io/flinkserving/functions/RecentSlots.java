package io.flinkserving.functions;

import io.flinkserving.data.DataToServe;
import java.util.Arrays;

/** Slots of the data types of the last records, so that a record need not ask a map of all. */
final class RecentSlots<R> {

    /** A power of two. */
    private static final int SIZE = 16;

    private final ServingTable<R> table;
    private final DataToServe<R> dataToServe;
    private final boolean flushesByTimer;

    /** By hash of the data type. */
    private final Slot<R>[] slots;

    /** The same texts as the slots have, but the objects that records come with. */
    private final String[] dataTypes = new String[SIZE];

    /**
     * @param flushesByTimer whether a timer has to be armed that flushes what is counted, which
     *     takes the key of a record
     */
    @SuppressWarnings("unchecked")
    RecentSlots(ServingTable<R> table, DataToServe<R> dataToServe, boolean flushesByTimer) {
        this.table = table;
        this.dataToServe = dataToServe;
        this.flushesByTimer = flushesByTimer;
        slots = new Slot[SIZE];
    }

    /** The data type's slot if it is in memory. */
    Slot<R> find(String dataType) {
        int place = dataType.hashCode() & SIZE - 1;
        Slot<R> slot = slots[place];
        if (slot == null || dataType != dataTypes[place]) {
            slot = table.known(dataType);
            slots[place] = slot;
            dataTypes[place] = dataType;
        }
        return slot;
    }

    /**
     * The slot of a record that can be scored together with others; null when there is anything
     * else to do than to score it.
     */
    Slot<R> ready(R record) {
        String dataType;
        try {
            dataType = dataToServe.getType(record);
        } catch (RuntimeException e) {
            return null;
        }
        return dataType == null ? null : readyFor(dataType);
    }

    /** The same for a record of this data type. */
    Slot<R> readyFor(String dataType) {
        Slot<R> slot = find(dataType);
        if (slot == null || slot.active == null || flushesByTimer && !slot.flushArmed) {
            return null;
        }
        return slot.load != null && slot.load.isDone() ? null : slot;
    }

    /** To be called whenever slots come or go. */
    void clear() {
        Arrays.fill(slots, null);
    }
}
