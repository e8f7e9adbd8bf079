package io.flinkserving.functions;

import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.state.ServingState;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.ValueState;

/** The keyed state of the current key. */
final class KeyedStore implements ServingStore {

    private final ValueState<ServingState> serving;
    private final MapState<String, byte[]> bytes;
    private final ValueState<ModelToServeStats> stats;

    KeyedStore(
            ValueState<ServingState> serving,
            MapState<String, byte[]> bytes,
            ValueState<ModelToServeStats> stats) {
        this.serving = serving;
        this.bytes = bytes;
        this.stats = stats;
    }

    @Override
    public ServingState serving() throws Exception {
        return serving.value();
    }

    @Override
    public void serving(ServingState state) throws Exception {
        if (state == null) {
            serving.clear();
            bytes.clear();
            stats.clear();
        } else {
            serving.update(state);
        }
    }

    @Override
    public byte[] bytes(String key) throws Exception {
        return bytes.get(key);
    }

    @Override
    public void bytes(String key, byte[] value) throws Exception {
        if (value == null) {
            bytes.remove(key);
        } else {
            bytes.put(key, value);
        }
    }

    @Override
    public ModelToServeStats stats() throws Exception {
        return stats.value();
    }

    @Override
    public void stats(ModelToServeStats value) throws Exception {
        stats.update(value);
    }
}
