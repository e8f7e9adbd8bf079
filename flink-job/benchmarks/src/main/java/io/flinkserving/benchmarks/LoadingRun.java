package io.flinkserving.benchmarks;

import io.flinkserving.boundary.NativeModel;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.WineRecord;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/** Measures the loading of one document in this JVM. */
final class LoadingRun {

    /** So much of a document is kept, as copies, to see what one occupies in the heap. */
    private static final int KEPT_BYTES = 20 << 20;

    private static final int MOST_KEPT = 100;

    private static final int WARM_UP_ROUNDS = 2;
    private static final int RECORDS = 100;

    private final byte[] pmml;
    private final ModelDescriptor descriptor;
    private final List<WineRecord> records = new ArrayList<>();

    private LoadingRun(BenchModel model, Settings settings) throws Exception {
        pmml = Files.readAllBytes(model.pmml(settings.models()));
        descriptor =
                ModelDescriptor.newBuilder()
                        .setName(model.label)
                        .setDataType("wine")
                        .setModeltype(ModelDescriptor.ModelType.PMML)
                        .build();
        for (byte[] record : Wine.records(settings.data())) {
            if (records.size() < RECORDS) {
                records.add(WineRecord.parseFrom(record));
            }
        }
    }

    static void run(Settings settings) throws Exception {
        BenchModel model = BenchModel.valueOf(settings.required("bench-model"));
        Map<String, double[]> measured = new LinkedHashMap<>();
        LoadingRun run = new LoadingRun(model, settings);
        measured.put("file-bytes", new double[] {run.pmml.length});
        try (NativeModel loaded = run.load()) {
            double stored = loaded.toBytes().length;
            measured.put("bytes", new double[] {kilo(loaded.info().getNativeBytes() - stored)});
            measured.put("bytes-stored", new double[] {kilo(stored)});
        }
        measured.put("bytes-jpmml", new double[] {kilo(run.heap(run::jpmml))});
        measured.put("bytes-pmml4s", new double[] {kilo(run.heap(run::pmml4s))});
        int nanosEach = (settings.quick() ? 100 : 400) * 1_000_000;
        double[][] millis = new double[3][settings.rounds()];
        for (int round = -WARM_UP_ROUNDS; round < settings.rounds(); round++) {
            double ours = millis(nanosEach, run::loadAndClose);
            double jpmml = millis(nanosEach, () -> new JpmmlScorer(run.pmml));
            double pmml4s = millis(nanosEach, () -> new Pmml4sScorer(run.pmml));
            if (round >= 0) {
                millis[0][round] = ours;
                millis[1][round] = jpmml;
                millis[2][round] = pmml4s;
            }
        }
        measured.put("load", millis[0]);
        measured.put("jpmml", millis[1]);
        measured.put("pmml4s", millis[2]);
        ChildJvm.write(settings, measured);
    }

    private static double kilo(double bytes) {
        return bytes / 1000;
    }

    private NativeModel load() throws Exception {
        return NativeModel.load(descriptor, pmml);
    }

    private Object loadAndClose() throws Exception {
        try (NativeModel loaded = load()) {
            return loaded.info();
        }
    }

    /** Some parts of a model are made when it first scores. */
    private Object jpmml() throws Exception {
        JpmmlScorer scorer = new JpmmlScorer(pmml);
        for (WineRecord record : records) {
            scorer.predicted(record);
        }
        return scorer;
    }

    private Object pmml4s() {
        Pmml4sScorer scorer = new Pmml4sScorer(pmml);
        for (WineRecord record : records) {
            scorer.predicted(record);
        }
        return scorer;
    }

    /** Milliseconds of time that passes, for one call. */
    private static double millis(int atLeastNanos, Callable<?> loading) throws Exception {
        long count = 0;
        long start = System.nanoTime();
        do {
            if (loading.call() == null) {
                throw new IllegalStateException("nothing was loaded");
            }
            count++;
        } while (System.nanoTime() - start < atLeastNanos);
        return (System.nanoTime() - start) / 1e6 / count;
    }

    /** Bytes of heap that one model keeps. */
    private double heap(Callable<?> make) throws Exception {
        int count = Math.max(2, Math.min(KEPT_BYTES / pmml.length, MOST_KEPT));
        // What is made once for all, such as the binding of XML to classes, is not the model's.
        for (int i = 0; i < count; i++) {
            make.call();
        }
        Object[] kept = new Object[count];
        long before = used();
        for (int i = 0; i < count; i++) {
            kept[i] = make.call();
        }
        long after = used();
        if (kept[count - 1] == null) {
            throw new IllegalStateException("nothing was loaded");
        }
        return (after - before) / (double) count;
    }

    private static long used() throws InterruptedException {
        for (int i = 0; i < 4; i++) {
            System.gc();
            Thread.sleep(20);
        }
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }
}
