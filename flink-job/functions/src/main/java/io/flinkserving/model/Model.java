package io.flinkserving.model;

import io.flinkserving.data.DataToServe;

/**
 * A model that is ready to score, in memory. Immutable; any thread may use it. It never goes into
 * Flink's state; its bytes do.
 */
public interface Model extends AutoCloseable {

    /** Number of the model type, as in {@code ModelDescriptor.modeltype}. */
    int getType();

    /**
     * What {@link ModelFactory#restore} makes the same model from.
     *
     * @throws ModelException when they can't be had
     */
    byte[] toBytes() throws ModelException;

    /**
     * Memory that the model occupies, in bytes; counts against {@code model-serving.native-memory}.
     */
    long nativeBytes();

    /**
     * Opens a scorer for records of this kind.
     *
     * @param model whose bindings of inputs and outputs it keeps
     * @throws ModelException {@code BINDING_FAILED} when the record's fields and the model's inputs
     *     do not fit
     */
    <R> Scorer<R> open(ModelToServe model, DataToServe<R> data) throws ModelException;

    /** Frees the model; again: does nothing. Scorers that are open go on. */
    @Override
    void close();
}
