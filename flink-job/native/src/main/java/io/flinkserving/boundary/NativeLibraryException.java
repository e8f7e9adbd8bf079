package io.flinkserving.boundary;

/**
 * The library is not there, can't be loaded, or is not of the jar's version. It concerns the
 * installation and no single model or record, so it is not checked: a job that meets it should
 * fail.
 */
public final class NativeLibraryException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    NativeLibraryException(String message) {
        super(message);
    }

    NativeLibraryException(String message, Throwable cause) {
        super(message, cause);
    }
}
