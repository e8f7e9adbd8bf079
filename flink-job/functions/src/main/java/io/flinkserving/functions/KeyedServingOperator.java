package io.flinkserving.functions;

import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import org.apache.flink.streaming.api.operators.co.KeyedCoProcessOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Runs {@link DataProcessorKeyed} and makes its stats exact in each checkpoint, though records do
 * not write state: a function is not told of a checkpoint in time to write keyed state of all keys,
 * an operator is.
 */
final class KeyedServingOperator<R>
        extends KeyedCoProcessOperator<String, R, ModelToServe, ServingResult> {

    private static final long serialVersionUID = 1L;

    /**
     * The key that the state backend has, by identity: data types that come again are one String.
     */
    private transient Object currentKey;

    KeyedServingOperator(DataProcessorKeyed<R> processor) {
        super(processor);
    }

    /** Records of one data type in a row do not each have to tell the state backend so. */
    @Override
    public void setCurrentKey(Object key) {
        if (key != currentKey) {
            super.setCurrentKey(key);
            currentKey = key;
        }
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) throws Exception {
        super.prepareSnapshotPreBarrier(checkpointId);
        processor().flushAll(this::setCurrentKey);
    }

    @Override
    public void finish() throws Exception {
        processor()
                .finishLoads(
                        this::setCurrentKey,
                        error -> output.collect(ServingError.TAG, new StreamRecord<>(error)),
                        getProcessingTimeService().getCurrentProcessingTime());
        processor().flushAll(this::setCurrentKey);
        super.finish();
    }

    /** The instance that runs: Flink may have made another one of the one in the constructor. */
    private DataProcessorKeyed<R> processor() {
        return (DataProcessorKeyed<R>) userFunction;
    }
}
