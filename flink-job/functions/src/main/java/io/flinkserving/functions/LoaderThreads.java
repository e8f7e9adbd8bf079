package io.flinkserving.functions;

import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The loader threads of one subtask. They end with it. */
final class LoaderThreads implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(LoaderThreads.class);

    private static final long IDLE_SECONDS = 10;

    /** Less than the time after which Flink kills a TaskManager over a task that does not end. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(120);

    private final ThreadPoolExecutor executor;

    LoaderThreads(String task, int threads) {
        AtomicInteger count = new AtomicInteger();
        executor =
                new ThreadPoolExecutor(
                        threads,
                        threads,
                        IDLE_SECONDS,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(),
                        work -> {
                            String name = "model-loader-" + count.incrementAndGet() + " " + task;
                            Thread thread = new Thread(work, name);
                            thread.setDaemon(true);
                            return thread;
                        });
        executor.allowCoreThreadTimeOut(true);
    }

    void submit(LoadTask<?> task) {
        executor.execute(task);
    }

    /** A thread that went on would hold the job's classloader, so its end is waited for. */
    @Override
    public void close() {
        executor.shutdownNow();
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        boolean interrupted = false;
        boolean ended = false;
        while (!ended && System.nanoTime() < deadline) {
            try {
                ended =
                        executor.awaitTermination(
                                deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (!ended) {
            LOG.warn("A model is still being loaded after its task ended; its thread goes on");
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
