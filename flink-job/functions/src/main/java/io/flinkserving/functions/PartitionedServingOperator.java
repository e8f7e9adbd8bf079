package io.flinkserving.functions;

import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ServingResult;
import org.apache.flink.streaming.api.operators.AbstractUdfStreamOperator;
import org.apache.flink.streaming.api.operators.TwoInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.LatencyMarker;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Runs {@link DataProcessorMap} and does what a function without timers and side outputs can't: it
 * scores records that wait already in one call of the library, takes loaded models over while no
 * record comes, waits for loads when the input ends, and sends errors to their side output.
 *
 * @param <E> elements of the record input, see {@link RecordInput}
 * @param <R> records
 */
final class PartitionedServingOperator<E, R>
        extends AbstractUdfStreamOperator<ServingResult, DataProcessorMap<R>>
        implements TwoInputStreamOperator<E, ModelToServe, ServingResult> {

    private static final long serialVersionUID = 1L;

    private static final long POLL_MILLIS = 20;

    private final RecordInput<E, R> input;

    private transient boolean armed;
    private transient BatchSchedule.InputAhead ahead;
    private transient OutcomeEmitter emitter;
    private transient RecordBatch<R> batch;
    private transient BatchSchedule schedule;

    PartitionedServingOperator(RecordInput<E, R> input, DataProcessorMap<R> processor) {
        super(processor);
        this.input = input;
    }

    /** In place of what the task's gates say, for tests that have none. */
    void setInputAhead(BatchSchedule.InputAhead inputAhead) {
        ahead = inputAhead;
    }

    @Override
    public void open() throws Exception {
        super.open();
        emitter = new OutcomeEmitter(output);
        batch = userFunction.batch(input, emitter, this::processAlone);
        schedule = new BatchSchedule(batch, this, ahead);
        input.open(getMetricGroup().getIOMetricGroup().getNumRecordsInCounter());
        pollAndArm();
    }

    @Override
    public void processElement1(StreamRecord<E> element) throws Exception {
        input.read(element, batch);
        schedule.added();
    }

    private void processAlone(StreamRecord<R> record) throws Exception {
        emitter.comesOf(record);
        userFunction.flatMap1(record.getValue(), emitter);
    }

    @Override
    public void processElement2(StreamRecord<ModelToServe> model) throws Exception {
        batch.flush();
        emitter.comesOf(model);
        userFunction.flatMap2(model.getValue(), emitter);
        if (!armed) {
            pollAndArm();
        }
    }

    private void pollAndArm() throws Exception {
        batch.flush();
        armed = userFunction.poll(emitter);
        if (armed) {
            long now = getProcessingTimeService().getCurrentProcessingTime();
            getProcessingTimeService().registerTimer(now + POLL_MILLIS, time -> pollAndArm());
        }
    }

    @Override
    public void processWatermark(Watermark mark) throws Exception {
        batch.flush();
        super.processWatermark(mark);
    }

    @Override
    public void processLatencyMarker(LatencyMarker marker) throws Exception {
        batch.flush();
        super.processLatencyMarker(marker);
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) throws Exception {
        batch.flush();
        super.prepareSnapshotPreBarrier(checkpointId);
    }

    @Override
    public void finish() throws Exception {
        batch.flush();
        userFunction.finishLoads(emitter);
        super.finish();
    }
}
