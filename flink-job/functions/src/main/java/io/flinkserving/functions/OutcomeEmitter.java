package io.flinkserving.functions;

import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingOutcome;
import io.flinkserving.model.ServingResult;
import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.Collector;

/**
 * Sends results on and errors to {@link ServingError#TAG}, with the time of their record if it has
 * one.
 */
final class OutcomeEmitter implements Collector<ServingOutcome> {

    private final Output<StreamRecord<ServingResult>> output;
    private final StreamRecord<ServingResult> result = new StreamRecord<>(null);

    OutcomeEmitter(Output<StreamRecord<ServingResult>> output) {
        this.output = output;
    }

    /** What is emitted from now on comes of this record or message. */
    void comesOf(StreamRecord<?> next) {
        if (next.hasTimestamp()) {
            comesOf(next.getTimestamp());
        } else {
            hasNoTimestamp();
        }
    }

    /** What is emitted from now on comes of a record with this timestamp. */
    void comesOf(long timestamp) {
        result.setTimestamp(timestamp);
    }

    /** What is emitted from now on comes of a record without a timestamp. */
    void hasNoTimestamp() {
        result.eraseTimestamp();
    }

    @Override
    public void collect(ServingOutcome outcome) {
        if (outcome instanceof ServingResult) {
            output.collect(result.replace((ServingResult) outcome));
        } else {
            output.collect(ServingError.TAG, result.copy(null).replace((ServingError) outcome));
        }
    }

    @Override
    public void close() {}
}
