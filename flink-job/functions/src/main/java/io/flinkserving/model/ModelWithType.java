package io.flinkserving.model;

import io.flinkserving.state.ServingTypes;
import java.util.Arrays;
import java.util.Objects;
import org.apache.flink.api.common.typeinfo.TypeInfo;

/**
 * The stored bytes of a model together with the data type that it serves: how the partitioned join
 * keeps a model in its state. Immutable.
 */
@TypeInfo(ServingTypes.OfModelWithType.class)
public final class ModelWithType {

    private final String dataType;
    private final String key;
    private final byte[] bytes;

    /**
     * @param key under which the serving state of the data type refers to the bytes
     * @param bytes not copied
     */
    public ModelWithType(String dataType, String key, byte[] bytes) {
        this.dataType = Objects.requireNonNull(dataType);
        this.key = Objects.requireNonNull(key);
        this.bytes = Objects.requireNonNull(bytes);
    }

    public String dataType() {
        return dataType;
    }

    public String key() {
        return key;
    }

    /** Not a copy. */
    public byte[] bytes() {
        return bytes;
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof ModelWithType)) {
            return false;
        }
        ModelWithType that = (ModelWithType) other;
        return dataType.equals(that.dataType)
                && key.equals(that.key)
                && Arrays.equals(bytes, that.bytes);
    }

    @Override
    public int hashCode() {
        return Objects.hash(dataType, key, Arrays.hashCode(bytes));
    }

    @Override
    public String toString() {
        return key + " for " + dataType + ", " + bytes.length + " bytes";
    }
}
