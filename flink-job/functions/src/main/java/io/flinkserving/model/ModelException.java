package io.flinkserving.model;

import io.flinkserving.wire.ErrorCode;

/** A model or a model message was not taken, and why. */
public final class ModelException extends Exception {

    private static final long serialVersionUID = 1L;

    private final ErrorCode code;

    /**
     * @param code one of the models (100 to 199) or of the library (200 and above)
     * @param message what is wrong and where, for people
     */
    public ModelException(ErrorCode code, String message) {
        super(message);
        this.code = code;
    }

    public ModelException(ErrorCode code, String message, Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    public ErrorCode getCode() {
        return code;
    }
}
