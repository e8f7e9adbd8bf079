package io.flinkserving.benchmarks.tensors;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.tensorflow.Graph;
import org.tensorflow.Result;
import org.tensorflow.Session;
import org.tensorflow.ndarray.Shape;
import org.tensorflow.ndarray.buffer.FloatDataBuffer;
import org.tensorflow.proto.ConfigProto;
import org.tensorflow.proto.GraphDef;
import org.tensorflow.types.TFloat32;

/**
 * TensorFlow Java with a frozen graph, on one thread; the input tensor is made once and filled anew
 * for each call.
 */
final class TensorFlowTensors implements TensorScorer {

    /** No thread of TensorFlow's own: the time that counts is that of the thread which calls. */
    private static final int CALLERS_THREAD = -1;

    private final Graph graph = new Graph();
    private final Session session;
    private final TFloat32 tensor;
    private final FloatDataBuffer input;
    private final String inputName;
    private final String outputName;

    /**
     * @param shape with the batch axis
     */
    TensorFlowTensors(Path file, String inputName, String outputName, long[] shape)
            throws IOException {
        this.inputName = inputName;
        this.outputName = outputName;
        graph.importGraphDef(GraphDef.parseFrom(Files.readAllBytes(file)));
        session =
                new Session(
                        graph,
                        ConfigProto.newBuilder()
                                .setIntraOpParallelismThreads(1)
                                .setInterOpParallelismThreads(CALLERS_THREAD)
                                .build());
        tensor = TFloat32.tensorOf(Shape.of(shape));
        input = tensor.asRawTensor().data().asFloats();
    }

    @Override
    public void score(float[] record, float[] result) {
        input.write(record);
        try (Result outputs = session.runner().feed(inputName, tensor).fetch(outputName).run()) {
            outputs.get(0).asRawTensor().data().asFloats().read(result);
        }
    }

    @Override
    public void close() {
        tensor.close();
        session.close();
        graph.close();
    }
}
