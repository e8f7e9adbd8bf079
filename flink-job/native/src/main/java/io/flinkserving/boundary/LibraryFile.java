package io.flinkserving.boundary;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.Locale;

/** Finds the library's file and links it to this classloader. */
final class LibraryFile {

    private static final String NAME = System.mapLibraryName("flink_serving");

    private LibraryFile() {}

    /**
     * @param file where the library is, or null to look for it
     * @return where it was
     */
    static String load(Path file) {
        Path given = file == null ? configured() : file;
        if (given == null) {
            given = inLibraryPath();
        }
        if (given == null) {
            return loadFromJar();
        }
        loadFromFile(given);
        return given.toString();
    }

    private static Path configured() {
        String path = System.getProperty(NativeLibrary.PATH_PROPERTY, "");
        return path.isEmpty() ? null : Paths.get(path).toAbsolutePath();
    }

    private static Path inLibraryPath() {
        for (String folder :
                System.getProperty("java.library.path", "").split(File.pathSeparator)) {
            if (!folder.isEmpty()) {
                Path candidate = Paths.get(folder, NAME).toAbsolutePath();
                if (Files.isRegularFile(candidate)) {
                    return candidate;
                }
            }
        }
        return null;
    }

    private static void loadFromFile(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new NativeLibraryException("no library at " + file);
        }
        try {
            System.load(file.toString());
        } catch (UnsatisfiedLinkError direct) {
            // A file can be linked in one classloader only; another one needs a file of its own.
            try (InputStream stream = Files.newInputStream(file)) {
                loadCopy(stream, file.toString());
            } catch (IOException | NativeLibraryException copy) {
                direct.addSuppressed(copy);
                throw new NativeLibraryException(
                        "can't load the library " + file + ": " + direct.getMessage(), direct);
            }
        }
    }

    private static String loadFromJar() {
        String platform = platform();
        String resource = "/native/" + platform + "/" + NAME;
        URL url = LibraryFile.class.getResource(resource);
        if (url == null) {
            throw new NativeLibraryException(
                    "the jar has no library for "
                            + platform
                            + " ("
                            + resource
                            + "); build one with `cargo build --release -p serving-jni` and name it"
                            + " with -D"
                            + NativeLibrary.PATH_PROPERTY
                            + "=FILE");
        }
        try (InputStream stream = openUncached(url)) {
            loadCopy(stream, url.toString());
        } catch (IOException e) {
            throw new NativeLibraryException("can't extract the library " + url, e);
        }
        return url.toString();
    }

    /** The JDK's cache of jars is process-wide: it would keep the job's jar open after the job. */
    private static InputStream openUncached(URL url) throws IOException {
        URLConnection connection = url.openConnection();
        connection.setUseCaches(false);
        return connection.getInputStream();
    }

    /** The copy's name is gone once it is linked, so that nothing is left behind at exit. */
    private static void loadCopy(InputStream stream, String origin) throws IOException {
        Path copy = Files.createTempFile("flink-serving-", "-" + NAME);
        try {
            Files.copy(stream, copy, StandardCopyOption.REPLACE_EXISTING);
            System.load(copy.toAbsolutePath().toString());
        } catch (UnsatisfiedLinkError e) {
            throw new NativeLibraryException(
                    "can't load a copy of the library "
                            + origin
                            + " from "
                            + copy.getParent()
                            + " (where that folder forbids executable files, name the library with"
                            + " -D"
                            + NativeLibrary.PATH_PROPERTY
                            + "=FILE): "
                            + e.getMessage(),
                    e);
        } finally {
            Files.deleteIfExists(copy);
        }
    }

    /** Asks the library that was just loaded for its version. */
    static void checkVersion(String expected, String location) {
        String found;
        try {
            found = NativeMethods.version();
        } catch (UnsatisfiedLinkError | NativeException e) {
            throw new NativeLibraryException(
                    "the library " + location + " tells no version; the jar needs " + expected, e);
        }
        if (!expected.equals(found)) {
            throw new NativeLibraryException(
                    "the jar has version "
                            + expected
                            + " but the library "
                            + location
                            + " has version "
                            + found);
        }
    }

    /** Operating system and architecture as the folders within the jar are called. */
    static String platform() {
        String os = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
        String arch = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
        String system = os.startsWith("mac") ? "macos" : os.replace(' ', '-');
        return system + "-" + (arch.equals("amd64") ? "x86_64" : arch);
    }
}
