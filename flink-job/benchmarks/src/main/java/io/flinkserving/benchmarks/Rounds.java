package io.flinkserving.benchmarks;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Measures several things in turn, round after round, on this thread. What counts is the thread's
 * time on a processor: on an idle machine that is the time that passes, on a busy one other
 * processes have less part in it.
 */
public final class Rounds {

    /** Does the thing measured for a number of records that is the same each time. */
    public interface Pass {
        /**
         * @return anything that depends on all that was done
         */
        double run() throws Exception;
    }

    /** After so many the compiler has settled. */
    private static final int WARM_UP_ROUNDS = 3;

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private final int rounds;
    private final long nanosEach;
    private final Map<String, Pass> passes = new LinkedHashMap<>();
    private double sink;

    public Rounds(int rounds, long millisEach) {
        this.rounds = rounds;
        this.nanosEach = millisEach * 1_000_000;
    }

    public void add(String name, Pass pass) {
        passes.put(name, pass);
    }

    /**
     * @param records that one pass handles
     * @return nanoseconds per record, by name
     */
    public Map<String, Series> run(int records) throws Exception {
        Map<String, double[]> measured = new LinkedHashMap<>();
        passes.keySet().forEach(name -> measured.put(name, new double[rounds]));
        for (int round = -WARM_UP_ROUNDS; round < rounds; round++) {
            for (Map.Entry<String, Pass> pass : passes.entrySet()) {
                double nanos = time(pass.getValue()) / records;
                if (round >= 0) {
                    measured.get(pass.getKey())[round] = nanos;
                }
            }
        }
        if (Double.isNaN(sink)) {
            throw new IllegalStateException("a result is not a number");
        }
        Map<String, Series> series = new LinkedHashMap<>();
        measured.forEach((name, values) -> series.put(name, new Series(name, "ns/record", values)));
        return series;
    }

    /** Nanoseconds per pass. */
    private double time(Pass pass) throws Exception {
        long passCount = 0;
        long end = System.nanoTime() + nanosEach;
        long start = THREADS.getCurrentThreadCpuTime();
        do {
            sink += pass.run();
            passCount++;
        } while (System.nanoTime() < end);
        return (double) (THREADS.getCurrentThreadCpuTime() - start) / passCount;
    }
}
