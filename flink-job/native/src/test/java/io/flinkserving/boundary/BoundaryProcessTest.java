package io.flinkserving.boundary;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BoundaryProcessTest {

    @Test
    void theJvmHasNothingToSayAboutTheCalls() throws Exception {
        String output = java(BoundaryRun.class, "-Xcheck:jni");
        assertThat(output.lines()).containsExactly("score 7.0", "live 0 0 0");
    }

    @Test
    void nothingIsLeftInTheFolderForTemporaryFiles(@TempDir Path temporary) throws Exception {
        java(BoundaryRun.class, "-Djava.io.tmpdir=" + temporary, "-XX:-UsePerfData");
        assertThat(temporary).isEmptyDirectory();
    }

    @Test
    void aRecordThatThereIsNoDirectMemoryForIsAStatus() throws Exception {
        String output = java(LittleDirectMemory.class, "-XX:MaxDirectMemorySize=1m");
        assertThat(output.lines())
                .hasSize(4)
                .first(InstanceOfAssertFactories.STRING)
                .startsWith("8 ")
                .contains("taskmanager.memory.task.off-heap.size");
        assertThat(output.lines().skip(2)).containsExactly("score 7.0", "refusals under 10 s true");
    }

    /** Sends records of 2 MB to a JVM with 1 MB of direct memory. */
    static final class LittleDirectMemory {

        public static void main(String[] arguments) throws Exception {
            byte[] record = TestModels.wine(10, 0.5).toByteArray();
            byte[] large = Arrays.copyOf(record, 2_000_000);
            long start = System.nanoTime();
            try (NativeModel model = TestModels.load(TestModels.TWO_FIELDS);
                    NativeScorer scorer = model.openScorer(TestModels.wineRecords(1))) {
                for (int i = 0; i < 100; i++) {
                    scorer.score(large);
                    if (i % 99 == 0) {
                        System.out.println(scorer.status(0) + " " + scorer.message(0));
                    }
                }
                scorer.score(record);
                System.out.println("score " + scorer.doubleValue(0, 0));
            }
            long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start);
            System.out.println("refusals under 10 s " + (seconds < 10));
        }
    }

    private static String java(Class<?> main, String... options) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Paths.get(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(Arrays.asList(options));
        command.add(
                "-D"
                        + NativeLibrary.PATH_PROPERTY
                        + "="
                        + System.getProperty(NativeLibrary.PATH_PROPERTY, ""));
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(main.getName());
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        return output;
    }
}
