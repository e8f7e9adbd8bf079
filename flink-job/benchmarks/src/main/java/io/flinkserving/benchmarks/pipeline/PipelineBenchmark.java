package io.flinkserving.benchmarks.pipeline;

import io.flinkserving.benchmarks.Benchmark;
import io.flinkserving.benchmarks.Report;
import io.flinkserving.benchmarks.Series;
import io.flinkserving.benchmarks.Settings;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Throughput of a job on a MiniCluster, parallelism 1, object reuse: source, operator, sink. Each
 * measurement is a JVM of its own, as a TaskManager of one job is: in a JVM that has run other
 * variants before, call sites within Flink are compiled for all of their operators at once.
 */
public final class PipelineBenchmark implements Benchmark {

    /** Name under which the JVM of one measurement is started. */
    public static final String CHILD = "pipeline-variant";

    private static final double SHARE_OF_IDENTITY = 0.5;
    private static final double TIMES_PARSE = 1;
    private static final double TIMES_JPMML = 8;

    private static final int CHILD_MINUTES = 3;

    @Override
    public void run(Settings settings, Report report) throws Exception {
        Map<Variant, double[]> keyed = new EnumMap<>(Variant.class);
        Map<Variant, double[]> partitioned = new EnumMap<>(Variant.class);
        for (Variant variant : Variant.values()) {
            keyed.put(variant, new double[settings.rounds()]);
            partitioned.put(variant, new double[settings.rounds()]);
        }
        for (int round = 0; round < settings.rounds(); round++) {
            for (Variant variant : Variant.values()) {
                keyed.get(variant)[round] = measure(settings, variant, true);
            }
            for (Variant variant : Variant.values()) {
                partitioned.get(variant)[round] = measure(settings, variant, false);
            }
            System.err.printf("    round %d of %d%n", round + 1, settings.rounds());
        }
        report("pipeline.keyed.", keyed, report);
        report("pipeline.partitioned.", partitioned, report);
    }

    private static void report(String prefix, Map<Variant, double[]> measured, Report report) {
        Map<Variant, Series> series = new EnumMap<>(Variant.class);
        measured.forEach(
                (variant, rounds) ->
                        series.put(
                                variant,
                                new Series(prefix + variant.label(), "ns/record", rounds)));
        series.values().forEach(report::add);
        Series ours = series.get(Variant.SERVING);
        report.add(ours.speedOver(series.get(Variant.IDENTITY), prefix + "serving-to-identity"))
                .atLeast(SHARE_OF_IDENTITY);
        report.add(ours.speedOver(series.get(Variant.PARSE), prefix + "serving-to-parse"))
                .atLeast(TIMES_PARSE);
        report.add(ours.speedOver(series.get(Variant.JPMML), prefix + "serving-to-jpmml"))
                .atLeast(TIMES_JPMML);
    }

    /** Nanoseconds per record of one variant in a new JVM. */
    private static double measure(Settings settings, Variant variant, boolean keyed)
            throws IOException, InterruptedException {
        Path result = Files.createTempFile("pipeline-", ".txt");
        List<String> command = new ArrayList<>();
        command.add(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
        command.addAll(List.of("-Xms2g", "-Xmx2g"));
        String library = System.getProperty("flinkserving.library.path", "");
        if (!library.isEmpty()) {
            command.add("-Dflinkserving.library.path=" + library);
        }
        command.addAll(List.of("-jar", System.getProperty("java.class.path"), CHILD));
        command.addAll(settings.with("out", result.toString()));
        command.addAll(List.of("--variant", variant.name(), "--keyed", Boolean.toString(keyed)));
        Process child = new ProcessBuilder(command).inheritIO().start();
        try {
            if (!child.waitFor(CHILD_MINUTES, TimeUnit.MINUTES)) {
                throw new IOException(variant + " did not end within " + CHILD_MINUTES + " minutes");
            }
            if (child.exitValue() != 0) {
                throw new IOException(variant + " ended with exit code " + child.exitValue());
            }
            return Double.parseDouble(Files.readString(result));
        } finally {
            child.destroyForcibly();
            Files.delete(result);
        }
    }

    /** Measures one variant in this JVM. */
    public static void runChild(Settings settings) throws Exception {
        Variant variant = Variant.valueOf(settings.required("variant"));
        boolean keyed = Boolean.parseBoolean(settings.required("keyed"));
        double nanos = new Measurement(settings).run(variant, keyed);
        Files.writeString(settings.out(), Double.toString(nanos));
    }
}
