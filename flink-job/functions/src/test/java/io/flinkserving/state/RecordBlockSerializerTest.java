package io.flinkserving.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.flinkserving.data.RecordBlock;
import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What unaligned checkpoints hold of blocks stays readable. */
class RecordBlockSerializerTest {

    /** As the serializer documents format 2, written by hand; see {@link #format3}. */
    private static final String ONE_TYPE =
            "02" + "02" + "01" + "0177" + "00" + "00" + "03" + "010203";

    private static final String TWO_TYPES =
            "02"
                    + "03"
                    + "02"
                    + "0177"
                    + "0202"
                    + "00"
                    + "0101"
                    + "000100"
                    + "01"
                    + "0000000000000007"
                    + "8000000000000000"
                    + "fffffffffffffff7"
                    + "01"
                    + "0231"
                    + "00"
                    + "01"
                    + "03"
                    + "040506";

    private static final String MESSAGES =
            "02" + "01" + "01" + "0177" + "00" + "03" + "0231" + "01" + "00";

    private final RecordBlock oneType = ofOneType(2, new byte[] {1, 2, 3, 4}, 3);
    private final RecordBlock twoTypes =
            new RecordBlock(
                    3,
                    new String[] {"w", ""},
                    new byte[] {0, 1, 0, 9},
                    new int[] {2, 1},
                    new int[] {2, 3},
                    new long[] {7, RecordBlock.NO_TIMESTAMP, -9, 99},
                    new String[] {"1", null, "", "9"},
                    false,
                    new byte[] {4, 5, 6, 0},
                    3);
    private final RecordBlock messages =
            new RecordBlock(
                    1,
                    new String[] {"w"},
                    null,
                    null,
                    null,
                    null,
                    new String[] {"1"},
                    true,
                    new byte[1],
                    1);

    @Test
    void aBlockIsWrittenInFormat3() throws Exception {
        assertThat(hex(oneType)).isEqualTo(format3(ONE_TYPE, 0));
        assertThat(hex(twoTypes)).isEqualTo(format3(TWO_TYPES, 0));
        assertThat(hex(messages)).isEqualTo(format3(MESSAGES, 0));
    }

    @Test
    void aBlockIsAsLongAsItIsWantedOnTheNetwork() throws Exception {
        int alone = hex(oneType).length() / 2;
        assertThat(oneType.serializedLength()).isEqualTo(alone);
        assertThat(hex(oneType.fillTo(alone + 1))).isEqualTo(format3(ONE_TYPE, 1));
        assertThat(hex(oneType.fillTo(5000))).isEqualTo(format3(ONE_TYPE, 5000 - alone));
        assertThat(oneType.serializedLength()).isEqualTo(5000);
        assertThat(hex(oneType.fillTo(3))).isEqualTo(format3(ONE_TYPE, 0));
        assertThat(oneType.serializedLength()).isEqualTo(alone);
        DataOutputSerializer out = new DataOutputSerializer(64);
        out.write(new byte[7]);
        RecordBlockSerializer.INSTANCE.serialize(oneType.fillTo(100), out);
        assertThat(out.length()).isEqualTo(100);
    }

    @Test
    void aBlockThatIsReleasedGivesItsMemoryToTheNext() throws Exception {
        RecordBlock first = read(format3(ONE_TYPE, 0));
        RecordBlock second = read(format3(ONE_TYPE, 0));
        assertThat(second.bytes()).isNotSameAs(first.bytes());
        second.release();
        RecordBlock third = read(format3(TWO_TYPES, 9));
        assertThat(third.bytes()).isSameAs(second.bytes());
        assertThat(records(third)).containsExactly(4, 5, 6);
        assertThat(records(first)).containsExactly(1, 2, 3);
        assertThat(read(format3(ONE_TYPE, 0)).bytes()).isNotSameAs(third.bytes());
        third.release();
        RecordBlock fourth = read(format3(ONE_TYPE, 0));
        third.release();
        assertThat(read(format3(TWO_TYPES, 0)).bytes()).isNotSameAs(fourth.bytes());
        assertThat(records(fourth)).containsExactly(1, 2, 3);
        RecordBlock copy = read(hex(ofOneType(1, new byte[300_000], 300_000)));
        assertThat(copy.length()).isEqualTo(300_000);
        assertThat(records(copy)).containsOnly(0);
        copy.release();
        assertThat(read(format3(ONE_TYPE, 0)).bytes()).as("too much").isNotSameAs(copy.bytes());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aBlockOfFormat3Or2IsRead(boolean is3) throws Exception {
        RecordBlock one = read(is3 ? format3(ONE_TYPE, 5) : ONE_TYPE);
        assertThat(one.size()).isEqualTo(2);
        assertThat(one.dataType(1)).isEqualTo("w");
        assertThat(one.timestamp(1)).isEqualTo(RecordBlock.NO_TIMESTAMP);
        assertThat(records(one)).containsExactly(1, 2, 3);
        assertThat(one.hasMessages()).isFalse();
        assertThat(one.count(0)).isEqualTo(2);
        assertThat(one.end(0)).isEqualTo(3);
        RecordBlock two = read(is3 ? format3(TWO_TYPES, 300) : TWO_TYPES);
        assertThat(two.size()).isEqualTo(3);
        assertThat(two.dataType()).isEqualTo("w");
        assertThat(two.dataType(1)).isEmpty();
        assertThat(two.dataType(2)).isEqualTo("w");
        assertThat(two.timestamps()).containsExactly(7, RecordBlock.NO_TIMESTAMP, -9);
        assertThat(two.ids()).containsExactly("1", null, "");
        assertThat(records(two)).containsExactly(4, 5, 6);
        assertThat(two.hasMessages()).isFalse();
        assertThat(two.count(0)).isEqualTo(2);
        assertThat(two.start(1)).isEqualTo(2);
        assertThat(two.count(1)).isEqualTo(1);
        assertThat(two.end(1)).isEqualTo(3);
        RecordBlock some = read(is3 ? format3(MESSAGES, 0) : MESSAGES);
        assertThat(some.hasMessages()).isTrue();
        assertThat(some.id(0)).isEqualTo("1");
    }

    @Test
    void aCopyLastsAndIsTheSame() throws Exception {
        RecordBlock copy = RecordBlockSerializer.INSTANCE.copy(twoTypes.fillTo(100));
        twoTypes.typeOfRecord()[0] = 1;
        twoTypes.timestamps()[0] = 8;
        twoTypes.dataTypes()[0] = "x";
        twoTypes.ids()[0] = "x";
        int zeros = 100 - hex(twoTypes.fillTo(0)).length() / 2;
        assertThat(hex(copy)).isEqualTo(format3(TWO_TYPES, zeros));
    }

    @Test
    void aLaterFormatIsRefused() {
        assertThatThrownBy(() -> read("63" + ONE_TYPE.substring(2)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("99");
    }

    @Test
    void theSnapshotRestoresTheSerializer() throws Exception {
        DataOutputSerializer out = new DataOutputSerializer(64);
        TypeSerializerSnapshot.writeVersionedSnapshot(
                out, RecordBlockSerializer.INSTANCE.snapshotConfiguration());
        TypeSerializerSnapshot<RecordBlock> restored =
                TypeSerializerSnapshot.readVersionedSnapshot(
                        new DataInputDeserializer(out.getCopyOfBuffer()),
                        getClass().getClassLoader());
        assertThat(restored.restoreSerializer()).isEqualTo(RecordBlockSerializer.INSTANCE);
        assertThat(InstantiationUtil.clone(RecordBlockSerializer.INSTANCE))
                .isEqualTo(RecordBlockSerializer.INSTANCE);
    }

    private static RecordBlock ofOneType(int size, byte[] bytes, int length) {
        return new RecordBlock(
                size, new String[] {"w"}, null, null, null, null, null, false, bytes, length);
    }

    /** The same in format 3, which tells how many zeros follow. */
    private static String format3(String format2, int zeros) {
        return "03" + format2.substring(2) + String.format("%04x", zeros) + "00".repeat(zeros);
    }

    private static byte[] records(RecordBlock block) {
        return Arrays.copyOf(block.bytes(), block.length());
    }

    private static RecordBlock read(String hex) throws IOException {
        DataInputDeserializer in = new DataInputDeserializer(SerializersTest.bytes(hex));
        RecordBlock block = RecordBlockSerializer.INSTANCE.deserialize(in);
        assertThat(in.available()).isZero();
        return block;
    }

    private static String hex(RecordBlock block) throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(64);
        RecordBlockSerializer.INSTANCE.serialize(block, out);
        return SerializersTest.hex(out.getCopyOfBuffer());
    }
}
