package io.flinkserving.model;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelPreprocessing;

/**
 * Messages of the variant that had preprocessing before the protocol gave it a number of its own.
 */
final class OlderProtocol {

    private static final int PREPROCESSING = 7;

    private OlderProtocol() {}

    /**
     * The same message, its preprocessing where this protocol has it.
     *
     * @throws ModelException DESCRIPTOR_INVALID when it has something else there, or preprocessing
     *     in both places
     */
    static ModelDescriptor translate(ModelDescriptor descriptor) throws ModelException {
        UnknownFieldSet unknown = descriptor.getUnknownFields();
        if (!unknown.hasField(PREPROCESSING)) {
            return descriptor;
        }
        if (descriptor.hasPreprocessing()) {
            throw invalid(descriptor, "it has preprocessing in field 7 and in its own field");
        }
        return descriptor.toBuilder()
                .setPreprocessing(read(descriptor, unknown.getField(PREPROCESSING)))
                .setUnknownFields(unknown.toBuilder().clearField(PREPROCESSING).build())
                .build();
    }

    private static ModelPreprocessing read(ModelDescriptor descriptor, UnknownFieldSet.Field field)
            throws ModelException {
        boolean isMessage =
                field.getVarintList().isEmpty()
                        && field.getFixed32List().isEmpty()
                        && field.getFixed64List().isEmpty()
                        && field.getGroupList().isEmpty();
        if (!isMessage) {
            throw invalid(descriptor, "its field 7 is not a message");
        }
        ModelPreprocessing.Builder preprocessing = ModelPreprocessing.newBuilder();
        try {
            for (ByteString bytes : field.getLengthDelimitedList()) {
                preprocessing.mergeFrom(bytes);
            }
        } catch (InvalidProtocolBufferException e) {
            throw invalid(descriptor, "its field 7 is not a ModelPreprocessing: " + e.getMessage());
        }
        return preprocessing.build();
    }

    private static ModelException invalid(ModelDescriptor descriptor, String what) {
        return new ModelException(
                ErrorCode.DESCRIPTOR_INVALID,
                String.format(
                        "descriptor of model '%s' for data type '%s': %s",
                        descriptor.getName(), descriptor.getDataType(), what));
    }
}
