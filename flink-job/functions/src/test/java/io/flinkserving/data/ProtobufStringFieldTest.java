package io.flinkserving.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import com.google.protobuf.UnknownFieldSet.Field;
import io.flinkserving.wire.WineRecord;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ProtobufStringFieldTest {

    private final ProtobufStringField field =
            ProtobufStringField.of(WineRecord.DATATYPE_FIELD_NUMBER);

    private static final WineRecord WINE =
            WineRecord.newBuilder().setAlcohol(9.5).setPH(3).setDataType("wine").build();

    @Test
    void theFieldIsReadAndARunOfEqualValuesIsOneString() {
        String first = field.read(WINE.toByteArray());
        assertThat(first).isEqualTo("wine");
        assertThat(field.read(WINE.toByteArray())).isSameAs(first);
        assertThat(field.read(WINE.toBuilder().setDataType("bière").build().toByteArray()))
                .isEqualTo("bière");
        assertThat(field.read(WINE.toBuilder().clearDataType().build().toByteArray())).isNull();
        assertThat(field.read(new byte[0])).isNull();
    }

    @Test
    void otherFieldsOfEveryWireTypeAreSkipped() {
        UnknownFieldSet unknown =
                UnknownFieldSet.newBuilder()
                        .addField(1000, Field.newBuilder().addVarint(-1).build())
                        .addField(1001, Field.newBuilder().addFixed32(1).addFixed64(2).build())
                        .addField(
                                1002,
                                Field.newBuilder()
                                        .addLengthDelimited(WINE.toByteString())
                                        .addGroup(
                                                UnknownFieldSet.newBuilder()
                                                        .addField(
                                                                12,
                                                                Field.newBuilder()
                                                                        .addLengthDelimited(
                                                                                WINE.toByteString())
                                                                        .build())
                                                        .build())
                                        .build())
                        .build();
        byte[] message = WINE.toBuilder().setUnknownFields(unknown).build().toByteArray();
        assertThat(field.read(message)).isEqualTo("wine");
    }

    @Test
    void bytesThatAreNoMessageAreRefusedAsProtobufItselfDoes() {
        byte[] whole = WINE.toByteArray();
        Random random = new Random(3);
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = Arrays.copyOf(whole, random.nextInt(whole.length + 1));
            for (int flip = random.nextInt(3); flip > 0 && bytes.length > 0; flip--) {
                bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            }
            String expected;
            try {
                UnknownFieldSet parsed = UnknownFieldSet.parseFrom(bytes);
                Field found = parsed.getField(12);
                int count = found.getLengthDelimitedList().size();
                expected =
                        count == 0
                                ? null
                                : found.getLengthDelimitedList().get(count - 1).toStringUtf8();
            } catch (InvalidProtocolBufferException e) {
                assertThatThrownBy(() -> field.read(bytes))
                        .isInstanceOf(IllegalArgumentException.class);
                continue;
            }
            assertThat(field.read(bytes)).isEqualTo(expected);
        }
    }
}
