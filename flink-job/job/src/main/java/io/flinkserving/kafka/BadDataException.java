package io.flinkserving.kafka;

import io.flinkserving.wire.ErrorCode;
import java.util.Objects;

/** A message is not what it should be, and what is known about it all the same. */
public final class BadDataException extends Exception {

    private static final long serialVersionUID = 1L;

    private final ErrorCode code;
    private final String dataType;
    private final String modelName;
    private final String modelVersion;

    public BadDataException(ErrorCode code, String message) {
        this(code, message, null, null, null);
    }

    /**
     * @param dataType null where it is not known; likewise name and version of the model
     */
    public BadDataException(
            ErrorCode code,
            String message,
            String dataType,
            String modelName,
            String modelVersion) {
        super(message);
        this.code = Objects.requireNonNull(code);
        this.dataType = dataType;
        this.modelName = modelName;
        this.modelVersion = modelVersion;
    }

    public ErrorCode getCode() {
        return code;
    }

    public String getDataType() {
        return dataType;
    }

    public String getModelName() {
        return modelName;
    }

    public String getModelVersion() {
        return modelVersion;
    }
}
