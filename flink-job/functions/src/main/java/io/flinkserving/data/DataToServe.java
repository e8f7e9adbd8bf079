package io.flinkserving.data;

import java.io.Serializable;

/**
 * How records of type {@code R} are served: which data type they belong to, who they are, and how
 * their fields reach a model. One instance is serialized into the job and used by one thread per
 * subtask.
 *
 * <p>A method that throws a {@link RuntimeException} makes the record fail with {@code
 * RECORD_UNREADABLE}; the job goes on.
 */
public interface DataToServe<R> extends Serializable {

    /**
     * Data type of the record: the model that serves this data type scores it. Null or empty: the
     * record fails with {@code DATA_TYPE_MISSING}. Called for each record, in some jobs twice, so
     * it should be cheap; see {@link ProtobufStringField}.
     */
    String getType(R record);

    /** Identity of the record in results and errors, or null when it has none. */
    default String getId(R record) {
        return null;
    }

    /**
     * How the fields of the record reach a model of the native library. Called by loader threads
     * too.
     */
    RecordFormat<R> format();

    /**
     * The record itself for an error: its bytes as somebody would want to see or replay them.
     * Called only for records that fail.
     *
     * @return null when there is nothing to show
     */
    default byte[] getInput(R record) {
        return format().toInput(record);
    }
}
