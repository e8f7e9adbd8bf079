package io.flinkserving.boundary;

import com.google.protobuf.Message;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A jar of this module's classes, as a job jar has them, and classloaders over it. */
final class BoundaryJar {

    /** As this JVM was started; tests change the property. */
    static final String GIVEN_LIBRARY = System.getProperty(NativeLibrary.PATH_PROPERTY, "");

    private final Path file;
    private String version;
    private String platform = LibraryFile.platform();

    BoundaryJar(Path file) {
        this.file = file;
    }

    /** The jar says that it is of this version. */
    BoundaryJar withVersion(String other) {
        version = other;
        return this;
    }

    /** The jar has a library for this platform only. */
    BoundaryJar withLibraryFor(String other) {
        platform = other;
        return this;
    }

    BoundaryJar write() throws Exception {
        Path classes = origin(NativeLibrary.class);
        try (JarOutputStream jar = new JarOutputStream(Files.newOutputStream(file));
                Stream<Path> walk = Files.walk(classes)) {
            List<Path> files = walk.filter(Files::isRegularFile).collect(Collectors.toList());
            for (Path source : files) {
                String name = classes.relativize(source).toString();
                boolean replaced = version != null && name.endsWith("version.properties");
                if (!replaced && !name.startsWith("native")) {
                    entry(jar, name, Files.newInputStream(source));
                }
            }
            if (version != null) {
                jar.putNextEntry(new JarEntry("io/flinkserving/boundary/version.properties"));
                jar.write(("version=" + version).getBytes(StandardCharsets.UTF_8));
            }
            String name = System.mapLibraryName("flink_serving");
            entry(jar, "native/" + platform + "/" + name, openLibrary());
        }
        return this;
    }

    /** A classloader that shares nothing with this one but the JDK. */
    URLClassLoader newLoader() throws Exception {
        return new URLClassLoader(
                new URL[] {
                    file.toUri().toURL(),
                    origin(BoundaryJar.class).toUri().toURL(),
                    origin(Message.class).toUri().toURL()
                },
                ClassLoader.getPlatformClassLoader());
    }

    /** {@link BoundaryRun#run} of another classloader. */
    static double run(ClassLoader loader) throws Exception {
        try {
            return (double)
                    loader.loadClass(BoundaryRun.class.getName()).getMethod("run").invoke(null);
        } catch (InvocationTargetException e) {
            throw (e.getCause() instanceof Exception) ? (Exception) e.getCause() : e;
        }
    }

    /** The library under test. */
    static InputStream openLibrary() throws IOException {
        if (!GIVEN_LIBRARY.isEmpty()) {
            return Files.newInputStream(Paths.get(GIVEN_LIBRARY));
        }
        return NativeLibrary.class.getResourceAsStream(
                "/native/" + LibraryFile.platform() + "/" + System.mapLibraryName("flink_serving"));
    }

    private static void entry(JarOutputStream jar, String name, InputStream content)
            throws IOException {
        try (InputStream stream = content) {
            jar.putNextEntry(new JarEntry(name));
            stream.transferTo((OutputStream) jar);
        }
    }

    private static Path origin(Class<?> type) throws Exception {
        return Paths.get(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    }
}
