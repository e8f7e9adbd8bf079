package io.flinkserving.functions;

import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;

/** What {@link ModelServing#predict()} gives. */
public final class ServedStream {

    private final SingleOutputStreamOperator<ServingResult> results;
    private final DataStream<ServingError> errors;

    ServedStream(
            SingleOutputStreamOperator<ServingResult> results, DataStream<ServingError> errors) {
        this.results = results;
        this.errors = errors;
    }

    /** The scores. */
    public SingleOutputStreamOperator<ServingResult> results() {
        return results;
    }

    /** Records without a score, and model messages that were not taken. */
    public DataStream<ServingError> errors() {
        return errors;
    }
}
