package io.flinkserving.functions;

import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.streaming.api.functions.co.KeyedCoProcessFunction;
import org.apache.flink.streaming.api.operators.InternalTimer;
import org.apache.flink.streaming.api.operators.co.KeyedCoProcessOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.LatencyMarker;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Runs {@link DataProcessorKeyed} and does what a function can't: it scores records that wait
 * already in one call of the library, and makes the stats exact in each checkpoint, though records
 * do not write state. A function is not told of watermarks, nor of a checkpoint in time to write
 * keyed state of all keys.
 *
 * @param <E> elements of the record input, see {@link RecordInput}
 * @param <R> records
 */
final class KeyedServingOperator<E, R>
        extends KeyedCoProcessOperator<String, E, ModelToServe, ServingResult> {

    private static final long serialVersionUID = 1L;

    /**
     * The key that the state backend has, by identity: data types that come again are one String.
     */
    private transient Object currentKey;

    private final RecordInput<E, R> input;

    private transient BatchSchedule.InputAhead ahead;
    private transient RecordBatch<R> batch;
    private transient BatchSchedule schedule;

    @SuppressWarnings("unchecked") // The function only gets records, see processAlone.
    KeyedServingOperator(RecordInput<E, R> input, DataProcessorKeyed<R> processor) {
        super(
                (KeyedCoProcessFunction<String, E, ModelToServe, ServingResult>)
                        (KeyedCoProcessFunction<?, ?, ?, ?>) processor);
        this.input = input;
    }

    /** In place of what the task's gates say, for tests that have none. */
    void setInputAhead(BatchSchedule.InputAhead inputAhead) {
        ahead = inputAhead;
    }

    @Override
    public void open() throws Exception {
        super.open();
        batch = processor().batch(input, new OutcomeEmitter(output), this::processAlone);
        schedule = new BatchSchedule(batch, this, ahead);
        input.open(getMetricGroup().getIOMetricGroup().getNumRecordsInCounter());
    }

    /** Only what writes or reads state sets the key. */
    @Override
    public boolean hasKeyContext1() {
        return false;
    }

    /** As {@link #hasKeyContext1} says. */
    @Override
    @SuppressWarnings("rawtypes")
    public void setKeyContextElement1(StreamRecord record) {}

    /** Records of one data type in a row do not each have to tell the state backend so. */
    @Override
    public void setCurrentKey(Object key) {
        if (key != currentKey) {
            super.setCurrentKey(key);
            currentKey = key;
        }
    }

    @Override
    public void processElement1(StreamRecord<E> element) throws Exception {
        input.read(element, batch);
        schedule.added();
    }

    @SuppressWarnings("unchecked") // The element is one record.
    private void processAlone(StreamRecord<R> record) throws Exception {
        setCurrentKey(processor().key(record.getValue()));
        super.processElement1((StreamRecord<E>) record);
    }

    @Override
    public void processElement2(StreamRecord<ModelToServe> model) throws Exception {
        flushAndKeepKey();
        super.processElement2(model);
    }

    @Override
    public void onProcessingTime(InternalTimer<String, VoidNamespace> timer) throws Exception {
        flushAndKeepKey();
        super.onProcessingTime(timer);
    }

    /**
     * Flink has set the key of what comes next; a record of the batch that has to be scored alone
     * sets its own.
     */
    private void flushAndKeepKey() throws Exception {
        Object key = getCurrentKey();
        batch.flush();
        setCurrentKey(key);
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
        processor().flushAll(this::setCurrentKey);
    }

    @Override
    public void finish() throws Exception {
        batch.flush();
        processor()
                .finishLoads(
                        this::setCurrentKey,
                        error -> output.collect(ServingError.TAG, new StreamRecord<>(error)),
                        getProcessingTimeService().getCurrentProcessingTime());
        processor().flushAll(this::setCurrentKey);
        super.finish();
    }

    /** The instance that runs: Flink may have made another one of the one in the constructor. */
    @SuppressWarnings("unchecked")
    private DataProcessorKeyed<R> processor() {
        return (DataProcessorKeyed<R>) (KeyedCoProcessFunction<?, ?, ?, ?>) userFunction;
    }
}
