package io.flinkserving.functions;

import io.flinkserving.data.RecordBlock;
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
    private boolean hasTimestamp;
    private long timestamp;

    OutcomeEmitter(Output<StreamRecord<ServingResult>> output) {
        this.output = output;
        this.results = new TimestampedCollector<>(output);
    }

    /** What is emitted from now on comes of this record or message. */
    void comesOf(StreamRecord<?> record) {
        hasTimestamp = record.hasTimestamp();
        timestamp = hasTimestamp ? record.getTimestamp() : 0;
        results.setTimestamp(record);
    }

    /** The same for a record with this time, or {@link RecordBlock#NO_TIMESTAMP}. */
    void comesOf(long time) {
        hasTimestamp = time != RecordBlock.NO_TIMESTAMP;
        timestamp = time;
        if (hasTimestamp) {
            results.setAbsoluteTimestamp(time);
        } else {
            results.eraseTimestamp();
        }
    }

    void collectResult(ServingResult result) {
        results.collect(result);
    }

    @Override
    public void collect(ServingOutcome outcome) {
        if (outcome instanceof ServingResult) {
            results.collect((ServingResult) outcome);
        } else {
            ServingError error = (ServingError) outcome;
            output.collect(
                    ServingError.TAG,
                    hasTimestamp
                            ? new StreamRecord<>(error, timestamp)
                            : new StreamRecord<>(error));
        }
    }

    @Override
    public void close() {}
}
