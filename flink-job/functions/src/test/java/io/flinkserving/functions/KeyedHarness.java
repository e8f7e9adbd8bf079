package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.model.ModelException;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.model.NativeModelFactoriesResolver;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import io.flinkserving.testing.OffsetModels;
import io.flinkserving.testing.Reading;
import io.flinkserving.testing.ReadingToServe;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.Action;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedTwoInputStreamOperatorTestHarness;

/** One subtask of the keyed join, driven step by step. */
final class KeyedHarness implements AutoCloseable {

    static final int MAX_PARALLELISM = 128;

    private final KeyedServingOperator<Reading, Reading> operator;
    private final KeyedTwoInputStreamOperatorTestHarness<
                    String, Reading, ModelToServe, ServingResult>
            harness;
    private long checkpoints;

    KeyedHarness() throws Exception {
        this(new Configuration(), 1, 0);
    }

    KeyedHarness(Configuration options, int parallelism, int subtask) throws Exception {
        ReadingToServe data = new ReadingToServe();
        operator =
                new KeyedServingOperator<>(
                        RecordInput.ofRecords(),
                        new DataProcessorKeyed<>(
                                data,
                                new NativeModelFactoriesResolver()
                                        .with(OffsetModels.TYPE, new OffsetModels()),
                                options));
        harness =
                new KeyedTwoInputStreamOperatorTestHarness<>(
                        operator,
                        new DataTypeKey<>(data),
                        ModelToServe::dataType,
                        Types.STRING,
                        MAX_PARALLELISM,
                        parallelism,
                        subtask);
        harness.getExecutionConfig().getSerializerConfig().setGenericTypes(false);
    }

    static boolean owns(String type, int parallelism, int subtask) {
        return KeyGroupRangeAssignment.assignKeyToParallelOperator(
                        type, MAX_PARALLELISM, parallelism)
                == subtask;
    }

    KeyedHarness open() throws Exception {
        harness.open();
        return this;
    }

    KeyedHarness restore(OperatorSubtaskState state) throws Exception {
        harness.initializeState(state);
        open();
        // Timers of the run before are in the past.
        harness.setProcessingTime(1_000_000);
        return this;
    }

    OperatorSubtaskState snapshot() throws Exception {
        operator.prepareSnapshotPreBarrier(checkpoints);
        return harness.snapshot(checkpoints++, 0);
    }

    void send(ModelDescriptor.Builder descriptor) throws Exception {
        harness.processElement2(new StreamRecord<>(model(descriptor)));
    }

    /** Sends a model and waits until its load is finished and taken over. */
    void serve(String type, String name, String content) throws Exception {
        send(OffsetModels.descriptor(type, name, content));
        takeOver();
    }

    void command(Action action, String type, String name) throws Exception {
        send(ModelDescriptor.newBuilder().setAction(action).setDataType(type).setName(name));
    }

    static ModelToServe model(ModelDescriptor.Builder descriptor) throws ModelException {
        return ModelToServe.of(descriptor.build());
    }

    /** Lets time pass until no load goes on. */
    void takeOver() throws Exception {
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (isLoading()) {
            assertThat(System.nanoTime()).as("a load takes too long").isLessThan(deadline);
            Thread.sleep(1);
            pass(400);
        }
    }

    private boolean isLoading() {
        return ((DataProcessorKeyed<Reading>) operator.getUserFunction()).isLoading();
    }

    void pass(long millis) throws Exception {
        harness.setProcessingTime(harness.getProcessingTime() + millis);
    }

    void record(String type, double value) throws Exception {
        record(type, null, value);
    }

    void record(String type, String id, double value) throws Exception {
        harness.processElement1(new StreamRecord<>(new Reading(type, id, value)));
    }

    void finish() throws Exception {
        operator.finish();
    }

    /** What came out since the last call. */
    List<ServingResult> results() {
        List<ServingResult> results = new ArrayList<>(harness.extractOutputValues());
        harness.getOutput().clear();
        return results;
    }

    /** "sum by name" of each result since the last call. */
    List<String> sums() {
        List<String> sums = new ArrayList<>();
        for (ServingResult result : results()) {
            sums.add(result.getDouble("sum") + " by " + result.modelName());
        }
        return sums;
    }

    /** Errors since the last call. */
    List<ServingError> errors() {
        List<ServingError> errors = new ArrayList<>();
        if (harness.getSideOutput(ServingError.TAG) != null) {
            harness.getSideOutput(ServingError.TAG).forEach(e -> errors.add(e.getValue()));
            harness.getSideOutput(ServingError.TAG).clear();
        }
        return errors;
    }

    /** What a query of the state would find; null: nothing. */
    ModelToServeStats stats(String type) throws Exception {
        AbstractStreamOperator<?> any = operator;
        any.setCurrentKey(type);
        ValueState<ModelToServeStats> state =
                any.getKeyedStateBackend()
                        .getPartitionedState(
                                VoidNamespace.INSTANCE,
                                VoidNamespaceSerializer.INSTANCE,
                                DataProcessorKeyed.statsDescriptor());
        return state.value();
    }

    /** Ends as a task that is cancelled does: without finishing. */
    @Override
    public void close() throws Exception {
        operator.close();
        harness.getEnvironment().close();
    }
}
