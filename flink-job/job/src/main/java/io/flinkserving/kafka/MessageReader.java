package io.flinkserving.kafka;

import java.io.Serializable;

/** Makes of a message what the job works on. */
@FunctionalInterface
public interface MessageReader<T> extends Serializable {

    /**
     * @param message has a value that is within the size limit
     * @throws BadDataException when the message is not what it should be; a {@link
     *     RuntimeException} says the same without a reason
     */
    T read(KafkaMessage message) throws BadDataException;
}
