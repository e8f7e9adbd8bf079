package io.flinkserving.benchmarks.tensors;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.flinkserving.benchmarks.OnnxScorer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;

/** onnxruntime; the input tensor is made once and its buffer filled anew for each call. */
final class OnnxTensors implements TensorScorer {

    private final OrtSession session;
    private final FloatBuffer input;
    private final OnnxTensor tensor;
    private final Map<String, OnnxTensor> inputs;

    /**
     * @param shape with the batch axis
     */
    OnnxTensors(Path file, long[] shape) throws OrtException {
        session = OnnxScorer.open(file);
        int elements = 1;
        for (long size : shape) {
            elements *= (int) size;
        }
        input =
                ByteBuffer.allocateDirect(4 * elements)
                        .order(ByteOrder.nativeOrder())
                        .asFloatBuffer();
        tensor = OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), input, shape);
        inputs = Map.of(session.getInputNames().iterator().next(), tensor);
    }

    @Override
    public void score(float[] record, float[] result) throws OrtException {
        input.clear();
        input.put(record);
        try (OrtSession.Result outputs = session.run(inputs)) {
            ((OnnxTensor) outputs.get(0)).getFloatBuffer().get(result);
        }
    }

    @Override
    public void close() throws OrtException {
        tensor.close();
        session.close();
    }
}
