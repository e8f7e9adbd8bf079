package io.flinkserving.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One record at a time, in and out, through the Java API of each engine, on one thread: this
 * library, JPMML-Evaluator and PMML4S with the PMML document; this library and onnxruntime with its
 * ONNX twin where there is one. Each model is measured in a JVM of its own, the engines in turn
 * within each round.
 */
final class ScoringBenchmark implements Benchmark {

    /** Name under which the JVM of one model is started. */
    static final String CHILD = "scoring-model";

    /** Which lines each ratio is of: ours, then the peer's. */
    private static final Map<String, String[]> RATIOS = ratios();

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
        RATIOS.forEach(
                (name, pair) -> {
                    Series ours = all.get(pair[0]);
                    Series theirs = all.get(pair[1]);
                    if (ours == null || theirs == null) {
                        return;
                    }
                    Report.Line line = report.add(ours.speedOver(theirs, prefix + name));
                    double goal = model.goals.getOrDefault(name, 0.0);
                    if (goal > 0) {
                        line.atLeast(goal);
                    }
                });
    }

    private static Map<String, String[]> ratios() {
        Map<String, String[]> ratios = new LinkedHashMap<>();
        ratios.put("to-jpmml", new String[] {"record", "jpmml"});
        ratios.put("to-pmml4s", new String[] {"record", "pmml4s"});
        ratios.put("onnx-to-pmml", new String[] {"onnx-record", "record"});
        for (String batch : new String[] {"", "-batch-" + ScoringRun.BATCH}) {
            String ours = batch.isEmpty() ? "record" : batch.substring(1);
            String theirs = "onnxruntime" + batch;
            ratios.put("to-" + theirs, new String[] {ours, theirs});
            ratios.put("onnx-to-" + theirs, new String[] {"onnx-" + ours, theirs});
        }
        return ratios;
    }
}
