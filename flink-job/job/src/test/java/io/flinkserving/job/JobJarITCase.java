package io.flinkserving.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The jars as they are shipped. */
class JobJarITCase {

    private static final String JOB = "flinkserving.job.jar";
    private static final String TOOLS = "flinkserving.tools.jar";

    /** Where classes may lie. Everything else belongs to Flink, to the JVM, or to nobody here. */
    private static final Set<String> JOB_PACKAGES =
            Set.of(
                    "io/flinkserving/",
                    "org/apache/kafka/",
                    "org/apache/flink/connector/kafka/",
                    "org/apache/flink/streaming/connectors/kafka/",
                    "org/apache/flink/streaming/util/serialization/",
                    "org/xerial/snappy/",
                    "net/jpountz/",
                    "com/github/luben/zstd/");

    private static Path jar(String property) {
        String path = System.getProperty(property);
        assertThat(path).as(property).isNotNull();
        return Path.of(path);
    }

    private static List<String> entries(Path jar) throws IOException {
        List<String> names = new ArrayList<>();
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            for (ZipEntry entry : Collections.list(zip.entries())) {
                if (!entry.isDirectory()) {
                    names.add(entry.getName());
                }
            }
        }
        return names;
    }

    private static String text(Path jar, String name) throws IOException {
        try (JarFile file = new JarFile(jar.toFile())) {
            JarEntry entry = file.getJarEntry(name);
            assertThat(entry).as(name).isNotNull();
            try (InputStream stream = file.getInputStream(entry)) {
                return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            }
        }
    }

    @Test
    void theJobHasOnlyClassesThatFlinkDoesNotProvide() throws IOException {
        assertThat(entries(jar(JOB)))
                .filteredOn(name -> name.endsWith(".class"))
                .isNotEmpty()
                .allMatch(name -> JOB_PACKAGES.stream().anyMatch(name::startsWith));
    }

    @ParameterizedTest
    @ValueSource(strings = {JOB, TOOLS})
    void nothingIsThereTwice(String jar) throws IOException {
        assertThat(entries(jar(jar))).doesNotHaveDuplicates();
    }

    @Test
    void theJobHasItsMainClassesTheLibraryAndTheExample() throws IOException {
        assertThat(entries(jar(JOB)))
                .contains(
                        "io/flinkserving/job/ModelServingKeyedJob.class",
                        "io/flinkserving/job/ModelServingFlatJob.class",
                        "io/flinkserving/job/DataProvider.class",
                        "io/flinkserving/job/DataReader.class",
                        "io/flinkserving/shaded/protobuf/Message.class",
                        "example/wine/models.json",
                        "example/wine/winequality.csv")
                .anyMatch(name -> name.matches("native/[a-z]+-[a-z0-9_]+/libflink_serving\\.\\w+"));
    }

    @Test
    void everyServiceThatIsNamedIsThere() throws IOException {
        Path jar = jar(JOB);
        List<String> entries = entries(jar);
        List<String> services = new ArrayList<>(entries);
        services.removeIf(name -> !name.startsWith("META-INF/services/"));
        assertThat(services)
                .contains(
                        "META-INF/services/org.apache.kafka.common.config.provider.ConfigProvider");
        for (String service : services) {
            for (String line : text(jar, service).split("\n")) {
                String provider = line.replaceAll("#.*", "").trim();
                if (!provider.isEmpty()) {
                    assertThat(entries).contains(provider.replace('.', '/') + ".class");
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {JOB, TOOLS})
    void licensesAreApacheBsdOrMitAndTheirTextsAreThere(String property) throws IOException {
        Path jar = jar(property);
        assertThat(text(jar, "META-INF/LICENSE")).contains("Apache License");
        String notice = text(jar, "META-INF/NOTICE");
        Set<String> texts = new TreeSet<>();
        for (String name : entries(jar)) {
            String plain = name.toLowerCase(Locale.ROOT);
            assertThat(plain).doesNotContain("jpmml").doesNotContain("agpl");
            if (plain.contains("license") && !plain.endsWith(".class")) {
                assertThat(text(jar, name)).doesNotContain("GNU ");
                texts.add(name.substring(name.lastIndexOf('/') + 1));
            }
        }
        texts.remove("LICENSE");
        assertThat(texts).isNotEmpty().allMatch(notice::contains);
    }

    @Test
    void theToolsRunWithoutFlink() throws IOException {
        assertThat(entries(jar(TOOLS)))
                .contains("org/slf4j/LoggerFactory.class", "example/wine/models.json")
                .noneMatch(name -> name.startsWith("org/apache/flink/"))
                .noneMatch(name -> name.startsWith("native/"));
    }
}
