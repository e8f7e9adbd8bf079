package io.flinkserving.benchmarks;

import io.flinkserving.benchmarks.pipeline.PipelineBenchmark;
import io.flinkserving.benchmarks.tensors.TensorsBenchmark;
import io.flinkserving.benchmarks.tensors.TensorsRun;
import java.util.Map;

/**
 * Runs one benchmark: {@code java -jar flink-serving-benchmarks.jar NAME --out FILE ...}, see
 * {@link Settings}. A benchmark that needs JVMs of its own starts this class again with another
 * name.
 */
public final class Benchmarks {

    /** The one place where benchmarks of Java are registered. */
    private static final Map<String, Benchmark> ALL =
            Map.of(
                    "boundary", new BoundaryBenchmark(),
                    "scoring", new ScoringBenchmark(),
                    "loading", new LoadingBenchmark(),
                    "tensors", new TensorsBenchmark(),
                    "pipeline", new PipelineBenchmark());

    /** What runs in a JVM of its own, by the name under which that is started. */
    private static final Map<String, Part> PARTS =
            Map.of(
                    PipelineBenchmark.CHILD, PipelineBenchmark::runChild,
                    ScoringBenchmark.CHILD, ScoringRun::run,
                    LoadingBenchmark.CHILD, LoadingRun::run,
                    LoadingBenchmark.PEAK_CHILD, PeakRun::run,
                    TensorsBenchmark.CHILD, TensorsRun::run);

    private interface Part {
        void run(Settings settings) throws Exception;
    }

    private Benchmarks() {}

    public static void main(String[] arguments) throws Exception {
        Part part = arguments.length == 0 ? null : PARTS.get(arguments[0]);
        if (part != null) {
            part.run(Settings.parse(arguments));
            return;
        }
        Benchmark benchmark = arguments.length == 0 ? null : ALL.get(arguments[0]);
        if (benchmark == null) {
            System.err.println("which benchmark? one of " + ALL.keySet());
            System.exit(2);
        }
        Settings settings = Settings.parse(arguments);
        Report report = new Report();
        benchmark.run(settings, report);
        report.write(settings.out());
    }
}
