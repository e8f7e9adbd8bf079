package io.flinkserving.kafka;

import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import io.flinkserving.wire.ErrorCode;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Makes messages of results. One that the producer would refuse, and with it the job, becomes an
 * error instead.
 */
public final class ResultWriter extends ProcessFunction<ServingResult, KafkaMessage> {

    private static final long serialVersionUID = 1L;

    private final int maxBytes;

    /**
     * @param maxBytes most bytes of a message with its key
     */
    public ResultWriter(int maxBytes) {
        this.maxBytes = maxBytes;
    }

    @Override
    public void processElement(ServingResult result, Context context, Collector<KafkaMessage> out) {
        byte[] value = result.toProto().toByteArray();
        if (ErrorWriter.keySize(result.recordId()) + value.length <= maxBytes) {
            out.collect(new KafkaMessage(result.recordId(), value));
            return;
        }
        context.output(
                ServingError.TAG,
                new ServingError(
                        ErrorCode.RECORD_TOO_LARGE_VALUE,
                        String.format(
                                "the result has %d bytes, more than the producer takes (%d):"
                                        + " raise max.request.size",
                                value.length, maxBytes),
                        result.recordId(),
                        result.dataType(),
                        result.modelName(),
                        result.modelVersion(),
                        System.currentTimeMillis(),
                        null));
    }
}
