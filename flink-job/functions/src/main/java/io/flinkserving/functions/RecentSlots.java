package io.flinkserving.functions;

import java.util.Arrays;

/** Slots of the data types of the last records, so that a record need not ask a map of all. */
final class RecentSlots<R> {

    /** A power of two. */
    private static final int SIZE = 16;

    private final ServingTable<R> table;

    /** By hash of the data type. */
    private final Slot<R>[] slots;

    /** The same texts as the slots have, but the objects that records come with. */
    private final String[] dataTypes = new String[SIZE];

    @SuppressWarnings("unchecked")
    RecentSlots(ServingTable<R> table) {
        this.table = table;
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

    /** To be called whenever slots come or go. */
    void clear() {
        Arrays.fill(slots, null);
    }
}
