package io.flinkserving.model;

import io.flinkserving.wire.FieldType;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** One output of a model. Immutable. */
public final class OutputField {

    private final String name;
    private final FieldType type;
    private final int width;
    private final String[] labels;

    /**
     * @param type what the values usually are; {@code FIELD_TYPE_UNSPECIFIED} when it differs
     * @param width values per record, at least 1; above 1 the output is a tensor
     * @param labels every string that a label code of this output stands for
     */
    public OutputField(String name, FieldType type, int width, List<String> labels) {
        if (width < 1) {
            throw new IllegalArgumentException("width of output " + name + " is " + width);
        }
        this.name = Objects.requireNonNull(name);
        this.type = Objects.requireNonNull(type);
        this.width = width;
        this.labels = labels.toArray(new String[0]);
    }

    /** An output with one value and no labels. */
    public static OutputField of(String name, FieldType type) {
        return new OutputField(name, type, 1, List.of());
    }

    public String name() {
        return name;
    }

    public FieldType type() {
        return type;
    }

    public int width() {
        return width;
    }

    public List<String> labels() {
        return List.of(labels);
    }

    String label(long code) {
        if (code < 0 || code >= labels.length) {
            throw new IllegalStateException("output " + name + " has no label " + code);
        }
        return labels[(int) code];
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof OutputField)) {
            return false;
        }
        OutputField that = (OutputField) other;
        return name.equals(that.name)
                && type == that.type
                && width == that.width
                && Arrays.equals(labels, that.labels);
    }

    @Override
    public int hashCode() {
        return Objects.hash(name, type, width, Arrays.hashCode(labels));
    }

    @Override
    public String toString() {
        return width == 1 ? name + " " + type : name + " " + type + "[" + width + "]";
    }
}
