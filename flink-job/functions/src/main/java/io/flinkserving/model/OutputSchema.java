package io.flinkserving.model;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The outputs of a scorer. Slot i is the i-th output; each output has as many cells as it is wide,
 * one after the other. Immutable, shared by all results of a scorer.
 */
public final class OutputSchema {

    private final OutputField[] fields;
    private final int[] offsets;
    private final Map<String, Integer> slots;

    private OutputSchema(List<OutputField> outputs) {
        fields = outputs.toArray(new OutputField[0]);
        offsets = new int[fields.length + 1];
        slots = new HashMap<>();
        for (int i = 0; i < fields.length; i++) {
            offsets[i + 1] = Math.addExact(offsets[i], fields[i].width());
            slots.putIfAbsent(fields[i].name(), i);
        }
    }

    public static OutputSchema of(List<OutputField> outputs) {
        return new OutputSchema(outputs);
    }

    public static OutputSchema of(OutputField... outputs) {
        return new OutputSchema(List.of(outputs));
    }

    public int size() {
        return fields.length;
    }

    public OutputField field(int slot) {
        return fields[slot];
    }

    public List<OutputField> fields() {
        return List.of(fields);
    }

    /** Slot of the output, the first of equal names; -1 when there is none. */
    public int slot(String name) {
        return slots.getOrDefault(name, -1);
    }

    /** First cell of the slot. */
    int offset(int slot) {
        return offsets[slot];
    }

    int cells() {
        return offsets[fields.length];
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof OutputSchema
                && Arrays.equals(fields, ((OutputSchema) other).fields);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(fields);
    }

    @Override
    public String toString() {
        return Arrays.toString(fields);
    }
}
