package io.flinkserving.benchmarks.tensors;

import io.flinkserving.benchmarks.Answers;
import io.flinkserving.benchmarks.ChildJvm;
import io.flinkserving.benchmarks.Rounds;
import io.flinkserving.benchmarks.Settings;
import io.flinkserving.wire.FieldInfo;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/** Measures one network in this JVM: as ONNX, as a TensorFlow graph, or both. */
public final class TensorsRun {

    private static final int RECORDS = 64;

    private final Rounds rounds;

    private TensorsRun(Settings settings) {
        rounds = new Rounds(settings.rounds(), settings.quick() ? 100 : 300);
    }

    /** Closes nothing: the JVM ends with the measurement. */
    public static void run(Settings settings) throws Exception {
        TensorsRun run = new TensorsRun(settings);
        String name = settings.required("network");
        Path onnx = settings.tensors().resolve(name + TensorsBenchmark.ONNX);
        Path graph = settings.tensors().resolve(name + TensorsBenchmark.GRAPH);
        if (Files.exists(onnx)) {
            ServingTensors serving = new ServingTensors(ModelType.ONNX, onnx);
            TensorScorer peer = new OnnxTensors(onnx, shape(serving.input()));
            run.add("onnx", serving, "onnxruntime", peer);
        }
        if (Files.exists(graph)) {
            ServingTensors serving = new ServingTensors(ModelType.TENSORFLOW, graph);
            run.add("graph", serving, "tensorflow", tensorFlow(graph, serving));
        }
        Map<String, double[]> measured = new LinkedHashMap<>();
        run.rounds.run(RECORDS).forEach((line, series) -> measured.put(line, series.rounds()));
        ChildJvm.write(settings, measured);
    }

    /** Null where there is no TensorFlow for this kind of machine. */
    private static TensorScorer tensorFlow(Path graph, ServingTensors serving) throws Exception {
        try {
            return new TensorFlowTensors(
                    graph,
                    serving.input().getName(),
                    serving.output().getName(),
                    shape(serving.input()));
        } catch (LinkageError e) {
            System.err.println("    TensorFlow Java is not measured: " + e);
            return null;
        }
    }

    private static long[] shape(FieldInfo input) {
        long[] shape = new long[input.getShapeCount() + 1];
        shape[0] = 1;
        for (int i = 1; i < shape.length; i++) {
            shape[i] = input.getShape(i - 1);
        }
        return shape;
    }

    private void add(String ours, ServingTensors serving, String theirs, TensorScorer peer)
            throws Exception {
        float[][] records = records(serving.input().getWidth());
        float[] result = new float[serving.output().getWidth()];
        rounds.add(ours, () -> pass(serving, records, result));
        if (peer == null) {
            return;
        }
        float[] expected = new float[result.length];
        for (float[] record : records) {
            serving.score(record, result);
            peer.score(record, expected);
            Answers.requireClose(doubles(result), doubles(expected));
        }
        rounds.add(theirs, () -> pass(peer, records, expected));
    }

    /** Numbers as those of grey pixels between 0 and 1. */
    private static float[][] records(int width) {
        Random random = new Random(1);
        float[][] records = new float[RECORDS][width];
        for (float[] record : records) {
            for (int i = 0; i < width; i++) {
                record[i] = random.nextFloat();
            }
        }
        return records;
    }

    private static double pass(TensorScorer scorer, float[][] records, float[] result)
            throws Exception {
        double sum = 0;
        for (float[] record : records) {
            scorer.score(record, result);
            sum += result[0];
        }
        return sum;
    }

    private static double[] doubles(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }
}
