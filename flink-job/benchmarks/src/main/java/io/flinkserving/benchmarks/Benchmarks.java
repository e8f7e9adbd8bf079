package io.flinkserving.benchmarks;

import io.flinkserving.benchmarks.pipeline.PipelineBenchmark;
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
                    "pipeline", new PipelineBenchmark());

    private Benchmarks() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0 && arguments[0].equals(PipelineBenchmark.CHILD)) {
            PipelineBenchmark.runChild(Settings.parse(arguments));
            return;
        }
        if (arguments.length > 0 && arguments[0].equals(ScoringBenchmark.CHILD)) {
            ScoringRun.run(Settings.parse(arguments));
            return;
        }
        if (arguments.length > 0 && arguments[0].equals(LoadingBenchmark.CHILD)) {
            LoadingRun.run(Settings.parse(arguments));
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
