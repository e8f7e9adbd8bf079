package io.flinkserving.kafka;

import com.google.protobuf.InvalidProtocolBufferException;
import io.flinkserving.model.ModelException;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.ModelDescriptor;

/** Reads messages that are a {@link ModelDescriptor}. */
public final class ModelMessageReader implements MessageReader<ModelToServe> {

    private static final long serialVersionUID = 1L;

    private final long maxModelSize;

    /**
     * @param maxModelSize most bytes of a model in a message
     */
    public ModelMessageReader(long maxModelSize) {
        this.maxModelSize = maxModelSize;
    }

    @Override
    public ModelToServe read(KafkaMessage message) throws BadDataException {
        ModelDescriptor descriptor;
        try {
            descriptor = ModelDescriptor.parseFrom(message.value());
        } catch (InvalidProtocolBufferException e) {
            throw new BadDataException(
                    ErrorCode.DESCRIPTOR_UNREADABLE,
                    message.value().length + " bytes are not a ModelDescriptor: " + e.getMessage());
        }
        try {
            return ModelToServe.of(descriptor, maxModelSize).arrivedOn(System.currentTimeMillis());
        } catch (ModelException e) {
            throw new BadDataException(
                    e.getCode(),
                    e.getMessage(),
                    descriptor.getDataType(),
                    descriptor.getName(),
                    descriptor.getVersion());
        }
    }
}
