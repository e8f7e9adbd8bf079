package io.flinkserving.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One record at a time, in and out, through the Java API of each engine, on one thread: this
 * library, JPMML-Evaluator, PMML4S, and onnxruntime where the model has an ONNX twin. Each model is
 * measured in a JVM of its own, the engines in turn within each round.
 */
final class ScoringBenchmark implements Benchmark {

    /** Name under which the JVM of one model is started. */
    static final String CHILD = "scoring-model";

    @Override
    public void run(Settings settings, Report report) throws Exception {
        for (BenchModel model : BenchModel.in(settings.models())) {
            Map<String, Series> measured = new LinkedHashMap<>();
            ChildJvm.run(CHILD, settings, Map.of("bench-model", model.name()))
                    .forEach(
                            (name, rounds) ->
                                    measured.put(name, new Series(name, "ns/record", rounds)));
            System.err.printf("    %s%n", model.label);
            report(model, measured, report);
        }
    }

    private static void report(BenchModel model, Map<String, Series> all, Report report) {
        String prefix = "scoring." + model.label + ".";
        all.forEach((name, series) -> report.add(series.named(prefix + name)));
        ratio(prefix + "to-jpmml", all, "record", "jpmml", model.timesJpmml, report);
        ratio(prefix + "to-pmml4s", all, "record", "pmml4s", 0, report);
        ratio(prefix + "to-onnxruntime", all, "record", "onnxruntime", model.timesOnnx, report);
        ratio(
                prefix + "to-onnxruntime-batch-64",
                all,
                "batch-64",
                "onnxruntime-batch-64",
                model.timesOnnxBatch,
                report);
    }

    private static void ratio(
            String name,
            Map<String, Series> all,
            String ours,
            String theirs,
            double goal,
            Report report) {
        Series peer = all.get(theirs);
        if (peer == null) {
            return;
        }
        Report.Line line = report.add(all.get(ours).speedOver(peer, name));
        if (goal > 0) {
            line.atLeast(goal);
        }
    }
}
