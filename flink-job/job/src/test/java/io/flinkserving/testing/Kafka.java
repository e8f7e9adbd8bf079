package io.flinkserving.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.PrintStream;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.utils.Time;

/** A broker that is its own controller, in this process. */
public final class Kafka implements AutoCloseable {

    private final KafkaRaftServer server;
    private final int port;

    public Kafka(Path folder) throws IOException {
        port = freePort();
        int controller = freePort();
        Properties properties = new Properties();
        properties.setProperty("process.roles", "broker,controller");
        properties.setProperty("node.id", "1");
        properties.setProperty("controller.quorum.voters", "1@127.0.0.1:" + controller);
        properties.setProperty("controller.listener.names", "CONTROLLER");
        properties.setProperty(
                "listeners",
                "PLAINTEXT://127.0.0.1:" + port + ",CONTROLLER://127.0.0.1:" + controller);
        properties.setProperty("advertised.listeners", "PLAINTEXT://127.0.0.1:" + port);
        properties.setProperty(
                "listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT");
        properties.setProperty("log.dirs", folder.resolve("data").toString());
        properties.setProperty("auto.create.topics.enable", "false");
        for (String internal : List.of("offsets.topic", "transaction.state.log")) {
            properties.setProperty(internal + ".replication.factor", "1");
            properties.setProperty(internal + ".num.partitions", "1");
        }
        properties.setProperty("transaction.state.log.min.isr", "1");
        properties.setProperty("group.initial.rebalance.delay.ms", "0");
        Path file = folder.resolve("server.properties");
        try (var out = Files.newBufferedWriter(file)) {
            properties.store(out, null);
        }
        kafka.tools.StorageTool.execute(
                new String[] {
                    "format", "--cluster-id", "MkU3OEVBNTcwNTJENDM2Qk", "--config", file.toString()
                },
                new PrintStream(
                        Files.newOutputStream(folder.resolve("format.log")),
                        true,
                        StandardCharsets.UTF_8));
        server = new KafkaRaftServer(KafkaConfig.fromProps(properties), Time.SYSTEM);
        server.startup();
    }

    public String bootstrapServers() {
        return "127.0.0.1:" + port;
    }

    public Properties properties() {
        Properties properties = new Properties();
        properties.setProperty(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers());
        return properties;
    }

    /**
     * Returns when the broker serves them: the controller, which makes them, knows them earlier.
     */
    public void createTopics(int partitions, String... topics) throws Exception {
        try (Admin admin = Admin.create(properties())) {
            admin.createTopics(
                            Arrays.stream(topics)
                                    .map(topic -> new NewTopic(topic, partitions, (short) 1))
                                    .collect(Collectors.toList()))
                    .all()
                    .get();
            await().ignoreExceptionsInstanceOf(ExecutionException.class)
                    .until(
                            () ->
                                    admin
                                            .describeTopics(Arrays.asList(topics))
                                            .allTopicNames()
                                            .get()
                                            .values()
                                            .stream()
                                            .flatMap(topic -> topic.partitions().stream())
                                            .noneMatch(partition -> partition.leader() == null));
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    @Override
    public void close() {
        server.shutdown();
        server.awaitShutdown();
    }
}
