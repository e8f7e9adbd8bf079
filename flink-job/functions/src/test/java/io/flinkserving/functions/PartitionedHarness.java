package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.model.NativeModelFactoriesResolver;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import io.flinkserving.testing.OffsetModels;
import io.flinkserving.testing.Reading;
import io.flinkserving.testing.ReadingToServe;
import io.flinkserving.wire.ModelDescriptor;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.TwoInputStreamOperatorTestHarness;

/** One subtask of the partitioned join, driven step by step. */
final class PartitionedHarness implements AutoCloseable {

    static final int MAX_PARALLELISM = 128;

    private final DataProcessorMap<Reading> processor;
    private final PartitionedServingOperator<Reading, Reading> operator;
    private final TwoInputStreamOperatorTestHarness<Reading, ModelToServe, ServingResult> harness;
    private long checkpoints;

    PartitionedHarness(int parallelism, int subtask) throws Exception {
        processor =
                new DataProcessorMap<>(
                        new ReadingToServe(),
                        new NativeModelFactoriesResolver()
                                .with(OffsetModels.TYPE, new OffsetModels()),
                        new Configuration());
        operator = new PartitionedServingOperator<>(RecordInput.ofRecords(), processor);
        harness =
                new TwoInputStreamOperatorTestHarness<>(
                        operator, MAX_PARALLELISM, parallelism, subtask);
        harness.getExecutionConfig().getSerializerConfig().setGenericTypes(false);
    }

    PartitionedHarness open() throws Exception {
        harness.open();
        return this;
    }

    PartitionedHarness restore(OperatorSubtaskState state) throws Exception {
        harness.initializeState(state);
        return open();
    }

    OperatorSubtaskState snapshot() throws Exception {
        operator.prepareSnapshotPreBarrier(checkpoints);
        return harness.snapshot(checkpoints++, 0);
    }

    void send(ModelDescriptor.Builder descriptor) throws Exception {
        harness.processElement2(new StreamRecord<>(KeyedHarness.model(descriptor)));
    }

    void serve(String type, String name, String content) throws Exception {
        send(OffsetModels.descriptor(type, name, content));
        takeOver();
    }

    /** Lets time pass, and nothing else, until no load goes on. */
    void takeOver() throws Exception {
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (processor.isLoading()) {
            assertThat(System.nanoTime()).as("a load takes too long").isLessThan(deadline);
            Thread.sleep(1);
            harness.setProcessingTime(harness.getProcessingTime() + 50);
        }
    }

    void record(String type, double value) throws Exception {
        harness.processElement1(new StreamRecord<>(new Reading(type, null, value)));
    }

    /** "sum by name" of each result since the last call, then the codes of the errors. */
    List<String> outcomes() {
        List<String> outcomes = new ArrayList<>();
        for (ServingResult result : harness.extractOutputValues()) {
            outcomes.add(result.getDouble("sum") + " by " + result.modelName());
        }
        harness.getOutput().clear();
        if (harness.getSideOutput(ServingError.TAG) != null) {
            harness.getSideOutput(ServingError.TAG)
                    .forEach(error -> outcomes.add(error.getValue().code().name()));
            harness.getSideOutput(ServingError.TAG).clear();
        }
        return outcomes;
    }

    /** Records that the model of this name scored in this subtask. */
    long usage(String type, String name) throws Exception {
        ModelToServeStats stats = processor.stats(type);
        if (stats == null) {
            return 0;
        }
        List<ModelToServeStats> versions = new ArrayList<>(stats.previous());
        versions.add(stats);
        return versions.stream()
                .filter(version -> version.name().equals(name))
                .mapToLong(ModelToServeStats::usage)
                .sum();
    }

    /** Ends as a task that is cancelled does: without finishing. */
    @Override
    public void close() throws Exception {
        operator.close();
        harness.getEnvironment().close();
    }
}
