package io.flinkserving.query;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.flinkserving.query.QueryException.Kind;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What the query asks the JobManager's REST interface: which job, and where its TaskManagers are.
 */
final class JobManager {

    /** Part of the name of the operator with the stats, also where it is chained to others. */
    static final String SERVING_OPERATOR = "serve keyed";

    private static final String PROXY_PORTS = "queryable-state.proxy.ports";
    private static final int DEFAULT_PROXY_PORT = 9069;
    private static final int NOT_FOUND = 404;

    private final URI url;
    private final Duration timeout;
    private final HttpClient http;

    JobManager(URI url, long timeoutMillis) {
        this.url = url;
        this.timeout = Duration.ofMillis(timeoutMillis);
        this.http =
                HttpClient.newBuilder()
                        .connectTimeout(timeout)
                        .followRedirects(HttpClient.Redirect.NORMAL)
                        .build();
    }

    /** A job that runs. */
    static final class Job {
        private final String id;
        private final String name;
        private final List<String> operators;

        Job(String id, String name, List<String> operators) {
            this.id = id;
            this.name = name;
            this.operators = operators;
        }

        String id() {
            return id;
        }

        String name() {
            return name;
        }

        boolean servesByKey() {
            return operators.stream().anyMatch(operator -> operator.contains(SERVING_OPERATOR));
        }

        @Override
        public String toString() {
            return id + " (" + name + ")";
        }
    }

    /** The job of this id. */
    Job job(String id) throws QueryException, InterruptedException {
        JsonObject job = get("/jobs/" + id);
        if (job == null) {
            throw new QueryException(Kind.NO_JOB, "the JobManager at " + url + " has no job " + id);
        }
        String state = job.get("state").getAsString();
        if (!state.equals("RUNNING")) {
            throw new QueryException(Kind.NO_JOB, "job " + id + " does not run: it is " + state);
        }
        List<String> operators = new ArrayList<>();
        for (JsonElement vertex : job.getAsJsonArray("vertices")) {
            operators.add(vertex.getAsJsonObject().get("name").getAsString());
        }
        return new Job(id, job.get("name").getAsString(), operators);
    }

    /** The one job that serves models by key. */
    Job servingJob() throws QueryException, InterruptedException {
        List<Job> running = new ArrayList<>();
        for (JsonElement each : required("/jobs/overview").getAsJsonArray("jobs")) {
            JsonObject job = each.getAsJsonObject();
            if (job.get("state").getAsString().equals("RUNNING")) {
                running.add(job(job.get("jid").getAsString()));
            }
        }
        List<Job> serving = running.stream().filter(Job::servesByKey).collect(Collectors.toList());
        if (serving.size() == 1) {
            return serving.get(0);
        }
        if (serving.size() > 1) {
            throw new QueryException(
                    Kind.NO_JOB, "several jobs serve models; give --job with one of " + serving);
        }
        throw new QueryException(
                Kind.NO_JOB,
                running.isEmpty()
                        ? "no job runs at " + url
                        : "no job at "
                                + url
                                + " keeps models by key: only ModelServingKeyedJob can be queried;"
                                + " these run: "
                                + running);
    }

    /** Every TaskManager, with the first port that the cluster's configuration has for proxies. */
    List<HostAndPort> proxies() throws QueryException, InterruptedException {
        int port = proxyPort();
        List<HostAndPort> proxies = new ArrayList<>();
        for (JsonElement each : required("/taskmanagers").getAsJsonArray("taskmanagers")) {
            String path = each.getAsJsonObject().get("path").getAsString();
            proxies.add(new HostAndPort(host(path), port));
        }
        if (proxies.isEmpty()) {
            throw new QueryException(Kind.NO_PROXY, "no TaskManager is registered at " + url);
        }
        return proxies;
    }

    private int proxyPort() throws QueryException, InterruptedException {
        String found = "";
        String path = url + "/jobmanager/config";
        try {
            HttpRequest request =
                    HttpRequest.newBuilder(URI.create(trimmed() + "/jobmanager/config"))
                            .timeout(timeout)
                            .build();
            String body = http.send(request, HttpResponse.BodyHandlers.ofString()).body();
            for (JsonElement each : JsonParser.parseString(body).getAsJsonArray()) {
                JsonObject option = each.getAsJsonObject();
                if (option.get("key").getAsString().equals(PROXY_PORTS)) {
                    found = option.get("value").getAsString();
                }
            }
        } catch (IOException | JsonParseException | IllegalStateException e) {
            throw new QueryException(Kind.NO_JOB_MANAGER, "no configuration at " + path, e);
        }
        // A port, a range such as 50100-50200, or a list of them.
        Matcher first = Pattern.compile("\\d{1,5}").matcher(found);
        int port = first.lookingAt() ? Integer.parseInt(first.group()) : 0;
        return port == 0 ? DEFAULT_PROXY_PORT : port;
    }

    /** Of a path such as pekko.tcp://flink@host:45678/user/rpc/taskmanager_0; else our own host. */
    private String host(String path) {
        int at = path.indexOf('@');
        int colon = path.indexOf(':', at + 1);
        return at < 0 || colon < 0 ? url.getHost() : path.substring(at + 1, colon);
    }

    private JsonObject required(String path) throws QueryException, InterruptedException {
        JsonObject answer = get(path);
        if (answer == null) {
            throw new QueryException(
                    Kind.NO_JOB_MANAGER, url + " is not a Flink JobManager: it has no " + path);
        }
        return answer;
    }

    /** Null when there is no such thing. */
    private JsonObject get(String path) throws QueryException, InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(trimmed() + path)).timeout(timeout).build();
        try {
            HttpResponse<String> response =
                    http.send(request, HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() == NOT_FOUND) {
                return null;
            }
            if (response.statusCode() != 200) {
                throw new QueryException(
                        Kind.FAILED, url + path + " answers with status " + response.statusCode());
            }
            return JsonParser.parseString(response.body()).getAsJsonObject();
        } catch (IOException e) {
            String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            throw new QueryException(
                    Kind.NO_JOB_MANAGER, "no JobManager answers at " + url + ": " + reason, e);
        } catch (JsonParseException | IllegalStateException e) {
            throw new QueryException(
                    Kind.NO_JOB_MANAGER, url + " is not a Flink JobManager: no JSON at " + path, e);
        }
    }

    private String trimmed() {
        String text = url.toString();
        return text.endsWith("/") ? text.substring(0, text.length() - 1) : text;
    }
}
