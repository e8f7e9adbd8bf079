package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.data.RecordBlock;
import io.flinkserving.testing.Reading;
import io.flinkserving.testing.ReadingToServe;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.flink.api.common.serialization.SerializerConfigImpl;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Records that go into blocks, and what comes out of them at the other end. */
class RecordPackerTest {

    private static final int MOST = 4;
    private static final long WAIT = 5;

    private final TypeSerializer<Reading> serializer =
            TypeInformation.of(Reading.class).createSerializer(new SerializerConfigImpl());
    private OneInputStreamOperatorTestHarness<Reading, RecordBlock> packer;
    private RecordPacker<Reading> operator;

    private void open(boolean keyed) throws Exception {
        operator = new RecordPacker<>(new ReadingToServe(), serializer, keyed, MOST, WAIT);
        packer = new OneInputStreamOperatorTestHarness<>(operator, serializer);
        packer.open();
    }

    @AfterEach
    void close() throws Exception {
        packer.close();
    }

    private void send(String type, double value) throws Exception {
        packer.processElement(new StreamRecord<>(new Reading(type, null, value)));
    }

    /** The records of each block since the last call, as the join reads them. */
    private List<List<String>> blocks() throws Exception {
        List<List<String>> blocks = new ArrayList<>();
        RecordInput<RecordBlock, Reading> input = RecordInput.ofBlocks(serializer);
        Counter counter = new SimpleCounter();
        input.open(counter);
        for (RecordBlock block : packer.extractOutputValues()) {
            List<String> records = new ArrayList<>();
            input.read(
                    new StreamRecord<>(block),
                    new RecordInput.Taker<>() {
                        @Override
                        public void take(StreamRecord<Reading> record) {
                            throw new AssertionError(record);
                        }

                        @Override
                        public void take(RecordBlock of, int index, int offset) throws IOException {
                            StreamRecord<Reading> record = input.record(of, index, offset);
                            String time = record.hasTimestamp() ? "@" + record.getTimestamp() : "";
                            records.add(of.dataType(index) + " " + record.getValue().value + time);
                        }

                        @Override
                        public boolean take(RecordBlock whole) {
                            return false;
                        }
                    });
            blocks.add(records);
            assertThat(counter.getCount()).isEqualTo(block.size() - 1);
            counter.dec(counter.getCount());
        }
        packer.getOutput().clear();
        return blocks;
    }

    @Test
    void recordsOfOneBlockAreOfOneDataTypeWhenKeyed() throws Exception {
        open(true);
        for (int i = 0; i < 5; i++) {
            send("a", i);
            send("b", 10 + i);
        }
        assertThat(blocks())
                .containsExactly(
                        List.of("a 0.0", "a 1.0", "a 2.0", "a 3.0"),
                        List.of("b 10.0", "b 11.0", "b 12.0", "b 13.0"));
        packer.setProcessingTime(WAIT);
        assertThat(blocks()).containsExactlyInAnyOrder(List.of("a 4.0"), List.of("b 14.0"));
    }

    @Test
    void recordsStayInOrderWhenPartitioned() throws Exception {
        open(false);
        for (int i = 0; i < 3; i++) {
            send("a", i);
            send("b", 10 + i);
        }
        assertThat(blocks()).containsExactly(List.of("a 0.0", "b 10.0", "a 1.0", "b 11.0"));
        packer.setProcessingTime(WAIT);
        assertThat(blocks()).containsExactly(List.of("a 2.0", "b 12.0"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void timestampsStayWithTheirRecords(boolean keyed) throws Exception {
        open(keyed);
        packer.processElement(new StreamRecord<>(new Reading("a", null, 1), 7));
        packer.processElement(new StreamRecord<>(new Reading("a", null, 2)));
        packer.processElement(new StreamRecord<>(new Reading("a", null, 3), -9));
        operator.finish();
        assertThat(blocks()).containsExactly(List.of("a 1.0@7", "a 2.0", "a 3.0@-9"));
    }

    /** As Flink's sources set it where there is none. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theLeastTimeIsNone(boolean keyed) throws Exception {
        open(keyed);
        packer.processElement(new StreamRecord<>(new Reading("a", null, 1), Long.MIN_VALUE));
        operator.finish();
        assertThat(packer.extractOutputValues().get(0).timestamps()).isNull();
        assertThat(blocks()).containsExactly(List.of("a 1.0"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void nothingPassesARecordThatWaits(boolean keyed) throws Exception {
        open(keyed);
        send("a", 1);
        assertThat(blocks()).isEmpty();
        operator.prepareSnapshotPreBarrier(1);
        assertThat(blocks()).containsExactly(List.of("a 1.0"));
        send("a", 2);
        packer.processWatermark(new Watermark(3));
        assertThat(packer.getOutput().toArray()[0]).isInstanceOf(StreamRecord.class);
        assertThat(packer.getOutput().toArray()[1]).isEqualTo(new Watermark(3));
        packer.getOutput().clear();
        send("a", 4);
        operator.finish();
        assertThat(blocks()).containsExactly(List.of("a 4.0"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aRecordWaitsNoLongerThanItMay(boolean keyed) throws Exception {
        open(keyed);
        for (int round = 0; round < 3; round++) {
            send("a", round);
            packer.setProcessingTime(packer.getProcessingTime() + WAIT - 1);
            assertThat(blocks()).isEmpty();
            packer.setProcessingTime(packer.getProcessingTime() + 1);
            assertThat(blocks()).hasSize(1);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aRecordWithoutADataTypeGoesOn(boolean keyed) throws Exception {
        open(keyed);
        send("unreadable", 1);
        send(null, 2);
        send("", 3);
        operator.finish();
        assertThat(blocks()).containsExactly(List.of(" 1.0", " 2.0", " 3.0"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aLargeRecordEndsItsBlock(boolean keyed) throws Exception {
        open(keyed);
        send("a", 1);
        packer.processElement(new StreamRecord<>(new Reading("a", "x".repeat(1 << 20), 2)));
        send("a", 3);
        assertThat(blocks()).containsExactly(List.of("a 1.0", "a 2.0"));
    }

    /** More data types than blocks can be open, and than one block can have. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void noRecordIsLostAmongManyDataTypes(boolean keyed) throws Exception {
        open(keyed);
        Random random = new Random(7);
        Map<String, List<String>> sent = new TreeMap<>();
        for (int i = 0; i < 20_000; i++) {
            String type = "type-" + random.nextInt(1 + random.nextInt(1000));
            send(type, i);
            sent.computeIfAbsent(type, any -> new ArrayList<>()).add(type + " " + (double) i);
        }
        operator.finish();
        Map<String, List<String>> arrived = new TreeMap<>();
        for (List<String> block : blocks()) {
            for (String record : block) {
                String type = record.substring(0, record.indexOf(' '));
                arrived.computeIfAbsent(type, any -> new ArrayList<>()).add(record);
                if (keyed) {
                    assertThat(block.get(0)).startsWith(type + " ");
                }
            }
        }
        assertThat(arrived).isEqualTo(sent);
    }
}
