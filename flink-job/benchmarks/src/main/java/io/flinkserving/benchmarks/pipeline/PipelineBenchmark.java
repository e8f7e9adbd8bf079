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
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

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
        Map<Variant, Sample[]> keyed = new EnumMap<>(Variant.class);
        Map<Variant, Sample[]> partitioned = new EnumMap<>(Variant.class);
        for (Variant variant : Variant.values()) {
            keyed.put(variant, new Sample[settings.rounds()]);
            partitioned.put(variant, new Sample[settings.rounds()]);
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

    private static void report(String prefix, Map<Variant, Sample[]> measured, Report report) {
        Map<Variant, Series> elapsed = new EnumMap<>(Variant.class);
        measured.forEach(
                (variant, samples) -> {
                    String name = prefix + variant.label();
                    elapsed.put(variant, series(name, samples, sample -> sample.elapsed));
                    report.add(elapsed.get(variant));
                    report.add(series(name + ".busiest-task", samples, sample -> sample.busiest));
                });
        report.add(
                series(
                        prefix + "source-task",
                        measured.get(Variant.SERVING),
                        sample -> sample.source));
        Series ours = elapsed.get(Variant.SERVING);
        report.add(ours.speedOver(elapsed.get(Variant.IDENTITY), prefix + "serving-to-identity"))
                .atLeast(SHARE_OF_IDENTITY);
        report.add(ours.speedOver(elapsed.get(Variant.PARSE), prefix + "serving-to-parse"))
                .atLeast(TIMES_PARSE);
        report.add(ours.speedOver(elapsed.get(Variant.JPMML), prefix + "serving-to-jpmml"))
                .atLeast(TIMES_JPMML);
    }

    private static Series series(String name, Sample[] samples, ToDoubleFunction<Sample> value) {
        return new Series(name, "ns/record", Arrays.stream(samples).mapToDouble(value).toArray());
    }

    /** One variant in a new JVM. */
    private static Sample measure(Settings settings, Variant variant, boolean keyed)
            throws IOException, InterruptedException {
        Path result = Files.createTempFile("pipeline-", ".txt");
        List<String> command = new ArrayList<>();
        command.add(
                System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
        // Pre-touched, else the first pass over the heap is page faults for whoever allocates most.
        command.addAll(List.of("-Xms1g", "-Xmx1g", "-XX:+AlwaysPreTouch"));
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
                throw new IOException(
                        variant + " did not end within " + CHILD_MINUTES + " minutes");
            }
            if (child.exitValue() != 0) {
                throw new IOException(variant + " ended with exit code " + child.exitValue());
            }
            return Sample.parse(Files.readString(result));
        } finally {
            child.destroyForcibly();
            Files.delete(result);
        }
    }

    /** Measures one variant in this JVM. */
    public static void runChild(Settings settings) throws Exception {
        Variant variant = Variant.valueOf(settings.required("variant"));
        boolean keyed = Boolean.parseBoolean(settings.required("keyed"));
        Sample sample = new Measurement(settings).run(variant, keyed);
        Files.writeString(settings.out(), sample.toString());
    }
}
