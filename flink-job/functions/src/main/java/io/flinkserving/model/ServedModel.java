package io.flinkserving.model;

import java.util.Objects;

/** Which model made a result, and what its outputs are. Immutable, shared by all results of it. */
public final class ServedModel {

    private final String dataType;
    private final String name;
    private final String version;
    private final int type;
    private final OutputSchema outputs;
    private final int hash;

    public ServedModel(
            String dataType, String name, String version, int type, OutputSchema outputs) {
        this.dataType = Objects.requireNonNull(dataType);
        this.name = Objects.requireNonNull(name);
        this.version = Objects.requireNonNull(version);
        this.type = type;
        this.outputs = Objects.requireNonNull(outputs);
        this.hash = Objects.hash(dataType, name, version, type, outputs);
    }

    public String dataType() {
        return dataType;
    }

    public String name() {
        return name;
    }

    public String version() {
        return version;
    }

    /** Number of the model type. */
    public int type() {
        return type;
    }

    public OutputSchema outputs() {
        return outputs;
    }

    @Override
    public boolean equals(Object other) {
        if (this == other) {
            return true;
        }
        if (!(other instanceof ServedModel)) {
            return false;
        }
        ServedModel that = (ServedModel) other;
        return hash == that.hash
                && type == that.type
                && dataType.equals(that.dataType)
                && name.equals(that.name)
                && version.equals(that.version)
                && outputs.equals(that.outputs);
    }

    @Override
    public int hashCode() {
        return hash;
    }

    @Override
    public String toString() {
        return name + " " + version + " for " + dataType;
    }
}
