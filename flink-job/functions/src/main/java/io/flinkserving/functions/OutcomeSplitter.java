package io.flinkserving.functions;

import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingOutcome;
import io.flinkserving.model.ServingResult;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Passes results on and sends errors to {@link ServingError#TAG}; follows {@link DataProcessorMap}.
 */
public final class OutcomeSplitter extends ProcessFunction<ServingOutcome, ServingResult> {

    private static final long serialVersionUID = 1L;

    @Override
    public void processElement(
            ServingOutcome outcome, Context context, Collector<ServingResult> out) {
        if (outcome instanceof ServingResult) {
            out.collect((ServingResult) outcome);
        } else {
            context.output(ServingError.TAG, (ServingError) outcome);
        }
    }
}
