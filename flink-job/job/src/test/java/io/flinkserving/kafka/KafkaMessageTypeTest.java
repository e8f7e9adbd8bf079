package io.flinkserving.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class KafkaMessageTypeTest {

    static Stream<KafkaMessage> messages() {
        return Stream.of(
                new KafkaMessage("17", new byte[] {1, 2, 3}),
                new KafkaMessage("Größe", new byte[0]),
                new KafkaMessage("", null),
                new KafkaMessage(null, new byte[70_000]));
    }

    @ParameterizedTest
    @MethodSource("messages")
    void comesBackAsItWentOut(KafkaMessage message) throws Exception {
        DataOutputSerializer out = new DataOutputSerializer(16);
        KafkaMessageSerializer.INSTANCE.serialize(message, out);
        DataInputDeserializer in = new DataInputDeserializer(out.getCopyOfBuffer());
        DataOutputSerializer copied = new DataOutputSerializer(16);
        KafkaMessageSerializer.INSTANCE.copy(in, copied);
        assertThat(in.available()).isZero();
        in.setBuffer(copied.getCopyOfBuffer());
        assertThat(KafkaMessageSerializer.INSTANCE.deserialize(in)).isEqualTo(message);
        assertThat(in.available()).isZero();
    }

    @Test
    void flinkFindsTheTypeByItself() throws Exception {
        TypeInformation<KafkaMessage> found = TypeInformation.of(KafkaMessage.class);
        assertThat(found).isEqualTo(KafkaMessageType.INSTANCE);
        assertThat(InstantiationUtil.clone(found)).isEqualTo(found);
        assertThat(KafkaMessageSerializer.INSTANCE.snapshotConfiguration().restoreSerializer())
                .isEqualTo(KafkaMessageSerializer.INSTANCE);
    }
}
