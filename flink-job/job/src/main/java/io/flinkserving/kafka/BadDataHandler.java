package io.flinkserving.kafka;

import io.flinkserving.metrics.MetricNames;
import io.flinkserving.model.ServingError;
import io.flinkserving.wire.ErrorCode;
import java.util.Arrays;
import java.util.Objects;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.metrics.Counter;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Stands behind a source: passes on what can be read and sends everything else, with the reason, to
 * {@link ServingError#TAG}. Nothing is dropped and nothing fails the job.
 */
public final class BadDataHandler<T> extends ProcessFunction<KafkaMessage, T> {

    private static final long serialVersionUID = 1L;

    private final MessageReader<T> reader;
    private final Limits limits;

    private transient Counter refused;

    public BadDataHandler(MessageReader<T> reader, Limits limits) {
        this.reader = Objects.requireNonNull(reader);
        this.limits = Objects.requireNonNull(limits);
    }

    @Override
    public void open(OpenContext context) {
        refused =
                getRuntimeContext()
                        .getMetricGroup()
                        .addGroup(MetricNames.GROUP)
                        .counter(limits.counter);
    }

    @Override
    public void processElement(KafkaMessage message, Context context, Collector<T> out) {
        T read;
        try {
            limits.check(message);
            read = reader.read(message);
        } catch (BadDataException e) {
            refuse(message, e, context);
            return;
        } catch (RuntimeException e) {
            refuse(message, new BadDataException(limits.unreadable, e.toString()), context);
            return;
        }
        out.collect(read);
    }

    private void refuse(KafkaMessage message, BadDataException failure, Context context) {
        refused.inc();
        context.output(ServingError.TAG, error(message, failure));
    }

    private ServingError error(KafkaMessage message, BadDataException failure) {
        byte[] value = message.value();
        return new ServingError(
                failure.getCode().getNumber(),
                failure.getMessage(),
                message.id(),
                failure.getDataType(),
                failure.getModelName(),
                failure.getModelVersion(),
                System.currentTimeMillis(),
                value == null || value.length <= limits.maxErrorInput
                        ? value
                        : Arrays.copyOf(value, limits.maxErrorInput));
    }

    /** What a message may be, and how it is called when it is not. */
    public static final class Limits implements java.io.Serializable {

        private static final long serialVersionUID = 1L;

        private final String what;
        private final long maxSize;
        private final String sizeOption;
        private final int maxErrorInput;
        private final ErrorCode unreadable;
        private final ErrorCode tooLarge;
        private final String counter;

        private Limits(
                String what,
                long maxSize,
                String sizeOption,
                long maxErrorInput,
                ErrorCode unreadable,
                ErrorCode tooLarge,
                String counter) {
            this.what = what;
            this.maxSize = maxSize;
            this.sizeOption = sizeOption;
            this.maxErrorInput = (int) Math.min(Integer.MAX_VALUE, maxErrorInput);
            this.unreadable = unreadable;
            this.tooLarge = tooLarge;
            this.counter = counter;
        }

        /**
         * @param maxSize most bytes of a message
         * @param sizeOption the option that says so
         * @param maxErrorInput most bytes of it that an error carries
         */
        public static Limits ofRecords(long maxSize, String sizeOption, long maxErrorInput) {
            return new Limits(
                    "record",
                    maxSize,
                    sizeOption,
                    maxErrorInput,
                    ErrorCode.RECORD_UNREADABLE,
                    ErrorCode.RECORD_TOO_LARGE,
                    MetricNames.UNREADABLE);
        }

        /** Likewise for the messages of the model stream. */
        public static Limits ofModels(long maxSize, String sizeOption, long maxErrorInput) {
            return new Limits(
                    "model message",
                    maxSize,
                    sizeOption,
                    maxErrorInput,
                    ErrorCode.DESCRIPTOR_UNREADABLE,
                    ErrorCode.MODEL_TOO_LARGE,
                    MetricNames.REJECTED_MODELS);
        }

        private void check(KafkaMessage message) throws BadDataException {
            byte[] value = message.value();
            if (value == null) {
                throw new BadDataException(unreadable, "the " + what + " has no value");
            }
            if (value.length > maxSize) {
                throw new BadDataException(
                        tooLarge,
                        String.format(
                                "the %s has %d bytes, more than %s (%d)",
                                what, value.length, sizeOption, maxSize));
            }
        }
    }
}
