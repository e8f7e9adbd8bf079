package io.flinkserving.benchmarks.pipeline;

/** One measurement of one variant, nanoseconds per record. */
final class Sample {

    /** From record to record at the sink: the throughput. */
    final double elapsed;

    /** Time on a processor of the task that sends the records. */
    final double source;

    /** Time on a processor of the task that needs most of it. */
    final double busiest;

    Sample(double elapsed, double source, double busiest) {
        this.elapsed = elapsed;
        this.source = source;
        this.busiest = busiest;
    }

    static Sample parse(String text) {
        String[] parts = text.split(" ");
        return new Sample(
                Double.parseDouble(parts[0]),
                Double.parseDouble(parts[1]),
                Double.parseDouble(parts[2]));
    }

    @Override
    public String toString() {
        return elapsed + " " + source + " " + busiest;
    }
}
