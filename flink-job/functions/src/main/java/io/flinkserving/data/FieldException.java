package io.flinkserving.data;

/** A field of one record can't be written; says which and why. */
public final class FieldException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public FieldException(String field, String reason) {
        super("field " + field + ": " + reason, null, false, false);
    }
}
