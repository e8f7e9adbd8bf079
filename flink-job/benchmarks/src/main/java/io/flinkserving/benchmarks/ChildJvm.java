package io.flinkserving.benchmarks;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Runs a part of a benchmark in a JVM of its own. In a JVM that has run one model before, the
 * peers' call sites are compiled for the elements of both.
 */
public final class ChildJvm {

    private static final int MINUTES = 10;

    private ChildJvm() {}

    /**
     * @param name under which {@link Benchmarks} knows the part
     * @param options more of the JVM
     * @return what the part passed to {@link #write}
     */
    public static Map<String, double[]> run(
            String name, Settings settings, Map<String, String> more, String... options)
            throws IOException, InterruptedException {
        Path result = Files.createTempFile("benchmark-", ".txt");
        List<String> command = new ArrayList<>();
        command.add(
                System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
        // Pre-touched, else the first pass over the heap is page faults for whoever allocates most.
        command.addAll(List.of("-Xms1g", "-Xmx1g", "-XX:+AlwaysPreTouch"));
        command.addAll(List.of(options));
        String library = System.getProperty("flinkserving.library.path", "");
        if (!library.isEmpty()) {
            command.add("-Dflinkserving.library.path=" + library);
        }
        command.addAll(List.of("-jar", System.getProperty("java.class.path"), name));
        command.addAll(settings.with("out", result.toString()));
        more.forEach((key, value) -> command.addAll(List.of("--" + key, value)));
        Process child = new ProcessBuilder(command).inheritIO().start();
        try {
            if (!child.waitFor(MINUTES, TimeUnit.MINUTES)) {
                throw new IOException(more + " did not end within " + MINUTES + " minutes");
            }
            if (child.exitValue() != 0) {
                throw new IOException(more + " ended with exit code " + child.exitValue());
            }
            return read(result);
        } finally {
            child.destroyForcibly();
            Files.delete(result);
        }
    }

    /** Leaves values by name for the JVM that started this one. */
    public static void write(Settings settings, Map<String, double[]> values) throws IOException {
        List<String> lines = new ArrayList<>();
        values.forEach((name, rounds) -> lines.add(name + " " + Arrays.toString(rounds)));
        Files.write(settings.out(), lines);
    }

    private static Map<String, double[]> read(Path result) throws IOException {
        Map<String, double[]> values = new LinkedHashMap<>();
        for (String line : Files.readAllLines(result)) {
            String[] parts = line.split("[\\[\\], ]+");
            values.put(
                    parts[0],
                    Arrays.stream(parts, 1, parts.length)
                            .mapToDouble(Double::parseDouble)
                            .toArray());
        }
        return values;
    }
}
