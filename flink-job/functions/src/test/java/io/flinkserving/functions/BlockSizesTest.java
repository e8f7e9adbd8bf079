package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.data.RecordBlock;
import io.flinkserving.state.RecordBlockSerializer;
import io.flinkserving.testing.Reading;
import io.flinkserving.testing.ReadingToServe;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.flink.api.common.serialization.SerializerConfigImpl;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.runtime.event.AbstractEvent;
import org.apache.flink.runtime.io.network.api.EndOfPartitionEvent;
import org.apache.flink.runtime.io.network.api.writer.RecordWriterBuilder;
import org.apache.flink.runtime.io.network.partition.MockResultPartitionWriter;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.plugable.SerializationDelegate;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.io.RecordWriterOutput;
import org.apache.flink.streaming.runtime.streamrecord.LatencyMarker;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where the blocks of a packer lie in the buffers of a network. */
class BlockSizesTest {

    private static final int BUFFER = 32 << 10;
    private static final int RECORDS = 30_000;
    private static final int MOST = 1000;

    /** So many records, then something that is not a record. */
    private static final int PAUSE = 1111;

    /** No block leaves for this reason. */
    private static final long WAIT = 1_000_000;

    private final Random random = new Random(5);

    /** What Flink's own writer does with buffers. */
    private static final class Network extends MockResultPartitionWriter {

        private final int receivers;
        private final List<Integer> blocks = new ArrayList<>();
        private int position;
        private int spanning;
        private boolean hasEnded;

        Network(int receivers) {
            this.receivers = receivers;
        }

        @Override
        public int getNumberOfSubpartitions() {
            return receivers;
        }

        @Override
        public void emitRecord(ByteBuffer element, int target) {
            int bytes = element.remaining();
            // That of watermarks and the like is less.
            if (bytes > 100 && !hasEnded) {
                blocks.add(bytes);
                spanning += position + bytes > BUFFER ? 1 : 0;
            }
            position = (position + bytes) % BUFFER;
        }

        @Override
        public void broadcastEvent(AbstractEvent event, boolean isPriority) {
            position = 0;
        }
    }

    /** Something that is not a record, which lets all blocks leave. */
    private interface Pause {
        void send(RecordPacker<Reading> packer, int number) throws Exception;
    }

    private void run(boolean keyed, Network network, Pause pause) throws Exception {
        TypeSerializer<Reading> serializer =
                TypeInformation.of(Reading.class).createSerializer(new SerializerConfigImpl());
        RecordPacker<Reading> packer =
                new RecordPacker<>(new ReadingToServe(), serializer, keyed, MOST, WAIT);
        try (OneInputStreamOperatorTestHarness<Reading, RecordBlock> harness =
                new OneInputStreamOperatorTestHarness<>(packer, serializer)) {
            harness.setup();
            harness.getEnvironment().addOutputs(List.of(network));
            packer.setup(
                    packer.getContainingTask(),
                    packer.getOperatorConfig(),
                    new RecordWriterOutput<>(
                            new RecordWriterBuilder<
                                            SerializationDelegate<StreamRecord<RecordBlock>>>()
                                    .build(network),
                            RecordBlockSerializer.INSTANCE,
                            null,
                            true));
            harness.open();
            for (int i = 0; i < RECORDS; i++) {
                StreamRecord<Reading> record =
                        new StreamRecord<>(
                                new Reading(
                                        "type-" + random.nextInt(4),
                                        "x".repeat(random.nextInt(400)),
                                        i));
                if (i % 3 == 0) {
                    record.setTimestamp(i);
                }
                packer.processElement(record);
                if (i % PAUSE == PAUSE - 1) {
                    pause.send(packer, i / PAUSE);
                }
            }
            network.hasEnded = true;
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aFullBlockIsAHalfOfABuffer(boolean keyed) throws Exception {
        Network network = new Network(1);
        run(keyed, network, (packer, number) -> {});
        assertThat(network.blocks).hasSizeGreaterThan(RECORDS / 100).containsOnly(BUFFER / 2);
        assertThat(network.spanning).isZero();
    }

    @Test
    void afterAPartOfABlockOneAtMostLiesInTwoBuffers() throws Exception {
        Network network = new Network(1);
        run(
                false,
                network,
                (packer, number) -> {
                    packer.processWatermark(new Watermark(number));
                    packer.processWatermarkStatus(WatermarkStatus.IDLE);
                    packer.processWatermarkStatus(WatermarkStatus.ACTIVE);
                    packer.processLatencyMarker(new LatencyMarker(1, new OperatorID(), 2));
                });
        int pauses = RECORDS / PAUSE;
        assertThat(network.blocks).hasSizeGreaterThan(10 * pauses);
        assertThat(network.spanning).isLessThanOrEqualTo(pauses);
    }

    @Test
    void afterABarrierABufferBegins() throws Exception {
        Network network = new Network(1);
        run(
                false,
                network,
                (packer, number) -> {
                    packer.prepareSnapshotPreBarrier(number);
                    network.broadcastEvent(EndOfPartitionEvent.INSTANCE, false);
                });
        assertThat(network.blocks).hasSizeGreaterThan(10 * RECORDS / PAUSE);
        assertThat(network.spanning).isZero();
    }

    /** It is not known which of them gets a block. */
    @ParameterizedTest
    @ValueSource(ints = {2, 7})
    void blocksForSeveralReceiversAreOfOneSize(int receivers) throws Exception {
        Network network = new Network(receivers);
        run(false, network, (packer, number) -> packer.processWatermark(new Watermark(number)));
        assertThat(network.blocks).contains(BUFFER / 2);
        assertThat(network.blocks).allMatch(bytes -> bytes <= BUFFER / 2);
    }
}
