package io.flinkserving.benchmarks.pipeline;

import io.flinkserving.benchmarks.Settings;
import io.flinkserving.benchmarks.Wine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** One job in this JVM: waits until all models serve, warms up, measures, checks the counts. */
final class Measurement {

    private static final long SERVING_SECONDS = 60;
    private static final long WARM_UP_RECORDS = 3_000_000;
    private static final long WARM_UP_SECONDS = 20;
    private static final String RECORD_SOURCE = "Source: records";

    private final byte[][] records;
    private final Path model;
    private final long warmUpMillis;
    private final long measuredMillis;

    Measurement(Settings settings) throws IOException {
        records = Wine.records(settings.data());
        model = settings.model();
        warmUpMillis = settings.quick() ? 1500 : 3000;
        measuredMillis = settings.quick() ? 1000 : 3000;
    }

    /** Measures steady state. */
    Sample run(Variant variant, boolean keyed) throws Exception {
        JobClient job = start(variant, keyed);
        Run.serving()
                .applyToEither(failureOf(job), done -> done)
                .orTimeout(SERVING_SECONDS, TimeUnit.SECONDS)
                .exceptionally(
                        e -> {
                            throw new IllegalStateException(
                                    "no model serves; last error: " + Run.lastError(), e);
                        })
                .join();
        long failedProbes = Run.errors();
        warmUp();
        long startCount = Run.results();
        TaskThreads startThreads = TaskThreads.now();
        long start = System.nanoTime();
        Thread.sleep(measuredMillis);
        double count = Run.results() - startCount;
        long nanos = System.nanoTime() - start;
        TaskThreads threads = TaskThreads.now();
        Run.stop();
        job.getJobExecutionResult().get();
        requireAllScored(variant, failedProbes, count);
        long source = threads.since(startThreads, RECORD_SOURCE);
        long busiest = threads.busiestSince(startThreads);
        return new Sample(nanos / count, source / count, busiest / count);
    }

    /** By records too, because compilers get little of a busy processor. */
    private void warmUp() throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(warmUpMillis);
        long latest = end + TimeUnit.SECONDS.toNanos(WARM_UP_SECONDS);
        while (System.nanoTime() < end
                || (Run.results() < WARM_UP_RECORDS && System.nanoTime() < latest)) {
            Thread.sleep(50);
        }
    }

    private JobClient start(Variant variant, boolean keyed) throws Exception {
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.createLocalEnvironment(1, new Configuration());
        env.getConfig().enableObjectReuse();
        DataStream<byte[]> recordStream = source(env, recordReader(), "records");
        DataStream<byte[]> modelStream = source(env, modelReader(), "models");
        variant.build(recordStream, modelStream, keyed);
        return env.executeAsync(variant.label());
    }

    private static DataStream<byte[]> source(
            StreamExecutionEnvironment env, InMemorySource.Readers readers, String name) {
        return env.fromSource(
                new InMemorySource(readers),
                WatermarkStrategy.noWatermarks(),
                name,
                PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);
    }

    private InMemorySource.Readers recordReader() {
        byte[][] all = records;
        byte[][] probes = probes();
        return () -> new RecordReader(all, probes);
    }

    private byte[][] probes() {
        Wine.ToServe wine = new Wine.ToServe();
        Set<String> seen = new HashSet<>();
        return Arrays.stream(records)
                .filter(record -> seen.add(wine.getType(record)))
                .toArray(byte[][]::new);
    }

    private InMemorySource.Readers modelReader() throws IOException {
        List<byte[]> messages = new ArrayList<>();
        for (String dataType : Wine.DATA_TYPES) {
            messages.add(Wine.descriptor(model, dataType).toByteArray());
        }
        byte[][] all = messages.toArray(new byte[0][]);
        return () -> new ModelReader(all);
    }

    /** Fails when the job does. */
    private static CompletableFuture<Void> failureOf(JobClient job) {
        return job.getJobExecutionResult().thenApply(result -> null);
    }

    private static void requireAllScored(Variant variant, long failedProbes, double measured) {
        long scored = Run.results();
        long failed = Run.errors();
        if (failed != failedProbes || scored + failed != Run.sentRecords()) {
            throw new IllegalStateException(
                    variant
                            + ": "
                            + Run.sentRecords()
                            + " records, "
                            + scored
                            + " results, "
                            + (failed - failedProbes)
                            + " errors after all models served; last: "
                            + Run.lastError());
        }
        if (measured == 0) {
            throw new IllegalStateException(variant + ": no record came through");
        }
    }
}
