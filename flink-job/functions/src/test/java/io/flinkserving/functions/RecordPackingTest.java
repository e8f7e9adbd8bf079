package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.testing.Reading;
import io.flinkserving.testing.ReadingToServe;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.jobgraph.JobVertex;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Records are packed within the task that produces them, or not at all. */
class RecordPackingTest {

    private final StreamExecutionEnvironment environment =
            StreamExecutionEnvironment.getExecutionEnvironment(new Configuration());
    private final Configuration options = new Configuration();

    private DataStream<Reading> records() {
        return environment.fromData(new Reading("a", null, 1)).setParallelism(1).name("records");
    }

    /** The tasks of a job that serves these records. */
    private List<String> tasks(DataStream<Reading> records, boolean keyed) {
        ModelServing<Reading> serving =
                ModelServing.of(records)
                        .withModelDescriptors(
                                environment.fromData(
                                        PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO,
                                        new byte[0]),
                                new ReadingToServe())
                        .options(options);
        ServedStream served = (keyed ? serving.keyed() : serving.partitioned()).predict();
        served.results().sinkTo(new DiscardingSink<>());
        served.errors().sinkTo(new DiscardingSink<>());
        List<String> tasks = new ArrayList<>();
        for (JobVertex task : environment.getStreamGraph().getJobGraph().getVertices()) {
            tasks.add(task.getName());
        }
        return tasks;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theTaskOfASourcePacksItsRecords(boolean keyed) {
        environment.setParallelism(3);
        assertThat(tasks(records(), keyed))
                .contains("Source: records -> model-serving: pack records");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void recordsThatGoThroughTheNetworkAnywayAreNot(boolean keyed) {
        assertThat(tasks(records().rebalance(), keyed))
                .contains("Source: records")
                .noneMatch(task -> task.contains("pack"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void norAreThoseThatMayNotWait(boolean keyed) {
        environment.setBufferTimeout(0);
        assertThat(tasks(records(), keyed)).noneMatch(task -> task.contains("pack"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void norAreThoseThatAreScoredOneByOne(boolean keyed) {
        options.set(ModelServingOptions.BATCH_SIZE, 1);
        assertThat(tasks(records(), keyed)).noneMatch(task -> task.contains("pack"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void norAreThoseOfAJobWithoutChains(boolean keyed) {
        environment.disableOperatorChaining();
        assertThat(tasks(records(), keyed)).noneMatch(task -> task.contains("pack"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void norAreThoseOfABatchJob(boolean keyed) {
        environment.setRuntimeMode(RuntimeExecutionMode.BATCH);
        assertThat(tasks(records(), keyed)).noneMatch(task -> task.contains("pack"));
    }
}
