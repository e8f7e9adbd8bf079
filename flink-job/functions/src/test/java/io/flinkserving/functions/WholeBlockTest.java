package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.boundary.NativeLibrary;
import io.flinkserving.data.RecordBlock;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.NativeModelFactoriesResolver;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.state.RecordBlockSerializer;
import io.flinkserving.testing.Wine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.api.common.serialization.SerializerConfigImpl;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedTwoInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.TwoInputStreamOperatorTestHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Blocks whose records are scored in one call, in both joins, and those for which that fails. */
class WholeBlockTest {

    private static final int MOST_BYTES = 2048;

    private static final TypeSerializer<Wine> SERIALIZER =
            TypeInformation.of(Wine.class).createSerializer(new SerializerConfigImpl());

    private final Wine.ToServe data = new Wine.ToServe();
    private boolean keyed;
    private AbstractStreamOperator<ServingResult> operator;
    private TwoInputStreamOperatorTestHarness<RecordBlock, ModelToServe, ServingResult> harness;

    private void open(boolean isKeyed) throws Exception {
        keyed = isKeyed;
        Configuration options = new Configuration();
        options.set(ModelServingOptions.BATCH_SIZE, 8);
        options.set(ModelServingOptions.MAX_RECORD_SIZE, new MemorySize(MOST_BYTES));
        NativeModelFactoriesResolver models = new NativeModelFactoriesResolver();
        RecordInput<RecordBlock, Wine> blocks = RecordInput.ofBlocks(SERIALIZER);
        if (keyed) {
            KeyedServingOperator<RecordBlock, Wine> serving =
                    new KeyedServingOperator<>(
                            blocks, new DataProcessorKeyed<>(data, models, options));
            serving.setInputAhead(() -> true);
            operator = serving;
            harness =
                    new KeyedTwoInputStreamOperatorTestHarness<>(
                            serving, RecordBlock::dataType, ModelToServe::dataType, Types.STRING);
        } else {
            PartitionedServingOperator<RecordBlock, Wine> serving =
                    new PartitionedServingOperator<>(
                            blocks, new DataProcessorMap<>(data, models, options));
            serving.setInputAhead(() -> true);
            operator = serving;
            harness = new TwoInputStreamOperatorTestHarness<>(serving);
        }
        harness.open();
        serve("wine", "w", 1000);
        serve("beer", "b", 2000);
    }

    @AfterEach
    void close() throws Exception {
        operator.close();
        harness.getEnvironment().close();
        assertThat(NativeLibrary.liveScorers()).isZero();
    }

    private void serve(String type, String name, double intercept) throws Exception {
        harness.processElement2(
                new StreamRecord<>(KeyedHarness.model(Wine.linear(type, name, intercept))));
        for (int tries = 0; tries < 5000; tries++) {
            send(Wine.of(0, type, 1));
            operator.prepareSnapshotPreBarrier(0);
            harness.setProcessingTime(harness.getProcessingTime() + 10);
            if (outcomes().contains("0@0 by " + name + " = " + (intercept + 2))) {
                return;
            }
            Thread.sleep(1);
        }
        throw new AssertionError(name + " does not serve");
    }

    /** Sends one block; a record's time is its place in it. */
    private void send(Wine... records) throws Exception {
        List<RecordBlock> made = new ArrayList<>();
        RecordBlocks<Wine> blocks =
                new RecordBlocks<>(
                        data,
                        SERIALIZER,
                        keyed,
                        64,
                        new BlockSizes(false),
                        block -> made.add(overTheNetwork(block)));
        for (int i = 0; i < records.length; i++) {
            blocks.add(data.getType(records[i]), new StreamRecord<>(records[i], i));
        }
        blocks.flush();
        assertThat(made).hasSize(1);
        harness.processElement1(new StreamRecord<>(made.get(0)));
    }

    private static RecordBlock overTheNetwork(RecordBlock block) {
        try {
            DataOutputSerializer out = new DataOutputSerializer(64);
            RecordBlockSerializer.INSTANCE.serialize(block, out);
            return RecordBlockSerializer.INSTANCE.deserialize(
                    new DataInputDeserializer(out.getSharedBuffer(), 0, out.length()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** "record@time by model = score", or "record@time: error"; results first. */
    private List<String> outcomes() {
        List<String> outcomes = new ArrayList<>();
        for (Object element : harness.getOutput()) {
            StreamRecord<?> record = (StreamRecord<?>) element;
            ServingResult result = (ServingResult) record.getValue();
            outcomes.add(
                    String.format(
                            "%s@%d by %s = %s",
                            result.recordId(),
                            record.getTimestamp(),
                            result.modelName(),
                            result.getDouble("quality")));
        }
        harness.getOutput().clear();
        if (harness.getSideOutput(ServingError.TAG) != null) {
            for (StreamRecord<ServingError> error : harness.getSideOutput(ServingError.TAG)) {
                outcomes.add(
                        String.format(
                                "%s@%d: %s",
                                error.getValue().recordId(),
                                error.getTimestamp(),
                                error.getValue().code()));
            }
            harness.getSideOutput(ServingError.TAG).clear();
        }
        return outcomes;
    }

    /** With a field of so many bytes that the model does not read. */
    private static Wine large(long id, int bytes) {
        byte[] good = Wine.of(id, "wine", 10).value;
        byte[] more = Arrays.copyOf(good, good.length + 4 + bytes);
        more[good.length] = -6;
        more[good.length + 1] = 1;
        more[good.length + 2] = (byte) (bytes & 127 | 128);
        more[good.length + 3] = (byte) (bytes >> 7);
        return new Wine(id, more);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void allRecordsLeaveAtOnceWithTheirTimes(boolean isKeyed) throws Exception {
        open(isKeyed);
        send(
                Wine.of(1, "wine", 10),
                Wine.of(2, "wine", -10),
                Wine.of(3, "wine", 11),
                Wine.of(4, "wine", -11),
                Wine.of(5, "wine", 12));
        assertThat(outcomes())
                .containsExactly(
                        "1@0 by w = 1020.0",
                        "3@2 by w = 1022.0",
                        "5@4 by w = 1024.0",
                        "2@1: FIELD_INVALID",
                        "4@3: FIELD_INVALID");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aRecordThatIsTooLargeFailsAlone(boolean isKeyed) throws Exception {
        open(isKeyed);
        send(Wine.of(1, "wine", 10), large(2, MOST_BYTES), Wine.of(3, "wine", 11));
        operator.prepareSnapshotPreBarrier(1);
        assertThat(outcomes())
                .containsExactly("1@0 by w = 1020.0", "3@2 by w = 1022.0", "2@1: RECORD_TOO_LARGE");
    }

    /** Each fits the buffer, all do not. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aBlockLargerThanTheBufferIsScoredInParts(boolean isKeyed) throws Exception {
        open(isKeyed);
        send(large(1, 1500), large(2, 1500), large(3, 1500));
        operator.prepareSnapshotPreBarrier(1);
        assertThat(outcomes())
                .containsExactly("1@0 by w = 1020.0", "2@1 by w = 1020.0", "3@2 by w = 1020.0");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aBlockLargerThanABatchIsScoredInParts(boolean isKeyed) throws Exception {
        open(isKeyed);
        Wine[] records = new Wine[20];
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < records.length; i++) {
            records[i] = Wine.of(i, "wine", i);
            expected.add(i + "@" + i + " by w = " + (1000.0 + 2 * i));
        }
        send(records);
        operator.prepareSnapshotPreBarrier(1);
        assertThat(outcomes()).containsExactlyElementsOf(expected);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatWaitsLeavesBeforeABlock(boolean isKeyed) throws Exception {
        open(isKeyed);
        Wine[] records = new Wine[9];
        for (int i = 0; i < records.length; i++) {
            records[i] = Wine.of(i, "wine", i);
        }
        send(records);
        assertThat(outcomes()).hasSize(8);
        send(Wine.of(9, "wine", 9));
        assertThat(outcomes()).containsExactly("8@8 by w = 1016.0", "9@0 by w = 1018.0");
    }

    /** Whose memory the next block does not get, though that comes before they are scored. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void recordsThatWaitKeepTheirBlock(boolean isKeyed) throws Exception {
        open(isKeyed);
        Wine[] first = new Wine[10];
        Wine[] second = new Wine[10];
        for (int i = 0; i < first.length; i++) {
            first[i] = Wine.of(i, "wine", i < 8 ? i : -i);
            second[i] = Wine.of(i, "wine", i < 8 ? i : -99);
        }
        send(first);
        assertThat(outcomes()).hasSize(8);
        send(second);
        List<byte[]> inputs = new ArrayList<>();
        for (StreamRecord<ServingError> error : harness.getSideOutput(ServingError.TAG)) {
            inputs.add(error.getValue().input());
        }
        assertThat(inputs).containsExactly(data.getInput(first[8]), data.getInput(first[9]));
    }

    @Test
    void recordsOfSeveralDataTypesLeaveInTheOrderInWhichTheyCame() throws Exception {
        open(false);
        send(
                Wine.of(1, "wine", 10),
                Wine.of(2, "beer", 10),
                Wine.of(3, "wine", -11),
                Wine.of(4, "beer", -12),
                Wine.of(5, "beer", 13),
                Wine.of(6, "wine", 14));
        assertThat(outcomes())
                .containsExactly(
                        "1@0 by w = 1020.0",
                        "2@1 by b = 2020.0",
                        "5@4 by b = 2026.0",
                        "6@5 by w = 1028.0",
                        "3@2: FIELD_INVALID",
                        "4@3: FIELD_INVALID");
    }

    @Test
    void oneDataTypeThatFailsDoesNotHarmTheOthersOfABlock() throws Exception {
        open(false);
        send(
                Wine.of(1, "beer", 10),
                large(2, MOST_BYTES),
                Wine.of(3, "beer", 11),
                Wine.of(4, "tea", 1),
                Wine.of(5, "wine", 12));
        operator.prepareSnapshotPreBarrier(1);
        assertThat(outcomes())
                .containsExactly(
                        "1@0 by b = 2020.0",
                        "3@2 by b = 2022.0",
                        "5@4 by w = 1024.0",
                        "2@1: RECORD_TOO_LARGE",
                        "4@3: NO_MODEL");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void blocksOfOtherTypesComeInBetween(boolean isKeyed) throws Exception {
        open(isKeyed);
        send(Wine.of(1, "beer", 1));
        send(Wine.of(2, "tea", 1), Wine.of(3, "tea", 1));
        if (!keyed) {
            send(Wine.of(4, "wine", 1), Wine.of(5, "beer", 1));
        }
        send(Wine.of(6, "wine", 1));
        List<String> expected = new ArrayList<>(List.of("1@0 by b = 2002.0", "6@0 by w = 1002.0"));
        if (!keyed) {
            expected.addAll(1, List.of("4@0 by w = 1002.0", "5@1 by b = 2002.0"));
        }
        expected.addAll(List.of("2@0: NO_MODEL", "3@1: NO_MODEL"));
        assertThat(outcomes()).containsExactlyElementsOf(expected);
    }
}
