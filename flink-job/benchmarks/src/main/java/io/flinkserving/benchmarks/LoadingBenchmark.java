package io.flinkserving.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How fast a PMML document becomes a model that scores, how many bytes the model then occupies, and
 * how many it takes meanwhile. Each document is measured in a JVM of its own.
 */
final class LoadingBenchmark implements Benchmark {

    /** Name under which the JVM of one document is started. */
    static final String CHILD = "loading-model";

    /** The same for {@link PeakRun}. */
    static final String PEAK_CHILD = "loading-peak";

    private static final double TIMES_JPMML = 10;
    private static final double PART_OF_JPMML = 0.5;
    private static final double PART_OF_PMML4S = 0.1;
    private static final double TIMES_FILE = 2;

    /** Below this the fixed cost of a model, its names above all, is what is compared. */
    private static final long ENSEMBLE_BYTES = 1 << 20;

    @Override
    public void run(Settings settings, Report report) throws Exception {
        for (BenchModel model : BenchModel.in(settings.models())) {
            Map<String, double[]> all =
                    ChildJvm.run(CHILD, settings, Map.of("bench-model", model.name()));
            System.err.printf("    %s%n", model.label);
            boolean ensemble = all.get("file-bytes")[0] >= ENSEMBLE_BYTES;
            report(model, all, ensemble, report);
            if (ensemble) {
                peak(model, settings, report);
            }
        }
    }

    /** A process for each round: it has a first load only once. */
    private static void peak(BenchModel model, Settings settings, Report report) throws Exception {
        String prefix = "loading." + model.label + ".";
        Map<String, double[]> rounds = new LinkedHashMap<>();
        for (int round = 0; round < settings.rounds(); round++) {
            int index = round;
            ChildJvm.run(PEAK_CHILD, settings, Map.of("bench-model", model.name()), "-Xint")
                    .forEach(
                            (name, value) ->
                                    rounds.computeIfAbsent(
                                                    name, key -> new double[settings.rounds()])
                                            [index] =
                                            value[0]);
        }
        rounds.forEach(
                (name, values) -> {
                    Report.Line line = report.add(new Series(prefix + name, "x", values));
                    if (name.equals("peak-to-file")) {
                        line.atMost(TIMES_FILE);
                    }
                });
    }

    private static void report(
            BenchModel model, Map<String, double[]> all, boolean ensemble, Report report) {
        String prefix = "loading." + model.label + ".";
        Map<String, Series> times = new LinkedHashMap<>();
        for (String name : new String[] {"load", "jpmml", "pmml4s"}) {
            Series series = new Series(prefix + name, "ms", all.get(name));
            times.put(name, series);
            report.add(series);
        }
        report.add(times.get("load").speedOver(times.get("jpmml"), prefix + "to-jpmml"))
                .atLeast(TIMES_JPMML);
        report.add(times.get("load").speedOver(times.get("pmml4s"), prefix + "to-pmml4s"));
        Series bytes = new Series(prefix + "bytes", "kB", all.get("bytes"));
        report.add(bytes);
        part(prefix, "bytes-stored", all, report);
        Series jpmml = part(prefix, "bytes-jpmml", all, report);
        Series pmml4s = part(prefix, "bytes-pmml4s", all, report);
        Report.Line toJpmml = report.add(bytes.shareOf(jpmml, prefix + "bytes-to-jpmml"));
        Report.Line toPmml4s = report.add(bytes.shareOf(pmml4s, prefix + "bytes-to-pmml4s"));
        if (ensemble) {
            toJpmml.atMost(PART_OF_JPMML);
            toPmml4s.atMost(PART_OF_PMML4S);
        }
    }

    private static Series part(
            String prefix, String name, Map<String, double[]> all, Report report) {
        Series series = new Series(prefix + name, "kB", all.get(name));
        report.add(series);
        return series;
    }
}
