package io.flinkserving.model;

import com.google.protobuf.ByteString;
import io.flinkserving.state.ServingTypes;
import io.flinkserving.wire.ErrorCode;
import java.util.Arrays;
import java.util.Objects;
import org.apache.flink.api.common.typeinfo.TypeInfo;
import org.apache.flink.util.OutputTag;

/**
 * A record that has no score, or a model message that was not taken: why, and the input itself as
 * far as {@code model-serving.errors.max-input} allows. Immutable.
 */
@TypeInfo(ServingTypes.OfError.class)
public final class ServingError extends ServingOutcome {

    /** Side output of all operators of this library. */
    public static final OutputTag<ServingError> TAG =
            new OutputTag<>("serving-errors", ServingTypes.ERROR);

    private static final byte[] NO_INPUT = {};

    private final int code;
    private final String message;
    private final String recordId;
    private final String dataType;
    private final String modelName;
    private final String modelVersion;
    private final long occurredOn;
    private final byte[] input;

    /**
     * @param code number of the {@link ErrorCode}
     * @param recordId identity of the record or of the model message, or null
     * @param dataType null where it is not known; likewise name and version of the model
     * @param occurredOn milliseconds since the epoch
     * @param input not copied; null: none
     */
    public ServingError(
            int code,
            String message,
            String recordId,
            String dataType,
            String modelName,
            String modelVersion,
            long occurredOn,
            byte[] input) {
        this.code = code;
        this.message = message == null ? "" : message;
        this.recordId = recordId;
        this.dataType = dataType;
        this.modelName = modelName;
        this.modelVersion = modelVersion;
        this.occurredOn = occurredOn;
        this.input = input == null ? NO_INPUT : input;
    }

    /** {@link ErrorCode#UNRECOGNIZED} for a number that this version does not know. */
    public ErrorCode code() {
        ErrorCode known = ErrorCode.forNumber(code);
        return known == null ? ErrorCode.UNRECOGNIZED : known;
    }

    public int codeNumber() {
        return code;
    }

    public String message() {
        return message;
    }

    @Override
    public String recordId() {
        return recordId;
    }

    @Override
    public String dataType() {
        return dataType;
    }

    public String modelName() {
        return modelName;
    }

    public String modelVersion() {
        return modelVersion;
    }

    /** When it happened, milliseconds since the epoch. */
    public long occurredOn() {
        return occurredOn;
    }

    /** The beginning of the input, not a copy; empty when there is none. */
    public byte[] input() {
        return input;
    }

    /** Whether it concerns a model message, not a record. */
    public boolean isAboutModel() {
        return code >= ErrorCode.DESCRIPTOR_UNREADABLE_VALUE;
    }

    /** The same as a message of {@code serving_result.proto}; null is empty there. */
    public io.flinkserving.wire.ServingError toProto() {
        return io.flinkserving.wire.ServingError.newBuilder()
                .setCodeValue(code)
                .setMessage(message)
                .setRecordId(orEmpty(recordId))
                .setDataType(orEmpty(dataType))
                .setModelName(orEmpty(modelName))
                .setModelVersion(orEmpty(modelVersion))
                .setOccurredOn(occurredOn)
                .setInput(ByteString.copyFrom(input))
                .build();
    }

    public static ServingError fromProto(io.flinkserving.wire.ServingError message) {
        return new ServingError(
                message.getCodeValue(),
                message.getMessage(),
                orNull(message.getRecordId()),
                orNull(message.getDataType()),
                orNull(message.getModelName()),
                orNull(message.getModelVersion()),
                message.getOccurredOn(),
                message.getInput().toByteArray());
    }

    private static String orEmpty(String text) {
        return text == null ? "" : text;
    }

    private static String orNull(String text) {
        return text.isEmpty() ? null : text;
    }

    @Override
    public boolean equals(Object other) {
        if (this == other) {
            return true;
        }
        if (!(other instanceof ServingError)) {
            return false;
        }
        ServingError that = (ServingError) other;
        return code == that.code
                && occurredOn == that.occurredOn
                && message.equals(that.message)
                && Objects.equals(recordId, that.recordId)
                && Objects.equals(dataType, that.dataType)
                && Objects.equals(modelName, that.modelName)
                && Objects.equals(modelVersion, that.modelVersion)
                && Arrays.equals(input, that.input);
    }

    @Override
    public int hashCode() {
        return Objects.hash(code, message, recordId, dataType, modelName, modelVersion, occurredOn);
    }

    @Override
    public String toString() {
        return "ServingError{"
                + (code() == ErrorCode.UNRECOGNIZED ? "error " + code : code().name())
                + ": "
                + message
                + (recordId == null ? "" : ", record " + recordId)
                + (dataType == null ? "" : ", data type " + dataType)
                + (modelName == null ? "" : ", model " + modelName + " " + modelVersion)
                + '}';
    }
}
