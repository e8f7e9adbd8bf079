package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.NativeModelFactoriesResolver;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.testing.Wine;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedTwoInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.TwoInputStreamOperatorTestHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Records that are scored together, in both joins, while more of them wait at the input. */
class RecordBatchTest {

    private static final int BATCH = 4;

    private TwoInputStreamOperatorTestHarness<Wine, ModelToServe, ServingResult> job;
    private AbstractStreamOperator<ServingResult> operator;
    private boolean more = true;
    private long time;

    private void open(boolean keyed) throws Exception {
        Configuration options = new Configuration();
        options.set(ModelServingOptions.BATCH_SIZE, BATCH);
        options.set(ModelServingOptions.MAX_RECORD_SIZE, MemorySize.parse("4kb"));
        Wine.ToServe data = new Wine.ToServe();
        NativeModelFactoriesResolver models = new NativeModelFactoriesResolver();
        if (keyed) {
            KeyedServingOperator<Wine> serving =
                    new KeyedServingOperator<>(new DataProcessorKeyed<>(data, models, options));
            serving.setInputAhead(() -> more);
            operator = serving;
            job =
                    new KeyedTwoInputStreamOperatorTestHarness<>(
                            serving, new DataTypeKey<>(data), ModelToServe::dataType, Types.STRING);
        } else {
            PartitionedServingOperator<Wine> serving =
                    new PartitionedServingOperator<>(new DataProcessorMap<>(data, models, options));
            serving.setInputAhead(() -> more);
            operator = serving;
            job = new TwoInputStreamOperatorTestHarness<>(serving);
        }
        job.open();
        serve("wine", "w", 1000);
        serve("beer", "b", 2000);
        outcomes();
    }

    @AfterEach
    void close() throws Exception {
        operator.close();
        job.getEnvironment().close();
    }

    /** Sends a model and lets records pass until it serves. */
    private void serve(String type, String name, double intercept) throws Exception {
        job.processElement2(
                new StreamRecord<>(KeyedHarness.model(Wine.linear(type, name, intercept))));
        for (int tries = 0; tries < 5000; tries++) {
            send(0, type, 1);
            job.processWatermark1(new Watermark(time));
            job.processWatermark2(new Watermark(time));
            job.setProcessingTime(job.getProcessingTime() + 10);
            if (outcomes().contains("0 by " + name + " = " + (intercept + 2))) {
                return;
            }
            Thread.sleep(1);
        }
        throw new AssertionError(name + " does not serve");
    }

    private void send(long id, String type, double alcohol) throws Exception {
        job.processElement1(new StreamRecord<>(Wine.of(id, type, alcohol), ++time));
    }

    /**
     * "record by model = score", or "record: error", of each since the last call; results first.
     */
    private List<String> outcomes() {
        List<String> outcomes = new ArrayList<>();
        for (ServingResult result : job.extractOutputValues()) {
            outcomes.add(
                    result.recordId()
                            + " by "
                            + result.modelName()
                            + " = "
                            + result.getDouble("quality"));
        }
        job.getOutput().clear();
        if (job.getSideOutput(ServingError.TAG) != null) {
            job.getSideOutput(ServingError.TAG)
                    .forEach(
                            e ->
                                    outcomes.add(
                                            e.getValue().recordId() + ": " + e.getValue().code()));
            job.getSideOutput(ServingError.TAG).clear();
        }
        return outcomes;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aFullBatchLeavesInTheOrderOfItsRecords(boolean keyed) throws Exception {
        open(keyed);
        send(1, "wine", 10);
        send(2, "beer", 10);
        send(3, "wine", 11);
        assertThat(outcomes()).isEmpty();
        send(4, "beer", 11);
        assertThat(outcomes())
                .containsExactly(
                        "1 by w = 1020.0", "2 by b = 2020.0", "3 by w = 1022.0", "4 by b = 2022.0");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void timestampsAreThoseOfTheRecords(boolean keyed) throws Exception {
        open(keyed);
        long before = time;
        send(1, "wine", 10);
        send(2, "wine", -10);
        operator.prepareSnapshotPreBarrier(1);
        assertThat(job.getOutput())
                .extracting(each -> ((StreamRecord<?>) each).getTimestamp())
                .containsExactly(before + 1);
        assertThat(job.getSideOutput(ServingError.TAG))
                .extracting(StreamRecord::getTimestamp)
                .containsExactly(before + 2);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void nothingWaitsOverABarrierAWatermarkOrAModel(boolean keyed) throws Exception {
        open(keyed);
        send(1, "wine", 10);
        operator.prepareSnapshotPreBarrier(1);
        assertThat(outcomes()).containsExactly("1 by w = 1020.0");
        send(2, "wine", 10);
        job.processWatermark1(new Watermark(time));
        job.processWatermark2(new Watermark(time));
        assertThat(job.getOutput().peek()).isInstanceOf(StreamRecord.class);
        assertThat(outcomes()).containsExactly("2 by w = 1020.0");
        send(3, "wine", 10);
        job.processElement2(new StreamRecord<>(KeyedHarness.model(Wine.linear("tea", "t", 0))));
        assertThat(outcomes()).containsExactly("3 by w = 1020.0");
        send(4, "wine", 10);
        operator.finish();
        assertThat(outcomes()).containsExactly("4 by w = 1020.0");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void nothingWaitsLongWhenNoMoreComes(boolean keyed) throws Exception {
        open(keyed);
        send(1, "wine", 10);
        job.setProcessingTime(job.getProcessingTime() + 10);
        job.setProcessingTime(job.getProcessingTime() + 10);
        job.setProcessingTime(job.getProcessingTime() + 10);
        assertThat(outcomes()).containsExactly("1 by w = 1020.0");
        more = false;
        send(2, "wine", 10);
        while (job.getTaskMailbox().hasMail()) {
            job.getTaskMailbox().take(0).run();
        }
        assertThat(outcomes()).containsExactly("2 by w = 1020.0");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aBadRecordFailsAlone(boolean keyed) throws Exception {
        open(keyed);
        send(1, "wine", 10);
        send(2, "wine", -10);
        job.processElement1(
                new StreamRecord<>(
                        new Wine(3, concat(Wine.of(3, "wine", 1).value, new byte[] {9, 1}))));
        send(4, "wine", 11);
        operator.prepareSnapshotPreBarrier(1);
        assertThat(outcomes())
                .containsExactlyInAnyOrder(
                        "1 by w = 1020.0",
                        "2: FIELD_INVALID",
                        "3: RECORD_UNREADABLE",
                        "4 by w = 1022.0");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aBatchOfBadRecordsOnlyIsNoDuration(boolean keyed) throws Exception {
        open(keyed);
        long slowest = maxNanos(keyed);
        for (int round = 0; round < 50; round++) {
            send(1, "wine", -10);
            operator.prepareSnapshotPreBarrier(round);
        }
        assertThat(outcomes()).hasSize(50).containsOnly("1: FIELD_INVALID");
        assertThat(maxNanos(keyed)).isEqualTo(slowest);
    }

    @SuppressWarnings("unchecked")
    private long maxNanos(boolean keyed) throws Exception {
        if (!keyed) {
            return ((PartitionedServingOperator<Wine>) operator)
                    .getUserFunction()
                    .stats("wine")
                    .maxNanos();
        }
        operator.prepareSnapshotPreBarrier(1);
        operator.setCurrentKey("wine");
        return operator.getKeyedStateBackend()
                .getPartitionedState(
                        VoidNamespace.INSTANCE,
                        VoidNamespaceSerializer.INSTANCE,
                        DataProcessorKeyed.statsDescriptor())
                .value()
                .maxNanos();
    }

    /** Two records fit the buffer alone but not together, and one does not fit it at all. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void largeRecordsDoNotHarmTheirNeighbours(boolean keyed) throws Exception {
        open(keyed);
        send(1, "wine", 10);
        for (int id = 2; id < 5; id++) {
            byte[] filling = concat(new byte[] {-6, 1, -72, 23}, new byte[3000]);
            job.processElement1(
                    new StreamRecord<>(
                            new Wine(id, concat(Wine.of(id, "wine", id).value, filling))));
        }
        byte[] huge = concat(new byte[] {-6, 1, -120, 39}, new byte[5000]);
        job.processElement1(
                new StreamRecord<>(new Wine(5, concat(Wine.of(5, "wine", 5).value, huge))));
        send(6, "wine", 11);
        operator.prepareSnapshotPreBarrier(1);
        assertThat(outcomes())
                .containsExactly(
                        "1 by w = 1020.0",
                        "2 by w = 1004.0",
                        "3 by w = 1006.0",
                        "4 by w = 1008.0",
                        "6 by w = 1022.0",
                        "5: RECORD_TOO_LARGE");
    }

    private static byte[] concat(byte[] first, byte[] second) {
        byte[] both = java.util.Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }
}
