package io.flinkserving.benchmarks.tensors;

/** A model with one input tensor and one output tensor, both of floats, one record a call. */
interface TensorScorer extends AutoCloseable {

    /**
     * @param record the elements of the input in row-major order
     * @param result takes those of the output
     */
    void score(float[] record, float[] result) throws Exception;
}
