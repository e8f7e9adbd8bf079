package io.flinkserving.boundary;

import io.flinkserving.wire.ErrorCode;

/**
 * A call into the library failed: a model was not taken, or a caller broke the contract. The
 * library goes on to work. A record without a score is not an exception but the status of its row.
 */
public final class NativeException extends Exception {

    private static final long serialVersionUID = 1L;

    private final int number;

    /** Called by the library, which finds it by this signature. */
    public NativeException(int number, String message) {
        super(message);
        this.number = number;
    }

    NativeException(ErrorCode code, String message) {
        this(code.getNumber(), message);
    }

    /** Why, or {@link ErrorCode#UNRECOGNIZED} for a number that this jar does not know. */
    public ErrorCode getCode() {
        ErrorCode code = ErrorCode.forNumber(number);
        return code == null ? ErrorCode.UNRECOGNIZED : code;
    }

    /** Number of the code as the library gave it. */
    public int getNumber() {
        return number;
    }

    @Override
    public String toString() {
        ErrorCode code = getCode();
        String name = code == ErrorCode.UNRECOGNIZED ? "error " + number : code.name();
        return getClass().getName() + ": " + name + ": " + getMessage();
    }
}
