package io.flinkserving.functions;

import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ServingOutcome;
import org.apache.flink.streaming.api.operators.co.CoStreamFlatMap;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Runs {@link DataProcessorMap}, which has no timers of its own: takes loaded models over while no
 * record comes, and waits for loads when the input ends.
 */
final class PartitionedServingOperator<R> extends CoStreamFlatMap<R, ModelToServe, ServingOutcome> {

    private static final long serialVersionUID = 1L;

    private static final long POLL_MILLIS = 20;

    private transient boolean armed;

    PartitionedServingOperator(DataProcessorMap<R> processor) {
        super(processor);
    }

    @Override
    public void open() throws Exception {
        super.open();
        pollAndArm();
    }

    @Override
    public void processElement2(StreamRecord<ModelToServe> element) throws Exception {
        super.processElement2(element);
        if (!armed) {
            pollAndArm();
        }
    }

    private void pollAndArm() throws Exception {
        armed = processor().poll(getCollector());
        if (armed) {
            long now = getProcessingTimeService().getCurrentProcessingTime();
            getProcessingTimeService().registerTimer(now + POLL_MILLIS, time -> pollAndArm());
        }
    }

    @Override
    public void finish() throws Exception {
        processor().finishLoads(getCollector());
        super.finish();
    }

    /** The instance that runs: Flink may have made another one of the one in the constructor. */
    private DataProcessorMap<R> processor() {
        return (DataProcessorMap<R>) userFunction;
    }
}
