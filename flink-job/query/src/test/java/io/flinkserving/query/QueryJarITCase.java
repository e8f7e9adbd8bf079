package io.flinkserving.query;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The jar as it is shipped, without anything else on the class path. */
class QueryJarITCase {

    @TempDir Path folder;

    private String jar;

    @BeforeEach
    void findJar() {
        jar = System.getProperty("flinkserving.query.jar");
        assertThat(jar).isNotNull();
    }

    @Test
    void runsByItself() throws Exception {
        assertThat(run("--help")).isZero();
        assertThat(run("--jobmanager", "http://127.0.0.1:1"))
                .isEqualTo(QueryException.Kind.NO_JOB_MANAGER.exitCode());
        assertThat(run("--nonsense")).isEqualTo(QueryException.Kind.USAGE.exitCode());
    }

    @Test
    void holdsNothingTwiceAndNoNativeLibrary() throws Exception {
        try (ZipFile zip = new ZipFile(jar)) {
            List<String> names =
                    Collections.list(zip.entries()).stream()
                            .filter(entry -> !entry.isDirectory())
                            .map(ZipEntry::getName)
                            .collect(Collectors.toList());
            assertThat(names)
                    .doesNotHaveDuplicates()
                    .contains("META-INF/LICENSE", "META-INF/NOTICE")
                    .noneMatch(name -> name.startsWith("native/"))
                    .noneMatch(name -> name.toLowerCase(java.util.Locale.ROOT).contains("jpmml"));
            String notice =
                    new String(
                            zip.getInputStream(zip.getEntry("META-INF/NOTICE")).readAllBytes(),
                            UTF_8);
            assertThat(names)
                    .filteredOn(name -> name.startsWith("META-INF/licenses/"))
                    .isNotEmpty()
                    .allMatch(name -> notice.contains(name.substring(name.lastIndexOf('/') + 1)));
        }
    }

    private int run(String... arguments) throws Exception {
        List<String> command = new java.util.ArrayList<>();
        command.add(
                System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
        command.addAll(List.of("-jar", jar));
        command.addAll(List.of(arguments));
        Process process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("out.txt").toFile())
                        .start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }
}
