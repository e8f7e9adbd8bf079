package io.flinkserving.model;

import io.flinkserving.wire.ErrorCode;

/** One record has no score, and why. Without a stack trace, since a bad stream throws many. */
public final class ScoringException extends Exception {

    private static final long serialVersionUID = 1L;

    private final ErrorCode code;

    /**
     * @param code one of the records (1 to 99)
     * @param message field and value where that is known
     */
    public ScoringException(ErrorCode code, String message) {
        super(message, null, false, false);
        this.code = code;
    }

    public ErrorCode getCode() {
        return code;
    }

    /** What an exception says to people: its message, or its kind when it has none. */
    public static String reason(Throwable failure) {
        String message = failure.getMessage();
        return message == null || message.isEmpty() ? failure.toString() : message;
    }
}
