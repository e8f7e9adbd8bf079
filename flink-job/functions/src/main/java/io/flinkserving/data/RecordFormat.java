package io.flinkserving.data;

import java.io.Serializable;

/**
 * How a record's fields reach a model: {@link ProtobufFormat} when the record is, or has, the bytes
 * of a protobuf message; {@link PackedFormat} for everything else. There are no others.
 */
public abstract class RecordFormat<R> implements Serializable {

    private static final long serialVersionUID = 1L;

    RecordFormat() {}

    /** The record for an error, see {@link DataToServe#getInput}. */
    public abstract byte[] toInput(R record);
}
