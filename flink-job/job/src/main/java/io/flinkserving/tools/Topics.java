package io.flinkserving.tools;

import java.io.IOException;
import java.util.Collection;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;

/** Looks before a tool waits for what is not there. */
public final class Topics {

    private static final int TIMEOUT_SECONDS = 15;

    private Topics() {}

    /** Properties of every Kafka client of a tool: the brokers and what {@code --kafka.} says. */
    public static Properties properties(CommandLine options) {
        Properties properties = new Properties();
        properties.setProperty(
                AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, options.get("bootstrap-servers"));
        options.group("kafka.").forEach(properties::setProperty);
        return properties;
    }

    /** Which topics there are. */
    public static Set<String> all(Properties properties) throws IOException, InterruptedException {
        Properties patient = new Properties();
        patient.putAll(properties);
        patient.putIfAbsent(
                AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG,
                Integer.toString(TIMEOUT_SECONDS * 1000));
        patient.putIfAbsent(
                AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG,
                Integer.toString(TIMEOUT_SECONDS * 1000));
        try (Admin admin = Admin.create(patient)) {
            return new TreeSet<>(
                    admin.listTopics().names().get(TIMEOUT_SECONDS + 1, TimeUnit.SECONDS));
        } catch (ExecutionException | TimeoutException e) {
            throw new IOException(
                    "no answer from Kafka at "
                            + properties.get(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG)
                            + (e.getCause() == null ? "" : ": " + e.getCause().getMessage()));
        }
    }

    public static void require(Properties properties, Collection<String> wanted)
            throws IOException, InterruptedException {
        Set<String> missing = new TreeSet<>(wanted);
        missing.removeAll(all(properties));
        if (!missing.isEmpty()) {
            throw new IOException(
                    "Kafka at "
                            + properties.get(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG)
                            + " has no topic "
                            + String.join(", ", missing));
        }
    }
}
