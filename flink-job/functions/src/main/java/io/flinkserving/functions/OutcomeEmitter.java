package io.flinkserving.functions;

import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingOutcome;
import io.flinkserving.model.ServingResult;
import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.api.operators.TimestampedCollector;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.Collector;

/**
 * Sends results on and errors to {@link ServingError#TAG}, with the time of their record if it has
 * one.
 */
final class OutcomeEmitter implements Collector<ServingOutcome> {

    private final Output<StreamRecord<ServingResult>> output;
    private final TimestampedCollector<ServingResult> results;
    private StreamRecord<?> record = new StreamRecord<>(null);

    OutcomeEmitter(Output<StreamRecord<ServingResult>> output) {
        this.output = output;
        this.results = new TimestampedCollector<>(output);
    }

    /** What is emitted from now on comes of this record or message. */
    void comesOf(StreamRecord<?> next) {
        record = next;
        results.setTimestamp(next);
    }

    @Override
    public void collect(ServingOutcome outcome) {
        if (outcome instanceof ServingResult) {
            results.collect((ServingResult) outcome);
        } else {
            ServingError error = (ServingError) outcome;
            output.collect(
                    ServingError.TAG,
                    record.hasTimestamp()
                            ? new StreamRecord<>(error, record.getTimestamp())
                            : new StreamRecord<>(error));
        }
    }

    @Override
    public void close() {}
}
