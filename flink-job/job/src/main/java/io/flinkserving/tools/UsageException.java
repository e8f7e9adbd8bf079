package io.flinkserving.tools;

/** Options that are wrong. The message names the option and what it may be. */
public final class UsageException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    public UsageException(String message) {
        super(message);
    }
}
