package io.flinkserving.benchmarks.tensors;

import io.flinkserving.benchmarks.Benchmark;
import io.flinkserving.benchmarks.ChildJvm;
import io.flinkserving.benchmarks.Report;
import io.flinkserving.benchmarks.Series;
import io.flinkserving.benchmarks.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Small networks, one record a call, through the Java API of each engine, on one thread: this
 * library and onnxruntime with the ONNX file, this library and TensorFlow Java with the frozen
 * graph. Each network is measured in a JVM of its own, the engines in turn within each round.
 */
public final class TensorsBenchmark implements Benchmark {

    /** Name under which the JVM of one network is started. */
    public static final String CHILD = "tensors-model";

    static final String ONNX = ".onnx";
    static final String GRAPH = ".pb";

    private static final double TIMES_PEER = 0.8;

    @Override
    public void run(Settings settings, Report report) throws Exception {
        for (String network : networks(settings.tensors())) {
            Map<String, Series> all = new LinkedHashMap<>();
            String prefix = "tensors." + network + ".";
            ChildJvm.run(CHILD, settings, Map.of("network", network))
                    .forEach(
                            (name, rounds) ->
                                    all.put(name, new Series(prefix + name, "ns/record", rounds)));
            System.err.printf("    %s%n", network);
            all.values().forEach(report::add);
            ratio(prefix + "to-onnxruntime", all.get("onnx"), all.get("onnxruntime"), report);
            ratio(prefix + "to-tensorflow", all.get("graph"), all.get("tensorflow"), report);
        }
    }

    private static void ratio(String name, Series ours, Series theirs, Report report) {
        if (ours != null && theirs != null) {
            report.add(ours.speedOver(theirs, name)).atLeast(TIMES_PEER);
        }
    }

    /** Names of the files without what comes after the dot. */
    private static SortedSet<String> networks(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            SortedSet<String> names =
                    files.map(file -> file.getFileName().toString())
                            .filter(name -> name.endsWith(ONNX) || name.endsWith(GRAPH))
                            .map(name -> name.substring(0, name.lastIndexOf('.')))
                            .collect(Collectors.toCollection(TreeSet::new));
            if (names.isEmpty()) {
                throw new IOException("no networks in " + folder);
            }
            return names;
        }
    }
}
