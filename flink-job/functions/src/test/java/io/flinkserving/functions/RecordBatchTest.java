package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.data.DataToServe;
import io.flinkserving.data.RecordBlock;
import io.flinkserving.data.RecordFormat;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.NativeModelFactoriesResolver;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.testing.Wine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.apache.flink.api.common.serialization.SerializerConfigImpl;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.java.functions.KeySelector;
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
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Records that are scored together, in both joins, while more of them wait at the input: as they
 * are, and in blocks.
 */
class RecordBatchTest {

    private static final int BATCH = 4;

    private static final TypeSerializer<Wine> SERIALIZER =
            TypeInformation.of(Wine.class).createSerializer(new SerializerConfigImpl());

    /**
     * Which join, and whether its input are records or blocks of one record each; whether it is
     * known where in the block a record's message is. Nothing says that all records have messages,
     * else they were scored at once.
     */
    enum Join {
        KEYED(true),
        PARTITIONED(false),
        KEYED_BLOCKS(true),
        PARTITIONED_BLOCKS(false),
        KEYED_BLOCKS_WITHOUT_MESSAGES(true),
        PARTITIONED_BLOCKS_WITHOUT_MESSAGES(false);

        final boolean keyed;

        Join(boolean keyed) {
            this.keyed = keyed;
        }
    }

    private Driver<?> job;
    private AbstractStreamOperator<ServingResult> operator;
    private boolean more = true;
    private long time;

    /** The operator under test. */
    private static final class Driver<E> {
        final TwoInputStreamOperatorTestHarness<E, ModelToServe, ServingResult> harness;
        final Function<StreamRecord<Wine>, StreamRecord<E>> element;

        Driver(
                TwoInputStreamOperatorTestHarness<E, ModelToServe, ServingResult> harness,
                Function<StreamRecord<Wine>, StreamRecord<E>> element) {
            this.harness = harness;
            this.element = element;
        }

        void send(StreamRecord<Wine> record) throws Exception {
            harness.processElement1(element.apply(record));
        }
    }

    private void open(Join join) throws Exception {
        Wine.ToServe data = new Wine.ToServe();
        RecordInput<RecordBlock, Wine> blocks = RecordInput.ofBlocks(SERIALIZER);
        switch (join) {
            case KEYED:
                keyed(RecordInput.ofRecords(), new DataTypeKey<>(data), record -> record);
                break;
            case PARTITIONED:
                partitioned(RecordInput.ofRecords(), record -> record);
                break;
            case KEYED_BLOCKS:
                keyed(blocks, RecordBlock::dataType, RecordBatchTest::block);
                break;
            case PARTITIONED_BLOCKS:
                partitioned(blocks, RecordBatchTest::block);
                break;
            case KEYED_BLOCKS_WITHOUT_MESSAGES:
                keyed(blocks, RecordBlock::dataType, RecordBatchTest::blockWithoutMessage);
                break;
            default:
                partitioned(blocks, RecordBatchTest::blockWithoutMessage);
        }
        job.harness.open();
        serve("wine", "w", 1000);
        serve("beer", "b", 2000);
        outcomes();
    }

    private static Configuration options() {
        Configuration options = new Configuration();
        options.set(ModelServingOptions.BATCH_SIZE, BATCH);
        options.set(ModelServingOptions.MAX_RECORD_SIZE, MemorySize.parse("4kb"));
        return options;
    }

    private <E> void keyed(
            RecordInput<E, Wine> input,
            KeySelector<E, String> key,
            Function<StreamRecord<Wine>, StreamRecord<E>> element)
            throws Exception {
        KeyedServingOperator<E, Wine> serving =
                new KeyedServingOperator<>(
                        input,
                        new DataProcessorKeyed<>(
                                new Wine.ToServe(), new NativeModelFactoriesResolver(), options()));
        serving.setInputAhead(() -> more);
        operator = serving;
        job =
                new Driver<>(
                        new KeyedTwoInputStreamOperatorTestHarness<>(
                                serving, key, ModelToServe::dataType, Types.STRING),
                        element);
    }

    private <E> void partitioned(
            RecordInput<E, Wine> input, Function<StreamRecord<Wine>, StreamRecord<E>> element)
            throws Exception {
        PartitionedServingOperator<E, Wine> serving =
                new PartitionedServingOperator<>(
                        input,
                        new DataProcessorMap<>(
                                new Wine.ToServe(), new NativeModelFactoriesResolver(), options()));
        serving.setInputAhead(() -> more);
        operator = serving;
        job = new Driver<>(new TwoInputStreamOperatorTestHarness<>(serving), element);
    }

    private static StreamRecord<RecordBlock> block(StreamRecord<Wine> record) {
        RecordBlock block = block(new Wine.ToServe(), record);
        assertThat(block.messageLength(0)).isEqualTo(record.getValue().value.length);
        assertThat(block.hasMessages()).isTrue();
        return new StreamRecord<>(
                new RecordBlock(
                        block.size(),
                        block.dataTypes(),
                        block.typeOfRecord(),
                        null,
                        null,
                        block.timestamps(),
                        block.ids(),
                        false,
                        block.bytes(),
                        block.length()));
    }

    private static StreamRecord<RecordBlock> blockWithoutMessage(StreamRecord<Wine> record) {
        RecordBlock block = block(new Nameless(), record);
        assertThat(block.messageLength(0)).isEqualTo(RecordBlock.NO_MESSAGE);
        return new StreamRecord<>(block);
    }

    private static RecordBlock block(DataToServe<Wine> data, StreamRecord<Wine> record) {
        List<RecordBlock> blocks = new ArrayList<>();
        try {
            new RecordBlocks<>(
                            data,
                            SERIALIZER,
                            true,
                            1,
                            new BlockSizes(false),
                            block -> blocks.add(block.copy()))
                    .add(new DataTypeKey<>(data).getKey(record.getValue()), record);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return blocks.get(0);
    }

    /** Wines whose identities can't be read, so that they are left as they are. */
    private static final class Nameless implements DataToServe<Wine> {

        private static final long serialVersionUID = 1L;

        private final Wine.ToServe data = new Wine.ToServe();

        @Override
        public String getType(Wine record) {
            return data.getType(record);
        }

        @Override
        public String getId(Wine record) {
            throw new IllegalArgumentException("no identity");
        }

        @Override
        public RecordFormat<Wine> format() {
            return data.format();
        }
    }

    @AfterEach
    void close() throws Exception {
        operator.close();
        job.harness.getEnvironment().close();
    }

    /** Sends a model and lets records pass until it serves. */
    private void serve(String type, String name, double intercept) throws Exception {
        job.harness.processElement2(
                new StreamRecord<>(KeyedHarness.model(Wine.linear(type, name, intercept))));
        for (int tries = 0; tries < 5000; tries++) {
            send(0, type, 1);
            job.harness.processWatermark1(new Watermark(time));
            job.harness.processWatermark2(new Watermark(time));
            job.harness.setProcessingTime(job.harness.getProcessingTime() + 10);
            if (outcomes().contains("0 by " + name + " = " + (intercept + 2))) {
                return;
            }
            Thread.sleep(1);
        }
        throw new AssertionError(name + " does not serve");
    }

    private void send(long id, String type, double alcohol) throws Exception {
        job.send(new StreamRecord<>(Wine.of(id, type, alcohol), ++time));
    }

    /**
     * "record by model = score", or "record: error", of each since the last call; results first.
     */
    private List<String> outcomes() {
        List<String> outcomes = new ArrayList<>();
        for (ServingResult result : job.harness.extractOutputValues()) {
            outcomes.add(
                    result.recordId()
                            + " by "
                            + result.modelName()
                            + " = "
                            + result.getDouble("quality"));
        }
        job.harness.getOutput().clear();
        if (job.harness.getSideOutput(ServingError.TAG) != null) {
            job.harness
                    .getSideOutput(ServingError.TAG)
                    .forEach(
                            e ->
                                    outcomes.add(
                                            e.getValue().recordId() + ": " + e.getValue().code()));
            job.harness.getSideOutput(ServingError.TAG).clear();
        }
        return outcomes;
    }

    @ParameterizedTest
    @EnumSource(Join.class)
    void aFullBatchLeavesInTheOrderOfItsRecords(Join join) throws Exception {
        open(join);
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
    @EnumSource(Join.class)
    void timestampsAreThoseOfTheRecords(Join join) throws Exception {
        open(join);
        long before = time;
        send(1, "wine", 10);
        send(2, "wine", -10);
        operator.prepareSnapshotPreBarrier(1);
        assertThat(job.harness.getOutput())
                .extracting(each -> ((StreamRecord<?>) each).getTimestamp())
                .containsExactly(before + 1);
        assertThat(job.harness.getSideOutput(ServingError.TAG))
                .extracting(StreamRecord::getTimestamp)
                .containsExactly(before + 2);
    }

    @ParameterizedTest
    @EnumSource(Join.class)
    void nothingWaitsOverABarrierAWatermarkOrAModel(Join join) throws Exception {
        open(join);
        send(1, "wine", 10);
        operator.prepareSnapshotPreBarrier(1);
        assertThat(outcomes()).containsExactly("1 by w = 1020.0");
        send(2, "wine", 10);
        job.harness.processWatermark1(new Watermark(time));
        job.harness.processWatermark2(new Watermark(time));
        assertThat(job.harness.getOutput().peek()).isInstanceOf(StreamRecord.class);
        assertThat(outcomes()).containsExactly("2 by w = 1020.0");
        send(3, "wine", 10);
        job.harness.processElement2(
                new StreamRecord<>(KeyedHarness.model(Wine.linear("tea", "t", 0))));
        assertThat(outcomes()).containsExactly("3 by w = 1020.0");
        send(4, "wine", 10);
        operator.finish();
        assertThat(outcomes()).containsExactly("4 by w = 1020.0");
    }

    @ParameterizedTest
    @EnumSource(Join.class)
    void nothingWaitsLongWhenNoMoreComes(Join join) throws Exception {
        open(join);
        send(1, "wine", 10);
        job.harness.setProcessingTime(job.harness.getProcessingTime() + 10);
        job.harness.setProcessingTime(job.harness.getProcessingTime() + 10);
        job.harness.setProcessingTime(job.harness.getProcessingTime() + 10);
        assertThat(outcomes()).containsExactly("1 by w = 1020.0");
        more = false;
        send(2, "wine", 10);
        while (job.harness.getTaskMailbox().hasMail()) {
            job.harness.getTaskMailbox().take(0).run();
        }
        assertThat(outcomes()).containsExactly("2 by w = 1020.0");
    }

    @ParameterizedTest
    @EnumSource(Join.class)
    void aBadRecordFailsAlone(Join join) throws Exception {
        open(join);
        send(1, "wine", 10);
        send(2, "wine", -10);
        job.send(
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
    @EnumSource(Join.class)
    void aBatchOfBadRecordsOnlyIsNoDuration(Join join) throws Exception {
        open(join);
        long slowest = maxNanos(join);
        for (int round = 0; round < 50; round++) {
            send(1, "wine", -10);
            operator.prepareSnapshotPreBarrier(round);
        }
        assertThat(outcomes()).hasSize(50).containsOnly("1: FIELD_INVALID");
        assertThat(maxNanos(join)).isEqualTo(slowest);
    }

    @SuppressWarnings("unchecked")
    private long maxNanos(Join join) throws Exception {
        if (!join.keyed) {
            return ((PartitionedServingOperator<?, Wine>) operator)
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
    @EnumSource(Join.class)
    void largeRecordsDoNotHarmTheirNeighbours(Join join) throws Exception {
        open(join);
        send(1, "wine", 10);
        for (int id = 2; id < 5; id++) {
            byte[] filling = concat(new byte[] {-6, 1, -72, 23}, new byte[3000]);
            job.send(
                    new StreamRecord<>(
                            new Wine(id, concat(Wine.of(id, "wine", id).value, filling))));
        }
        sendHuge(5);
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

    /** A record that makes a batch fail is scored alone: with the key of its data type. */
    @ParameterizedTest
    @EnumSource(Join.class)
    void aModelMessageAfterABatchThatFailsIsForItsOwnDataType(Join join) throws Exception {
        open(join);
        sendHuge(1);
        job.harness.processElement2(
                new StreamRecord<>(KeyedHarness.model(Wine.linear("tea", "t", 3000))));
        assertThat(outcomes()).containsExactly("1: RECORD_TOO_LARGE");
        serve("tea", "t", 3000);
        send(2, "wine", 10);
        send(3, "tea", 10);
        operator.prepareSnapshotPreBarrier(1);
        assertThat(outcomes()).containsExactly("2 by w = 1020.0", "3 by t = 3020.0");
    }

    /** A record that does not fit the buffer. */
    private void sendHuge(long id) throws Exception {
        byte[] huge = concat(new byte[] {-6, 1, -120, 39}, new byte[5000]);
        job.send(new StreamRecord<>(new Wine(id, concat(Wine.of(id, "wine", 5).value, huge))));
    }

    private static byte[] concat(byte[] first, byte[] second) {
        byte[] both = java.util.Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }
}
