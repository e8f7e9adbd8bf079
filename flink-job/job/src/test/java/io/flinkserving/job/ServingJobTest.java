package io.flinkserving.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.example.wine.WineDataToServe;
import java.util.HashSet;
import java.util.Set;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamNode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ServingJobTest {

    private static StreamExecutionEnvironment built(ServingJob.Join join, Configuration flink) {
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.getExecutionEnvironment(flink);
        environment.setParallelism(3);
        JobOptions options = JobOptions.parse("Job", "--exactly-once");
        ServingJob.build(environment, options, join, new WineDataToServe());
        return environment;
    }

    /** Else a savepoint could not be restored by a later version of the job. */
    @ParameterizedTest
    @EnumSource(ServingJob.Join.class)
    void everyOperatorHasAUidOfItsOwn(ServingJob.Join join) {
        Configuration flink = new Configuration();
        flink.set(PipelineOptions.AUTO_GENERATE_UIDS, false);
        // Fails by itself for an operator without one.
        built(join, flink).getStreamGraph().getJobGraph();
        Set<String> uids = new HashSet<>();
        for (StreamNode node : built(join, flink).getStreamGraph().getStreamNodes()) {
            assertThat(node.getTransformationUID()).as(node.getOperatorName()).isNotBlank();
            assertThat(uids.add(node.getTransformationUID())).as(node.toString()).isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource(ServingJob.Join.class)
    void noTypeIsLeftToKryo(ServingJob.Join join) {
        Configuration flink = new Configuration();
        flink.set(PipelineOptions.GENERIC_TYPES, false);
        assertThat(built(join, flink).getStreamGraph().getStreamNodes()).isNotEmpty();
    }

    /** Whatever concerns one data type must arrive in the order of its topic. */
    @ParameterizedTest
    @EnumSource(ServingJob.Join.class)
    void modelsAreReadByOneSubtask(ServingJob.Join join) {
        assertThat(built(join, new Configuration()).getStreamGraph().getStreamNodes())
                .filteredOn(
                        node ->
                                Set.of("models-source", "read-models")
                                        .contains(node.getTransformationUID()))
                .hasSize(2)
                .allMatch(node -> node.getParallelism() == 1);
    }
}
