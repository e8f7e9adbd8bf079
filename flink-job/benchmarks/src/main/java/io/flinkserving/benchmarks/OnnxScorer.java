package io.flinkserving.benchmarks;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.flinkserving.wire.WineRecord;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;

/**
 * Scores wine records with onnxruntime on one thread, some number of records a call. The input
 * tensor is made once and its buffer filled anew for each call.
 */
public final class OnnxScorer implements AutoCloseable {

    private final OrtSession session;
    private final List<ToDoubleFunction<WineRecord>> fields = Wine.fieldsInOrder();
    private final FloatBuffer input;
    private final OnnxTensor tensor;
    private final Map<String, OnnxTensor> inputs;

    OnnxScorer(Path file, int batch) throws OrtException {
        session = open(file);
        input =
                ByteBuffer.allocateDirect(4 * batch * fields.size())
                        .order(ByteOrder.nativeOrder())
                        .asFloatBuffer();
        tensor =
                OnnxTensor.createTensor(
                        OrtEnvironment.getEnvironment(), input, new long[] {batch, fields.size()});
        inputs = Map.of(session.getInputNames().iterator().next(), tensor);
    }

    /** A session on one thread, with all optimizations. */
    public static OrtSession open(Path file) throws OrtException {
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1);
            options.setInterOpNumThreads(1);
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
            return OrtEnvironment.getEnvironment().createSession(file.toString(), options);
        }
    }

    void set(int row, WineRecord record) {
        int at = row * fields.size();
        for (ToDoubleFunction<WineRecord> field : fields) {
            input.put(at++, (float) field.applyAsDouble(record));
        }
    }

    /** The first output of the first record: the predicted number or class. */
    double run() throws OrtException {
        try (OrtSession.Result result = session.run(inputs)) {
            OnnxTensor first = (OnnxTensor) result.get(0);
            return first.getInfo().type == OnnxJavaType.FLOAT
                    ? first.getFloatBuffer().get(0)
                    : first.getLongBuffer().get(0);
        }
    }

    /** All outputs of the first record, one after the other. */
    double[] outputs() throws OrtException {
        DoubleStream.Builder values = DoubleStream.builder();
        try (OrtSession.Result result = session.run(inputs)) {
            for (Map.Entry<String, OnnxValue> output : result) {
                OnnxTensor value = (OnnxTensor) output.getValue();
                long[] shape = value.getInfo().getShape();
                int width = (int) (Arrays.stream(shape).reduce(1, (a, b) -> a * b) / shape[0]);
                boolean real = value.getInfo().type == OnnxJavaType.FLOAT;
                FloatBuffer floats = real ? value.getFloatBuffer() : null;
                LongBuffer longs = real ? null : value.getLongBuffer();
                for (int i = 0; i < width; i++) {
                    values.add(real ? floats.get(i) : longs.get(i));
                }
            }
        }
        return values.build().toArray();
    }

    @Override
    public void close() throws OrtException {
        tensor.close();
        session.close();
    }
}
