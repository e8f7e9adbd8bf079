package io.flinkserving.benchmarks.pipeline;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What source, sinks and the measuring thread of the one job in this JVM tell each other.
 *
 * <p>First the source sends one record per data type and waits for what becomes of them, again and
 * again, until all have a score: then all models serve. From then on it sends as fast as the job
 * takes, until {@link #stop}.
 */
final class Run {

    private static final AtomicLong RESULTS = new AtomicLong();
    private static final AtomicLong ERRORS = new AtomicLong();
    private static final CompletableFuture<Void> SERVING = new CompletableFuture<>();
    private static final CompletableFuture<Void> SENT = new CompletableFuture<>();

    private static volatile boolean stopping;
    private static volatile long sentRecords;
    private static volatile Object lastError;

    private Run() {}

    /** Called by the one thread of the sink. */
    static void countResult(long total) {
        // No fence: the measuring thread reads it twice in some seconds, the sink writes it for
        // each record.
        RESULTS.lazySet(total);
    }

    static void countError(Object error) {
        lastError = error;
        ERRORS.incrementAndGet();
    }

    static long results() {
        return RESULTS.get();
    }

    static long errors() {
        return ERRORS.get();
    }

    static Object lastError() {
        return lastError;
    }

    /** All models score. */
    static CompletableFuture<Void> serving() {
        return SERVING;
    }

    static void stop() {
        stopping = true;
    }

    static boolean isStopping() {
        return stopping;
    }

    /** Called by the source when it has sent its last record. */
    static void sent(long records) {
        sentRecords = records;
        SENT.complete(null);
    }

    static CompletableFuture<Void> allSent() {
        return SENT;
    }

    static long sentRecords() {
        return sentRecords;
    }
}
