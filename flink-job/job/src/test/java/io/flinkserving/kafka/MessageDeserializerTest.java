package io.flinkserving.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

class MessageDeserializerTest {

    private static KafkaMessage read(byte[] key, byte[] value) {
        List<KafkaMessage> out = new ArrayList<>();
        new MessageDeserializer()
                .deserialize(
                        new ConsumerRecord<>("mdata", 3, 42, key, value), new ListCollector<>(out));
        assertThat(out).hasSize(1);
        return out.get(0);
    }

    @Test
    void theKeyAsTextIsTheIdentity() {
        byte[] value = {1, 2};
        KafkaMessage message = read("Größe 17".getBytes(UTF_8), value);
        assertThat(message.id()).isEqualTo("Größe 17");
        assertThat(message.value()).isSameAs(value);
    }

    @Test
    void withoutAKeyThatIsTextThePlaceIsTheIdentity() {
        assertThat(read(null, new byte[1]).id()).isEqualTo("mdata-3-42");
        assertThat(read(new byte[0], new byte[1]).id()).isEqualTo("mdata-3-42");
        assertThat(read(new byte[] {(byte) 0xff, 'a'}, new byte[1]).id()).isEqualTo("mdata-3-42");
        assertThat(read("x".repeat(1024).getBytes(UTF_8), null).id()).hasSize(1024);
        assertThat(read("x".repeat(1025).getBytes(UTF_8), null).id()).isEqualTo("mdata-3-42");
    }

    @Test
    void aTombstoneIsAMessageToo() {
        assertThat(read("7".getBytes(UTF_8), null)).isEqualTo(new KafkaMessage("7", null));
    }

    @Test
    void noBytesMakeItFail() {
        Random random = new Random(1);
        for (int i = 0; i < 10_000; i++) {
            byte[] key = new byte[random.nextInt(20)];
            byte[] value = new byte[random.nextInt(200)];
            random.nextBytes(key);
            random.nextBytes(value);
            KafkaMessage message = read(key, value);
            assertThat(message.value()).isEqualTo(value);
            assertThat(message.id()).isNotEmpty();
        }
    }
}
