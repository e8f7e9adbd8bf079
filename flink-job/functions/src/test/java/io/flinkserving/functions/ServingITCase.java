package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import io.flinkserving.boundary.NativeLibrary;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import io.flinkserving.testing.FailOnce;
import io.flinkserving.testing.Outcomes;
import io.flinkserving.testing.Wine;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.Action;
import io.flinkserving.wire.WineRecord;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.flink.util.CloseableIterator;
import org.awaitility.core.ConditionTimeoutException;
import org.awaitility.core.TerminalFailureException;
import org.awaitility.core.ThrowingRunnable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole jobs on a MiniCluster with the native library. */
class ServingITCase {

    @RegisterExtension
    static final MiniClusterExtension CLUSTER =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(4)
                            .build());

    @TempDir Path folder;

    @AfterEach
    void noNativeHandleIsLeft() {
        await().atMost(Duration.ofSeconds(30))
                .untilAsserted(
                        () -> {
                            assertThat(NativeLibrary.liveScorers()).isZero();
                            assertThat(NativeLibrary.liveModels()).isZero();
                        });
    }

    private static double alcohol(long id) {
        return id % 100;
    }

    private static Wine record(long id) {
        return Wine.of(id, id % 3 == 0 ? "beer" : "wine", alcohol(id));
    }

    private static String describe(ServingResult result) {
        return result.recordId() + " " + result.modelName() + " " + result.getDouble("quality");
    }

    @ParameterizedTest
    @EnumSource(ServingJob.Kind.class)
    void everyRecordHasExactlyOneOutcomeAcrossAFailure(ServingJob.Kind kind) throws Exception {
        int count = 20_000;
        FailOnce.arm(kind.name());
        ServingJob job = new ServingJob(kind, new Configuration(), 2, 1);
        DataStream<Wine> records =
                job.records(ServingITCase::record, count, 5000)
                        .map(new FailOnce(kind.name(), count / 2))
                        .uid("fail-once");
        DataStream<byte[]> models =
                job.models(
                        List.of(
                                ServingJob.bytes(Wine.linear("wine", "m1", 1000)),
                                ServingJob.bytes(Wine.linear("beer", "b1", 2000)),
                                ServingJob.bytes(Wine.linear("wine", "m2", 3000))),
                        1.0);
        ServedStream served = job.serve(records, models);
        DataStream<String> all =
                served.results()
                        .map(ServingITCase::describe)
                        .returns(Types.STRING)
                        .union(
                                served.errors()
                                        .map(error -> error.recordId() + " " + error.code())
                                        .returns(Types.STRING));

        List<String> outcomes = new ArrayList<>();
        try (CloseableIterator<String> collected = all.executeAndCollect()) {
            collected.forEachRemaining(outcomes::add);
        }

        assertThat(FailOnce.hasFailed(kind.name())).isTrue();
        Set<Long> ids = new HashSet<>();
        Set<String> kinds = new HashSet<>();
        for (String outcome : outcomes) {
            String[] parts = outcome.split(" ");
            long id = Long.parseLong(parts[0]);
            assertThat(ids.add(id)).as("record %s has one outcome", id).isTrue();
            kinds.add(parts[1]);
            if (parts.length == 3) {
                int intercept = List.of("", "m1", "b1", "m2").indexOf(parts[1]) * 1000;
                assertThat(Double.parseDouble(parts[2])).isEqualTo(intercept + 2 * alcohol(id));
                assertThat(parts[1].startsWith("b")).isEqualTo(id % 3 == 0);
            }
        }
        assertThat(ids).hasSize(count);
        assertThat(kinds).contains("m1", "b1", "m2").isSubsetOf("m1", "b1", "m2", "NO_MODEL");
    }

    @ParameterizedTest
    @EnumSource(ServingJob.Kind.class)
    void aSavepointRestoresWithAnotherParallelism(ServingJob.Kind kind) throws Exception {
        Outcomes outcomes = new Outcomes("savepoint " + kind);
        JobClient first = run(kind, new Configuration(), 1, outcomes);
        waitFor(
                first,
                outcomes,
                () ->
                        assertThat(outcomes.results())
                                .extracting(ServingResult::modelName)
                                .contains("m2", "b1"));
        String savepoint =
                first.stopWithSavepoint(
                                false, folder.toUri().toString(), SavepointFormatType.CANONICAL)
                        .get(60, TimeUnit.SECONDS);
        first.getJobExecutionResult().get(30, TimeUnit.SECONDS);
        outcomes.clear();

        Configuration restored = new Configuration();
        restored.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
        JobClient second = run(kind, restored, 3, outcomes);
        waitFor(second, outcomes, () -> assertThat(outcomes.results()).hasSizeGreaterThan(2000));
        second.cancel().get(30, TimeUnit.SECONDS);

        assertThat(outcomes.results())
                .allMatch(r -> r.modelName().equals(r.dataType().equals("wine") ? "m2" : "b1"));
        assertThat(outcomes.errors()).isEmpty();
    }

    /** Waits as long as the job goes on. A job that ended, or does not get there, is told about. */
    private static void waitFor(JobClient job, Outcomes outcomes, ThrowingRunnable condition)
            throws Exception {
        try {
            await().atMost(Duration.ofSeconds(60))
                    .failFast(() -> job.getJobStatus().get().isTerminalState())
                    .untilAsserted(condition);
        } catch (TerminalFailureException e) {
            job.getJobExecutionResult().get(30, TimeUnit.SECONDS);
            throw e;
        } catch (ConditionTimeoutException e) {
            String status = "the job is " + job.getJobStatus().get() + "; " + outcomes;
            // The next test needs the slots.
            job.cancel().get(30, TimeUnit.SECONDS);
            throw new AssertionError(status, e);
        }
    }

    private JobClient run(
            ServingJob.Kind kind, Configuration more, int parallelism, Outcomes outcomes)
            throws Exception {
        ServingJob job = new ServingJob(kind, more, parallelism, 0);
        List<byte[]> models =
                List.of(
                        ServingJob.bytes(Wine.linear("wine", "m1", 1000)),
                        ServingJob.bytes(Wine.linear("beer", "b1", 2000)),
                        ServingJob.bytes(Wine.linear("wine", "m2", 3000)));
        DataStream<Wine> records = job.records(ServingITCase::record, Long.MAX_VALUE, 2000);
        outcomes.of(job.serve(records, job.endlessModels(models, 100)));
        return job.environment.executeAsync("savepoint " + kind);
    }

    @ParameterizedTest
    @EnumSource(
            value = ServingJob.Kind.class,
            names = {"KEYED_HEAP", "PARTITIONED"})
    void noBadInputStopsTheJob(ServingJob.Kind kind) throws Exception {
        byte[] good = Wine.of(0, "wine", 10).value;
        byte[][] inputs = {
            good,
            {-1, -1, -1, -1},
            java.util.Arrays.copyOf(good, 5),
            Wine.of(0, "", 10).value,
            Wine.of(0, "water", 10).value,
            Wine.of(0, "tea", 10).value,
            Wine.of(0, "wine", -5).value,
            WineRecord.newBuilder().setDataType("wine").build().toBuilder()
                    .setUnknownFields(
                            com.google.protobuf.UnknownFieldSet.newBuilder()
                                    .addField(
                                            99,
                                            com.google.protobuf.UnknownFieldSet.Field.newBuilder()
                                                    .addLengthDelimited(
                                                            ByteString.copyFrom(new byte[100_000]))
                                                    .build())
                                    .build())
                    .build()
                    .toByteArray(),
            {}
        };
        ModelDescriptor.Builder model = Wine.linear("wine", "m1", 1000).setVersion("v1");
        ModelDescriptor.Builder command = ModelDescriptor.newBuilder().setDataType("wine");
        List<byte[]> messages =
                List.of(
                        ServingJob.bytes(model),
                        new byte[] {-1, -1},
                        java.util.Arrays.copyOf(ServingJob.bytes(model), 40),
                        ServingJob.bytes(Wine.linear("", "m", 0)),
                        ServingJob.bytes(Wine.linear("wine", "m", 0).setModeltypeValue(77)),
                        ServingJob.bytes(Wine.pmml("wine", "m", "<PMML")),
                        ServingJob.bytes(Wine.pmml("wine", "m", " ".repeat(2_000_000))),
                        ServingJob.bytes(
                                Wine.linear("wine", "m", 0)
                                        .setSha256(ByteString.copyFrom(new byte[32]))),
                        ServingJob.bytes(Wine.linear("wine", "m1", 7).setVersion("v1")),
                        ServingJob.bytes(
                                Wine.linear("wine", "m", 0).setLocation("file:///etc/passwd")),
                        ServingJob.bytes(command.setName("nobody").setAction(Action.ROLLBACK)),
                        ServingJob.bytes(Wine.linear("tea", "t1", 0)),
                        ServingJob.bytes(
                                ModelDescriptor.newBuilder()
                                        .setDataType("tea")
                                        .setName("t1")
                                        .setAction(Action.SUSPEND)));
        Set<ErrorCode> expected =
                EnumSet.of(
                        ErrorCode.RECORD_UNREADABLE,
                        ErrorCode.DATA_TYPE_MISSING,
                        ErrorCode.NO_MODEL,
                        ErrorCode.MODEL_SUSPENDED,
                        ErrorCode.FIELD_INVALID,
                        ErrorCode.RECORD_TOO_LARGE,
                        ErrorCode.DESCRIPTOR_UNREADABLE,
                        ErrorCode.DESCRIPTOR_INVALID,
                        ErrorCode.MODEL_TYPE_UNKNOWN,
                        ErrorCode.MODEL_UNPARSABLE,
                        ErrorCode.MODEL_TOO_LARGE,
                        ErrorCode.DIGEST_MISMATCH,
                        ErrorCode.VERSION_CONFLICT,
                        ErrorCode.LOCATION_REFUSED,
                        ErrorCode.NO_SUCH_MODEL);
        Outcomes outcomes = new Outcomes("bad input " + kind);
        ServingJob job = new ServingJob(kind, new Configuration(), 2, 0);
        DataStream<Wine> records =
                job.records(
                        id -> new Wine(id, inputs[(int) (id % inputs.length)]),
                        Long.MAX_VALUE,
                        200);
        outcomes.of(job.serve(records, job.models(messages, 20)));
        JobClient client = job.environment.executeAsync("bad input " + kind);

        waitFor(
                client,
                outcomes,
                () ->
                        assertThat(outcomes.errors())
                                .extracting(ServingError::code)
                                .containsAll(expected));
        outcomes.clear();
        waitFor(client, outcomes, () -> assertThat(outcomes.results()).hasSizeGreaterThan(10));
        assertThat(client.getJobStatus().get()).isEqualTo(JobStatus.RUNNING);
        client.cancel().get(30, TimeUnit.SECONDS);
        assertThat(outcomes.results()).allMatch(r -> r.modelVersion().equals("v1"));
    }
}
