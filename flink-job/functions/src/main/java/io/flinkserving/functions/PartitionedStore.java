package io.flinkserving.functions;

import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.state.ServingState;
import java.util.HashMap;
import java.util.Map;

/** The state of one data type in memory; {@link DataProcessorMap} writes it to checkpoints. */
final class PartitionedStore implements ServingStore {

    private ServingState serving;
    private ModelToServeStats stats;
    private final Map<String, byte[]> bytes = new HashMap<>();

    @Override
    public ServingState serving() {
        return serving;
    }

    @Override
    public void serving(ServingState state) {
        serving = state;
        if (state == null) {
            bytes.clear();
            stats = null;
        }
    }

    @Override
    public byte[] bytes(String key) {
        return bytes.get(key);
    }

    @Override
    public void bytes(String key, byte[] value) {
        if (value == null) {
            bytes.remove(key);
        } else {
            bytes.put(key, value);
        }
    }

    Map<String, byte[]> allBytes() {
        return bytes;
    }

    @Override
    public ModelToServeStats stats() {
        return stats;
    }

    @Override
    public void stats(ModelToServeStats value) {
        stats = value;
    }
}
