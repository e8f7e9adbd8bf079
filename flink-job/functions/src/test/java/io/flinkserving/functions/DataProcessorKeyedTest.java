package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.model.ModelToServeStats.Status;
import io.flinkserving.model.ServingError;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.testing.OffsetModels;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.ModelDescriptor.Action;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a record and a model message do to one subtask of the keyed join. */
class DataProcessorKeyedTest {

    @AfterEach
    void nothingIsLeftOpen() {
        assertThat(OffsetModels.LIVE_SCORERS).hasValue(0);
        assertThat(OffsetModels.LIVE_MODELS).hasValue(0);
    }

    @Test
    void recordsAreScoredWithTheModelOfTheirDataType() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            job.serve("beer", "b", "2");
            job.record("wine", "w1", 10);
            job.record("beer", "b1", 20);
            job.record("wine", "w2", 30);

            assertThat(job.results())
                    .extracting(r -> r.recordId() + " " + r.dataType() + " " + r.getDouble("sum"))
                    .containsExactly("w1 wine 11.0", "b1 beer 22.0", "w2 wine 31.0");
        }
    }

    @Test
    void aNewModelTakesOverBetweenTwoRecords() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            job.send(OffsetModels.descriptor("wine", "b", "2 swap"));
            job.record("wine", 10);
            OffsetModels.open("swap");
            job.takeOver();
            job.record("wine", 10);

            assertThat(job.sums()).containsExactly("11.0 by a", "12.0 by b");
            assertThat(job.errors()).isEmpty();
        }
    }

    @Test
    void modelsTakeOverInTheOrderInWhichTheyCame() throws Exception {
        Configuration options = new Configuration();
        options.set(ModelServingOptions.LOADER_THREADS, 2);
        try (KeyedHarness job = new KeyedHarness(options, 1, 0).open()) {
            job.send(OffsetModels.descriptor("wine", "slow", "1 order"));
            job.send(OffsetModels.descriptor("wine", "fast", "2"));
            job.pass(1000);
            job.record("wine", 10);
            OffsetModels.open("order");
            job.takeOver();
            job.record("wine", 10);

            assertThat(job.sums()).containsExactly("12.0 by fast");
            assertThat(job.errors())
                    .extracting(ServingError::code)
                    .containsExactly(ErrorCode.NO_MODEL);
            assertThat(job.stats("wine").previous())
                    .extracting(ModelToServeStats::name)
                    .containsExactly("slow");
        }
    }

    @Test
    void withoutAModelARecordLeavesAnErrorThatNamesTheDataType() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.record("wine", "w1", 10);

            assertThat(job.results()).isEmpty();
            ServingError error = job.errors().get(0);
            assertThat(error.code()).isEqualTo(ErrorCode.NO_MODEL);
            assertThat(error.message()).contains("wine");
            assertThat(error.recordId()).isEqualTo("w1");
            assertThat(error.dataType()).isEqualTo("wine");
            assertThat(new String(error.input(), StandardCharsets.UTF_8)).isEqualTo("wine/w1=10.0");
        }
    }

    @Test
    void recordsWithoutAReadableDataTypeLeaveAnError() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.record(null, 1);
            job.record("", 1);
            job.record("unreadable", 1);

            assertThat(job.errors())
                    .extracting(ServingError::code)
                    .containsExactly(
                            ErrorCode.DATA_TYPE_MISSING,
                            ErrorCode.DATA_TYPE_MISSING,
                            ErrorCode.RECORD_UNREADABLE);
        }
    }

    @Test
    void aBadRecordLeavesAnErrorAndTheNextIsScored() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            job.record("wine", -5);
            job.record("wine", 10);

            ServingError error = job.errors().get(0);
            assertThat(error.code()).isEqualTo(ErrorCode.FIELD_INVALID);
            assertThat(error.message()).isEqualTo("field value: -5.0 is negative");
            assertThat(error.modelName()).isEqualTo("a");
            assertThat(job.sums()).containsExactly("11.0 by a");
        }
    }

    @Test
    void aCrashCostsOneRecordAndANewScorerIsOpened() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            job.record("wine", OffsetModels.CRASH);
            job.record("wine", 10);

            assertThat(job.errors())
                    .extracting(ServingError::code)
                    .containsExactly(ErrorCode.SCORING_CRASHED);
            assertThat(job.sums()).containsExactly("11.0 by a");
            assertThat(OffsetModels.LIVE_SCORERS).hasValue(1);
        }
    }

    @Test
    void aModelThatCantBeLoadedLeavesAnErrorAndThePreviousServes() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            job.serve("wine", "bad", "one");
            job.record("wine", 10);

            assertThat(job.sums()).containsExactly("11.0 by a");
            ServingError error = job.errors().get(0);
            assertThat(error.code()).isEqualTo(ErrorCode.MODEL_UNPARSABLE);
            assertThat(error.modelName()).isEqualTo("bad");
            assertThat(error.message()).isEqualTo("line 1: 'one' is not a number");
            ModelToServeStats stats = job.stats("wine");
            assertThat(stats.name()).isEqualTo("a");
            assertThat(stats.status()).isEqualTo(Status.FAILED);
            assertThat(stats.lastError())
                    .isEqualTo("MODEL_UNPARSABLE: line 1: 'one' is not a number");
        }
    }

    @Test
    void aFirstModelThatFailsIsVisibleInTheStats() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "bad", "one");
            job.record("wine", 10);

            assertThat(job.stats("wine").name()).isEqualTo("bad");
            assertThat(job.stats("wine").status()).isEqualTo(Status.FAILED);
            assertThat(job.errors())
                    .extracting(ServingError::code)
                    .containsExactly(ErrorCode.MODEL_UNPARSABLE, ErrorCode.NO_MODEL);
        }
    }

    @Test
    void unknownAndUnsupportedTypesAreRefused() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.send(OffsetModels.descriptor("wine", "a", "1").setModeltypeValue(77));
            job.takeOver();

            ServingError error = job.errors().get(0);
            assertThat(error.code()).isEqualTo(ErrorCode.MODEL_TYPE_UNKNOWN);
            assertThat(error.message()).contains("77");
        }
    }

    @Test
    void theSameVersionAgainDoesNothing() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            int created = OffsetModels.CREATED.get();
            job.serve("wine", "a", "1");

            assertThat(OffsetModels.CREATED).hasValue(created);
            assertThat(job.stats("wine").previous()).isEmpty();
            assertThat(job.errors()).isEmpty();
        }
    }

    @Test
    void theSameVersionWithOtherContentIsRejected() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.send(OffsetModels.descriptor("wine", "a", "1").setVersion("v1"));
            job.takeOver();
            job.send(OffsetModels.descriptor("wine", "a", "2").setVersion("v1"));
            job.takeOver();
            job.send(
                    OffsetModels.descriptor("wine", "a", "1")
                            .setVersion("v1")
                            .setModeltype(ModelType.PMML));
            job.takeOver();
            job.record("wine", 10);

            assertThat(job.errors())
                    .extracting(ServingError::code)
                    .containsExactly(ErrorCode.VERSION_CONFLICT, ErrorCode.VERSION_CONFLICT);
            assertThat(job.sums()).containsExactly("11.0 by a");
        }
    }

    @Test
    void suspendAndResumeHoldAtTheNextRecord() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            job.command(Action.SUSPEND, "wine", "a");
            job.record("wine", 10);
            assertThat(job.errors())
                    .extracting(ServingError::code)
                    .containsExactly(ErrorCode.MODEL_SUSPENDED);
            assertThat(job.stats("wine").status()).isEqualTo(Status.SUSPENDED);

            job.command(Action.RESUME, "wine", "a");
            job.record("wine", 20);
            assertThat(job.sums()).containsExactly("21.0 by a");
            assertThat(job.stats("wine").status()).isEqualTo(Status.SERVING);
        }
    }

    @Test
    void rollbackServesTheVersionBeforeWithoutAnUpload() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            job.record("wine", 10);
            job.serve("wine", "a", "2");
            job.serve("wine", "b", "3");
            job.command(Action.ROLLBACK, "wine", "b");
            job.record("wine", 20);
            job.command(Action.ROLLBACK, "wine", "a");
            job.record("wine", 30);
            job.command(Action.ROLLBACK, "wine", "a");
            job.record("wine", 40);

            assertThat(job.sums())
                    .containsExactly("11.0 by a", "22.0 by a", "31.0 by a", "41.0 by a");
            assertThat(job.errors())
                    .extracting(ServingError::code)
                    .containsExactly(ErrorCode.NO_SUCH_MODEL);
            job.pass(2000);
            assertThat(job.stats("wine").usage())
                    .as("counting goes on where it left off")
                    .isEqualTo(3);
        }
    }

    @Test
    void rollbackTakesBackAModelThatIsStillLoading() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            job.send(OffsetModels.descriptor("wine", "b", "2 taken-back"));
            job.command(Action.ROLLBACK, "wine", "b");
            OffsetModels.open("taken-back");
            job.takeOver();
            job.record("wine", 10);

            assertThat(job.sums()).containsExactly("11.0 by a");
            assertThat(job.stats("wine").status()).isEqualTo(Status.SERVING);
        }
    }

    @Test
    void removeForgetsAllVersionsOfTheName() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            job.serve("wine", "a", "2");
            job.command(Action.REMOVE, "wine", "a");
            job.record("wine", 10);
            job.command(Action.ROLLBACK, "wine", "a");

            assertThat(job.errors())
                    .extracting(ServingError::code)
                    .containsExactly(ErrorCode.NO_MODEL, ErrorCode.NO_SUCH_MODEL);
            assertThat(job.stats("wine")).isNull();
            assertThat(OffsetModels.LIVE_MODELS).hasValue(0);
        }
    }

    @Test
    void commandsAboutModelsThatAreNotThereLeaveAnError() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            for (Action action :
                    List.of(Action.REMOVE, Action.SUSPEND, Action.RESUME, Action.ROLLBACK)) {
                job.command(action, "wine", "nobody");
            }
            assertThat(job.errors()).hasSize(4).allMatch(e -> e.code() == ErrorCode.NO_SUCH_MODEL);
            assertThat(job.stats("wine")).isNull();
        }
    }

    @Test
    void statsCountAndAreFlushedByATimer() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.serve("wine", "a", "1");
            for (int i = 0; i < 5; i++) {
                job.record("wine", i);
            }
            job.record("wine", -1);
            assertThat(job.stats("wine").usage()).isZero();
            job.pass(1500);

            ModelToServeStats stats = job.stats("wine");
            assertThat(stats.usage()).isEqualTo(5);
            assertThat(stats.errors()).isEqualTo(1);
            assertThat(stats.minNanos()).isPositive().isLessThanOrEqualTo(stats.maxNanos());
            assertThat(stats.quantileNanos(0.99))
                    .isBetween((double) stats.minNanos(), (double) stats.maxNanos());
        }
    }

    @Test
    void modelsUsedLeastRecentlyGiveWayAndComeBack() throws Exception {
        Configuration options = new Configuration();
        options.set(ModelServingOptions.NATIVE_MEMORY, new MemorySize(250));
        try (KeyedHarness job = new KeyedHarness(options, 1, 0).open()) {
            job.serve("a", "a", "bytes 1 100");
            job.serve("b", "b", "bytes 2 100");
            job.record("a", 10);
            job.serve("c", "c", "bytes 3 100");
            assertThat(OffsetModels.LIVE_MODELS).hasValue(2);
            job.record("a", 20);
            job.record("b", 20);
            job.record("c", 20);

            assertThat(job.sums())
                    .containsExactly("11.0 by a", "21.0 by a", "22.0 by b", "23.0 by c");
            assertThat(OffsetModels.LIVE_MODELS).hasValue(2);
            assertThat(job.errors()).isEmpty();
        }
    }

    @Test
    void aModelOverTheBudgetIsRefusedWithTheNameOfTheSetting() throws Exception {
        Configuration options = new Configuration();
        options.set(ModelServingOptions.NATIVE_MEMORY, new MemorySize(250));
        try (KeyedHarness job = new KeyedHarness(options, 1, 0).open()) {
            job.serve("a", "a", "bytes 1 100");
            job.serve("a", "huge", "bytes 1 1000");
            job.record("a", 10);

            ServingError error = job.errors().get(0);
            assertThat(error.code()).isEqualTo(ErrorCode.MODEL_TOO_LARGE);
            assertThat(error.message()).contains("model-serving.native-memory");
            assertThat(job.sums()).containsExactly("11.0 by a");
        }
    }

    @Test
    void atTheEndOfTheInputLoadsAreWaitedFor() throws Exception {
        try (KeyedHarness job = new KeyedHarness().open()) {
            job.send(OffsetModels.descriptor("wine", "bad", "one"));
            job.finish();

            assertThat(job.errors())
                    .extracting(ServingError::code)
                    .containsExactly(ErrorCode.MODEL_UNPARSABLE);
        }
    }
}
