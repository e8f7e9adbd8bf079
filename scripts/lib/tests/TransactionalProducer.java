import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Writes records to a topic in one transaction that is committed, then as many in one that stays open. */
public final class TransactionalProducer {
    private TransactionalProducer() {}

    public static void main(String[] args) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", args[0]);
        properties.put("transactional.id", "test");
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
            producer.initTransactions();
            producer.beginTransaction();
            send(producer, args);
            producer.commitTransaction();
            producer.beginTransaction();
            send(producer, args);
            // Ends without a commit or an abort, as a killed TaskManager does.
            Runtime.getRuntime().halt(0);
        }
    }

    private static void send(KafkaProducer<String, String> producer, String[] args) {
        for (int record = 0; record < Integer.parseInt(args[2]); record++) {
            producer.send(new ProducerRecord<>(args[1], "record " + record));
        }
        producer.flush();
    }
}
