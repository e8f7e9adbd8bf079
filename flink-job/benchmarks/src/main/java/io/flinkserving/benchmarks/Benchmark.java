package io.flinkserving.benchmarks;

/** One name of {@code scripts/bench}. */
public interface Benchmark {

    /** Measures, and adds its lines to the report. */
    void run(Settings settings, Report report) throws Exception;
}
