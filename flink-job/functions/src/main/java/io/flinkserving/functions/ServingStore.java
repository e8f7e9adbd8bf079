package io.flinkserving.functions;

import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.state.ServingState;

/** The state of one data type, wherever a join keeps it. */
interface ServingStore {

    /** Null when there is none. */
    ServingState serving() throws Exception;

    /** Null: forget it, the stats too. */
    void serving(ServingState state) throws Exception;

    /** Null when there are none. */
    byte[] bytes(String key) throws Exception;

    /** Null: forget them. */
    void bytes(String key, byte[] value) throws Exception;

    /** Null when there are none. */
    ModelToServeStats stats() throws Exception;

    void stats(ModelToServeStats stats) throws Exception;
}
