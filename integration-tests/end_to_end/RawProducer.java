import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends the messages that its input names, whatever their bytes: lines of topic, partition, key and
 * value, with a blank between them; key and value in Base64, each part "-" where there is none. A
 * line "flush" is answered with one, once the broker has everything.
 */
public final class RawProducer {

    private static volatile Exception failure;

    private RawProducer() {}

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", arguments[0]);
        properties.put("max.request.size", 64 << 20);
        properties.put("linger.ms", 2);
        BufferedReader input =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                if (!line.equals("flush")) {
                    send(producer, line.split(" ", -1));
                    continue;
                }
                producer.flush();
                if (failure != null) {
                    throw failure;
                }
                System.out.println("flushed");
            }
        }
    }

    private static void send(KafkaProducer<byte[], byte[]> producer, String[] parts) {
        Integer partition = parts[1].equals("-") ? null : Integer.valueOf(parts[1]);
        producer.send(
                new ProducerRecord<>(parts[0], partition, bytes(parts[2]), bytes(parts[3])),
                (sent, problem) -> failure = problem == null ? failure : problem);
    }

    private static byte[] bytes(String part) {
        return part.equals("-") ? null : Base64.getDecoder().decode(part);
    }
}
