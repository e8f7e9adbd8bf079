package io.flinkserving.benchmarks;

import io.flinkserving.boundary.NativeModel;
import io.flinkserving.wire.ModelDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Measures by how much this process grows while it loads a document, the first one: later the
 * allocator has free memory to give. The heap has to be there from the start, and nothing may be
 * compiled meanwhile, so that the JVM's own memory does not count.
 */
final class PeakRun {

    private PeakRun() {}

    static void run(Settings settings) throws Exception {
        BenchModel model = BenchModel.valueOf(settings.required("bench-model"));
        byte[] pmml = Files.readAllBytes(model.pmml(settings.models()));
        ModelDescriptor descriptor =
                ModelDescriptor.newBuilder()
                        .setName(model.label)
                        .setDataType("wine")
                        .setModeltype(ModelDescriptor.ModelType.PMML)
                        .build();
        NativeModel.pack(descriptor, new byte[0]);
        // What reading the status takes must not count either.
        memory("VmHWM:");
        Map<String, double[]> measured = new LinkedHashMap<>();
        Path marks = Path.of("/proc/self/clear_refs");
        if (Files.isWritable(marks)) {
            Files.writeString(marks, "5");
            long before = memory("VmRSS:");
            long filesBefore = memory("RssFile:");
            try (NativeModel loaded = NativeModel.load(descriptor, pmml)) {
                double all = memory("VmHWM:") - before;
                // Parts of the library that are read for the first time: they stay.
                double files = memory("RssFile:") - filesBefore;
                if (loaded.info().getNativeBytes() == 0) {
                    throw new IllegalStateException("nothing was loaded");
                }
                measured.put("peak-to-file", new double[] {(all - files) / pmml.length});
                measured.put("peak-with-code", new double[] {all / pmml.length});
            }
        }
        ChildJvm.write(settings, measured);
    }

    private static long memory(String key) throws Exception {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith(key)) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
            }
        }
        throw new IllegalStateException("no " + key);
    }
}
