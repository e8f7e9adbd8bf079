package io.flinkserving.boundary;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Properties;

/**
 * The Rust library of this classloader. It is looked for, in this order, at the path that the
 * caller or the system property {@value #PATH_PROPERTY} gives, in {@code java.library.path}, and in
 * the jar. The first that is there is taken; when it can't be loaded, no other is tried. Each
 * classloader has an instance of its own, with its own models, counts and limit.
 */
public final class NativeLibrary {

    /** System property with the path of the library; empty is the same as not set. */
    public static final String PATH_PROPERTY = "flinkserving.library.path";

    private static final String VERSION_RESOURCE = "version.properties";

    private static volatile String location;

    /**
     * Kept because a library that was refused stays linked and must not be used by a later call.
     */
    private static NativeLibraryException failure;

    private NativeLibrary() {}

    /**
     * Loads the library unless that has happened.
     *
     * @throws NativeLibraryException when there is none for this platform, it can't be loaded, or
     *     its version is not {@link #version()}
     */
    public static void load() {
        if (location == null) {
            loadFrom(null);
        }
    }

    /**
     * Loads the library from this file unless one was loaded before.
     *
     * @throws NativeLibraryException as for {@link #load()}, and when the library was loaded from
     *     elsewhere
     */
    public static void load(Path file) {
        Path absolute = file.toAbsolutePath();
        loadFrom(absolute);
        if (!location.equals(absolute.toString())) {
            throw new NativeLibraryException(
                    "the library was loaded from " + location + " already, not from " + absolute);
        }
    }

    /** Where the loaded library came from: a path, or an address within a jar. */
    public static String location() {
        load();
        return location;
    }

    /** Version of this jar, and so of the library. */
    public static String version() {
        Properties properties = new Properties();
        try (InputStream stream = NativeLibrary.class.getResourceAsStream(VERSION_RESOURCE)) {
            if (stream == null) {
                throw new NativeLibraryException("the jar lacks " + VERSION_RESOURCE);
            }
            properties.load(stream);
        } catch (IOException e) {
            throw new NativeLibraryException("can't read " + VERSION_RESOURCE, e);
        }
        return properties.getProperty("version", "");
    }

    /**
     * Limits the native memory of all models of this classloader together.
     *
     * @param bytes a model that would exceed it is refused with MODEL_TOO_LARGE
     */
    public static void setNativeMemoryLimit(long bytes) throws NativeException {
        load();
        NativeMethods.setNativeMemoryLimit(bytes);
    }

    /** Bytes of native memory that compiled models hold now. */
    public static long nativeBytes() throws NativeException {
        load();
        return NativeMethods.nativeBytes();
    }

    /** Models that are not closed. */
    public static long liveModels() throws NativeException {
        load();
        return NativeMethods.liveModels();
    }

    /** Scorers that are not closed. */
    public static long liveScorers() throws NativeException {
        load();
        return NativeMethods.liveScorers();
    }

    private static synchronized void loadFrom(Path file) {
        if (location != null) {
            return;
        }
        if (failure != null) {
            throw failure;
        }
        String found = LibraryFile.load(file);
        try {
            LibraryFile.checkVersion(version(), found);
        } catch (NativeLibraryException e) {
            failure = e;
            throw e;
        }
        location = found;
    }
}
