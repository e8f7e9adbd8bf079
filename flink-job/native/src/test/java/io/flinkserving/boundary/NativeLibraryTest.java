package io.flinkserving.boundary;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.InputStream;
import java.lang.ref.WeakReference;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NoLiveHandles.class)
class NativeLibraryTest {

    private static final String NOT_LOADED = NativeLibraryException.class.getName();

    private final String givenPath = BoundaryJar.GIVEN_LIBRARY;
    private final String givenFolders = System.getProperty("java.library.path");

    @TempDir Path folder;

    @AfterEach
    void restoreProperties() {
        set(NativeLibrary.PATH_PROPERTY, givenPath);
        set("java.library.path", givenFolders);
    }

    @Test
    void isOfTheVersionOfTheJar() throws Exception {
        NativeLibrary.load();
        assertThat(NativeLibrary.version()).matches("\\d+\\.\\d+\\.\\d+.*");
        assertThat(NativeMethods.version()).isEqualTo(NativeLibrary.version());
        assertThat(NativeLibrary.location()).contains("flink_serving");
    }

    @Test
    void twoClassloadersLoadItFromOneJarAtTheSameTime() throws Exception {
        System.clearProperty(NativeLibrary.PATH_PROPERTY);
        BoundaryJar jar = new BoundaryJar(folder.resolve("job.jar")).write();
        try (URLClassLoader first = jar.newLoader();
                URLClassLoader second = jar.newLoader()) {
            assertThat(BoundaryJar.run(first)).isEqualTo(7);
            assertThat(BoundaryJar.run(second)).isEqualTo(7);
            assertThat(BoundaryJar.run(first)).isEqualTo(7);
        }
    }

    @Test
    void twoClassloadersLoadItFromOneFileAtTheSameTime() throws Exception {
        Path library = copyLibrary(folder.resolve("given.so"));
        System.setProperty(NativeLibrary.PATH_PROPERTY, library.toString());
        BoundaryJar jar = new BoundaryJar(folder.resolve("job.jar")).write();
        try (URLClassLoader first = jar.newLoader();
                URLClassLoader second = jar.newLoader()) {
            assertThat(BoundaryJar.run(first)).isEqualTo(7);
            assertThat(BoundaryJar.run(second)).isEqualTo(7);
            assertThat(location(second)).isEqualTo(library.toString());
        }
    }

    @Test
    void isFoundInTheLibraryPathBeforeTheJar() throws Exception {
        System.clearProperty(NativeLibrary.PATH_PROPERTY);
        BoundaryJar jar = new BoundaryJar(folder.resolve("job.jar")).write();
        Path library =
                copyLibrary(
                        Files.createDirectory(folder.resolve("lib"))
                                .resolve(System.mapLibraryName("flink_serving")));
        System.setProperty("java.library.path", "/nowhere:" + library.getParent());
        try (URLClassLoader loader = jar.newLoader()) {
            assertThat(BoundaryJar.run(loader)).isEqualTo(7);
            assertThat(location(loader)).isEqualTo(library.toString());
        }
    }

    @Test
    void doesNotPinItsClassloader() throws Exception {
        System.clearProperty(NativeLibrary.PATH_PROPERTY);
        BoundaryJar jar = new BoundaryJar(folder.resolve("job.jar")).write();
        WeakReference<ClassLoader> loader = runAndForget(jar);
        for (int i = 0; i < 50 && loader.get() != null; i++) {
            System.gc();
            Thread.sleep(20);
        }
        assertThat(loader.get()).as("the classloader after a run").isNull();
    }

    @Test
    void ofAnotherVersionIsRefusedAgainAndAgain() throws Exception {
        System.clearProperty(NativeLibrary.PATH_PROPERTY);
        Path file = folder.resolve("job.jar");
        BoundaryJar jar = new BoundaryJar(file).withVersion("9.8.7").write();
        try (URLClassLoader loader = jar.newLoader()) {
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(() -> BoundaryJar.run(loader))
                        .satisfies(e -> assertThat(e.getClass().getName()).isEqualTo(NOT_LOADED))
                        .hasMessageContaining("9.8.7")
                        .hasMessageContaining(NativeLibrary.version())
                        .hasMessageContaining(file.toString());
            }
        }
    }

    @Test
    void forAnotherPlatformIsRefusedWithThePlatformsName() throws Exception {
        System.clearProperty(NativeLibrary.PATH_PROPERTY);
        BoundaryJar jar =
                new BoundaryJar(folder.resolve("job.jar")).withLibraryFor("plan9-mips").write();
        try (URLClassLoader loader = jar.newLoader()) {
            assertThatThrownBy(() -> BoundaryJar.run(loader))
                    .satisfies(e -> assertThat(e.getClass().getName()).isEqualTo(NOT_LOADED))
                    .hasMessageContaining(LibraryFile.platform())
                    .hasMessageContaining(NativeLibrary.PATH_PROPERTY);
        }
    }

    @Test
    void whatIsNoLibraryIsRefusedWithItsPath() throws Exception {
        BoundaryJar jar = new BoundaryJar(folder.resolve("job.jar")).write();
        Path text = Files.writeString(folder.resolve("text.so"), "not a library");
        for (Path wrong : new Path[] {text, folder.resolve("absent.so"), folder}) {
            System.setProperty(NativeLibrary.PATH_PROPERTY, wrong.toString());
            try (URLClassLoader loader = jar.newLoader()) {
                assertThatThrownBy(() -> BoundaryJar.run(loader))
                        .satisfies(e -> assertThat(e.getClass().getName()).isEqualTo(NOT_LOADED))
                        .hasMessageContaining(wrong.toString());
            }
        }
    }

    @Test
    void anotherFileThanTheLoadedOneIsRefused() {
        NativeLibrary.load();
        assertThatThrownBy(() -> NativeLibrary.load(folder.resolve("other.so")))
                .isInstanceOf(NativeLibraryException.class)
                .hasMessageContaining("other.so")
                .hasMessageContaining(NativeLibrary.location());
    }

    private static WeakReference<ClassLoader> runAndForget(BoundaryJar jar) throws Exception {
        try (URLClassLoader loader = jar.newLoader()) {
            assertThat(BoundaryJar.run(loader)).isEqualTo(7);
            return new WeakReference<>(loader);
        }
    }

    private static String location(ClassLoader loader) throws Exception {
        Class<?> library = loader.loadClass(NativeLibrary.class.getName());
        return (String) library.getMethod("location").invoke(null);
    }

    private static Path copyLibrary(Path target) throws Exception {
        try (InputStream stream = BoundaryJar.openLibrary()) {
            Files.copy(stream, target);
        }
        return target;
    }

    private static void set(String property, String value) {
        if (value == null) {
            System.clearProperty(property);
        } else {
            System.setProperty(property, value);
        }
    }
}
