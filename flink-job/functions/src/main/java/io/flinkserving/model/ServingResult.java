package io.flinkserving.model;

import io.flinkserving.boundary.CellTag;
import io.flinkserving.state.ServingTypes;
import java.util.Arrays;
import java.util.Objects;
import org.apache.flink.api.common.typeinfo.TypeInfo;

/**
 * The score of one record. Immutable. Outputs are read by slot, which is cheap, or by name. A
 * getter for a number converts between numeric types; it throws {@link IllegalStateException} for a
 * missing output or one of another kind, {@link IllegalArgumentException} for a name that the model
 * does not have.
 */
@TypeInfo(ServingTypes.OfResult.class)
public final class ServingResult extends ServingOutcome {

    private final String recordId;
    private final ServedModel model;
    private final long durationNanos;
    private final byte[] tags;
    private final long[] cells;
    private final String[] texts;

    private ServingResult(
            String recordId,
            ServedModel model,
            long durationNanos,
            byte[] tags,
            long[] cells,
            String[] texts) {
        this.recordId = recordId;
        this.model = model;
        this.durationNanos = durationNanos;
        this.tags = tags;
        this.cells = cells;
        this.texts = texts;
    }

    static ServingResult of(String recordId, ServedModel model, long nanos, Outputs outputs) {
        return new ServingResult(
                recordId, model, nanos, outputs.tags(), outputs.cells(), outputs.texts());
    }

    /** A result from parts that fit each other. */
    static ServingResult ofRow(
            String recordId,
            ServedModel model,
            long durationNanos,
            byte[] tags,
            long[] cells,
            String[] texts) {
        return new ServingResult(recordId, model, durationNanos, tags, cells, texts);
    }

    /**
     * A result from its parts, for deserializers.
     *
     * @param tags of each cell, as in the boundary's output buffer; not copied
     * @param cells of all outputs in order; not copied
     * @param texts that cells with the tag of a text refer to by index; not copied
     */
    public static ServingResult ofCells(
            String recordId,
            ServedModel model,
            long durationNanos,
            byte[] tags,
            long[] cells,
            String[] texts) {
        int count = model.outputs().cells();
        if (tags.length != count || cells.length != count) {
            throw new IllegalArgumentException(
                    tags.length + " tags and " + cells.length + " cells for " + model.outputs());
        }
        return new ServingResult(recordId, model, durationNanos, tags, cells, texts);
    }

    @Override
    public String recordId() {
        return recordId;
    }

    @Override
    public String dataType() {
        return model.dataType();
    }

    public ServedModel model() {
        return model;
    }

    public String modelName() {
        return model.name();
    }

    public String modelVersion() {
        return model.version();
    }

    public OutputSchema outputs() {
        return model.outputs();
    }

    /**
     * Time inside the scoring library, nanoseconds; of records that were scored in one call, each
     * one's share.
     */
    public long durationNanos() {
        return durationNanos;
    }

    public boolean isMissing(int slot) {
        return tag(slot, 0) == CellTag.MISSING;
    }

    public boolean isMissing(String name) {
        return isMissing(slot(name));
    }

    public double getDouble(int slot) {
        return getDouble(slot, 0);
    }

    public double getDouble(String name) {
        return getDouble(slot(name));
    }

    /** One element of a tensor. */
    public double getDouble(int slot, int element) {
        long bits = cell(slot, element);
        switch (tag(slot, element)) {
            case CellTag.DOUBLE:
                return Double.longBitsToDouble(bits);
            case CellTag.FLOAT:
                return Float.intBitsToFloat((int) bits);
            case CellTag.LONG:
                return bits;
            default:
                throw notA("number", slot);
        }
    }

    public float getFloat(int slot) {
        return tag(slot, 0) == CellTag.FLOAT
                ? Float.intBitsToFloat((int) cell(slot, 0))
                : (float) getDouble(slot);
    }

    public float getFloat(String name) {
        return getFloat(slot(name));
    }

    public long getLong(int slot) {
        return tag(slot, 0) == CellTag.LONG ? cell(slot, 0) : (long) getDouble(slot);
    }

    public long getLong(String name) {
        return getLong(slot(name));
    }

    public boolean getBoolean(int slot) {
        if (tag(slot, 0) != CellTag.BOOLEAN) {
            throw notA("boolean", slot);
        }
        return cell(slot, 0) != 0;
    }

    public boolean getBoolean(String name) {
        return getBoolean(slot(name));
    }

    public String getString(int slot) {
        Object value = get(slot, 0);
        if (!(value instanceof String)) {
            throw notA("string", slot);
        }
        return (String) value;
    }

    public String getString(String name) {
        return getString(slot(name));
    }

    /** All elements of a numeric output; a missing element is NaN. */
    public double[] getDoubles(int slot) {
        double[] values = new double[outputs().field(slot).width()];
        for (int i = 0; i < values.length; i++) {
            values[i] = tag(slot, i) == CellTag.MISSING ? Double.NaN : getDouble(slot, i);
        }
        return values;
    }

    public double[] getDoubles(String name) {
        return getDoubles(slot(name));
    }

    /**
     * The value as Double, Float, Long, Boolean or String, null when it is missing; the first
     * element of a tensor.
     */
    public Object get(int slot) {
        return get(slot, 0);
    }

    public Object get(String name) {
        return get(slot(name));
    }

    /** One element, as {@link #get(int)} gives it. */
    public Object get(int slot, int element) {
        long bits = cell(slot, element);
        switch (tag(slot, element)) {
            case CellTag.DOUBLE:
                return Double.longBitsToDouble(bits);
            case CellTag.FLOAT:
                return Float.intBitsToFloat((int) bits);
            case CellTag.LONG:
                return bits;
            case CellTag.BOOLEAN:
                return bits != 0;
            case CellTag.TEXT:
                return texts[(int) bits];
            case CellTag.LABEL:
                return outputs().field(slot).label(bits);
            default:
                return null;
        }
    }

    /** The same as a message of {@code serving_result.proto}. */
    public io.flinkserving.wire.ServingResult toProto() {
        return ResultWire.toProto(this);
    }

    /** What {@link #toProto()} can carry: strings for labels, and no type for missing outputs. */
    public static ServingResult fromProto(io.flinkserving.wire.ServingResult message) {
        return ResultWire.fromProto(message);
    }

    private int slot(String name) {
        int slot = outputs().slot(name);
        if (slot < 0) {
            throw new IllegalArgumentException("no output " + name + " in " + outputs());
        }
        return slot;
    }

    byte tag(int slot, int element) {
        return tags[index(slot, element)];
    }

    private long cell(int slot, int element) {
        return cells[index(slot, element)];
    }

    private int index(int slot, int element) {
        if (element < 0 || element >= outputs().field(slot).width()) {
            throw new IndexOutOfBoundsException(
                    "element " + element + " of output " + outputs().field(slot));
        }
        return outputs().offset(slot) + element;
    }

    private IllegalStateException notA(String kind, int slot) {
        return new IllegalStateException(
                "output " + outputs().field(slot).name() + " is not a " + kind + ": " + get(slot));
    }

    /** The tags of all cells, not a copy; for serializers. */
    public byte[] tags() {
        return tags;
    }

    /** The bits of all cells, not a copy; for serializers. */
    public long[] cells() {
        return cells;
    }

    /** The texts that cells refer to, not a copy; for serializers. */
    public String[] texts() {
        return texts;
    }

    @Override
    public boolean equals(Object other) {
        if (this == other) {
            return true;
        }
        if (!(other instanceof ServingResult)) {
            return false;
        }
        ServingResult that = (ServingResult) other;
        return durationNanos == that.durationNanos
                && Objects.equals(recordId, that.recordId)
                && model.equals(that.model)
                && Arrays.equals(tags, that.tags)
                && Arrays.equals(cells, that.cells)
                && Arrays.equals(texts, that.texts);
    }

    @Override
    public int hashCode() {
        int hash = Objects.hash(recordId, model, durationNanos);
        hash = 31 * hash + Arrays.hashCode(tags);
        hash = 31 * hash + Arrays.hashCode(cells);
        return 31 * hash + Arrays.hashCode(texts);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("ServingResult{");
        text.append(recordId).append(" by ").append(model).append(':');
        for (int slot = 0; slot < outputs().size(); slot++) {
            OutputField field = outputs().field(slot);
            text.append(' ').append(field.name()).append('=');
            if (field.width() == 1) {
                text.append(get(slot));
            } else {
                Object[] values = new Object[field.width()];
                for (int i = 0; i < values.length; i++) {
                    values[i] = get(slot, i);
                }
                text.append(Arrays.toString(values));
            }
        }
        return text.append('}').toString();
    }
}
