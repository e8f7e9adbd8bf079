package io.flinkserving.query;

import io.flinkserving.functions.DataProcessorKeyed;
import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.query.QueryException.Kind;
import io.flinkserving.state.ServingTypes;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.queryablestate.client.QueryableStateClient;

/** Reads the stats of a data type through Flink's queryable state. */
final class StatsClient implements AutoCloseable {

    private final HostAndPort proxy;
    private final long timeoutMillis;
    private final QueryableStateClient client;

    private StatsClient(HostAndPort proxy, long timeoutMillis) throws UnknownHostException {
        this.proxy = proxy;
        this.timeoutMillis = timeoutMillis;
        client = new QueryableStateClient(InetAddress.getByName(proxy.host()), proxy.port());
        client.setExecutionConfig(new ExecutionConfig());
    }

    /** The first proxy at which something listens; each of them knows the whole job. */
    static StatsClient connect(List<HostAndPort> proxies, long timeoutMillis)
            throws QueryException {
        List<String> tried = new ArrayList<>();
        for (HostAndPort proxy : proxies) {
            try (Socket socket = new Socket()) {
                InetAddress address = InetAddress.getByName(proxy.host());
                int patience = (int) Math.min(Integer.MAX_VALUE, timeoutMillis);
                socket.connect(new InetSocketAddress(address, proxy.port()), patience);
                return new StatsClient(proxy, timeoutMillis);
            } catch (java.io.IOException e) {
                tried.add(proxy + " (" + reason(e) + ")");
            }
        }
        throw new QueryException(
                Kind.NO_PROXY,
                "no queryable-state proxy answers at "
                        + String.join(", ", tried)
                        + ": Flink needs flink-queryable-state-runtime in lib/ and"
                        + " queryable-state.enable: true; a port other than 9069 is given by --proxy");
    }

    ModelToServeStats stats(String jobId, String dataType)
            throws QueryException, InterruptedException {
        ValueStateDescriptor<ModelToServeStats> descriptor =
                new ValueStateDescriptor<>("stats", ServingTypes.STATS);
        ModelToServeStats stats;
        try {
            ValueState<ModelToServeStats> state =
                    client.getKvState(
                                    JobID.fromHexString(jobId),
                                    DataProcessorKeyed.STATS_QUERYABLE_NAME,
                                    dataType,
                                    Types.STRING,
                                    descriptor)
                            .get(timeoutMillis, TimeUnit.MILLISECONDS);
            stats = state.value();
        } catch (TimeoutException e) {
            throw new QueryException(
                    Kind.FAILED, "no answer from " + proxy + " within " + timeoutMillis + " ms", e);
        } catch (ExecutionException e) {
            throw failure(e.getCause(), jobId, dataType);
        } catch (java.io.IOException | RuntimeException e) {
            throw otherVersion(e);
        }
        if (stats == null) {
            throw unknownKey(dataType);
        }
        return stats;
    }

    /** The server sends its exceptions as text, so the text is all there is to go by. */
    private QueryException failure(Throwable cause, String jobId, String dataType) {
        String text = String.valueOf(cause);
        if (text.contains("UnknownKeyOrNamespaceException")) {
            return unknownKey(dataType);
        }
        if (text.contains("UnknownKvStateLocation")) {
            return new QueryException(
                    Kind.NO_JOB,
                    "job "
                            + jobId
                            + " has no queryable state "
                            + DataProcessorKeyed.STATS_QUERYABLE_NAME
                            + " (yet): only ModelServingKeyedJob has it, and only while it runs",
                    cause);
        }
        if (text.contains("FlinkJobNotFoundException")
                || text.contains("Could not find Flink job")) {
            return new QueryException(Kind.NO_JOB, "there is no job " + jobId, cause);
        }
        if (cause instanceof java.io.IOException && text.contains("format")) {
            return otherVersion(cause);
        }
        return new QueryException(
                Kind.FAILED, proxy + " answers: " + text.lines().findFirst().orElse(""), cause);
    }

    private QueryException otherVersion(Throwable cause) {
        return new QueryException(
                Kind.VERSION_MISMATCH,
                "the job's stats can't be read, it runs another version: " + reason(cause),
                cause);
    }

    private static QueryException unknownKey(String dataType) {
        return new QueryException(
                Kind.UNKNOWN_KEY,
                "the job has no stats for data type '" + dataType + "': no model came for it yet");
    }

    private static String reason(Throwable failure) {
        String message = failure.getMessage();
        return message == null
                ? failure.getClass().getSimpleName()
                : message.lines().findFirst().orElse("");
    }

    @Override
    public void close() {
        client.shutdownAndHandle();
    }
}
