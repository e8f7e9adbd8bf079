package io.flinkserving.query;

import io.flinkserving.query.QueryException.Kind;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The arguments of {@link ModelStateQuery}, read and checked. */
final class QueryOptions {

    static final String HELP =
            String.join(
                    "\n",
                    "Usage: java -jar flink-serving-query-VERSION.jar [OPTIONS]",
                    "",
                    "Shows how a running ModelServingKeyedJob serves a data type: current model, versions"
                            + " before it,",
                    "usage, times and errors.",
                    "",
                    "Options:",
                    "  --jobmanager URL         REST address of the JobManager (default"
                            + " http://localhost:8081)",
                    "  --job ID                 the job (default: the running one that serves models by"
                            + " key)",
                    "  --proxy HOST:PORT[,...]  queryable-state proxies, tried in turn (default: the port",
                    "                           configured, else 9069, of each TaskManager)",
                    "  --data-type NAME         data type to show (default wine)",
                    "  --timeout SECONDS        longest wait for one answer (default 10)",
                    "  --json                   JSON instead of a table",
                    "  --watch SECONDS          again and again until interrupted",
                    "  --help                   this text",
                    "",
                    "Exit codes: 0 shown, 1 failed, 2 wrong options, 3 no JobManager, 4 no such job,",
                    "5 no queryable-state proxy, 6 no stats for the data type, 7 other version",
                    "");

    private URI jobManager = URI.create("http://localhost:8081");
    private String job;
    private List<HostAndPort> proxies = List.of();
    private String dataType = "wine";
    private double timeoutSeconds = 10;
    private boolean json;
    private double watchSeconds;
    private boolean help;

    private QueryOptions() {}

    static QueryOptions parse(String... arguments) throws QueryException {
        QueryOptions options = new QueryOptions();
        List<String> rest = new ArrayList<>(Arrays.asList(arguments));
        while (!rest.isEmpty()) {
            String argument = rest.remove(0);
            int equals = argument.indexOf('=');
            if (argument.startsWith("--") && equals > 0) {
                rest.add(0, argument.substring(equals + 1));
                argument = argument.substring(0, equals);
            }
            options.take(argument, rest, equals > 0 && argument.startsWith("--"));
        }
        return options;
    }

    private void take(String argument, List<String> rest, boolean withValue) throws QueryException {
        boolean flag = argument.equals("--json") || argument.equals("--help");
        if (flag && withValue) {
            throw usage("option " + argument + " takes no value");
        }
        switch (argument) {
            case "--jobmanager":
                jobManager = url(value(argument, rest));
                break;
            case "--job":
                job = jobId(value(argument, rest));
                break;
            case "--proxy":
                List<HostAndPort> given = new ArrayList<>();
                for (String proxy : value(argument, rest).split(",")) {
                    given.add(hostAndPort(proxy.trim()));
                }
                proxies = List.copyOf(given);
                break;
            case "--data-type":
                dataType = value(argument, rest);
                break;
            case "--timeout":
                timeoutSeconds = seconds(argument, value(argument, rest));
                break;
            case "--watch":
                watchSeconds = seconds(argument, value(argument, rest));
                break;
            case "--json":
                json = true;
                break;
            case "--help":
            case "-h":
                help = true;
                break;
            default:
                throw usage("unknown option " + argument + "; --help lists the options");
        }
    }

    URI jobManager() {
        return jobManager;
    }

    /** Null: to be found. */
    String job() {
        return job;
    }

    /** Empty: to be found. */
    List<HostAndPort> proxies() {
        return proxies;
    }

    String dataType() {
        return dataType;
    }

    long timeoutMillis() {
        return (long) (timeoutSeconds * 1000);
    }

    boolean json() {
        return json;
    }

    /** 0: once. */
    long watchMillis() {
        return (long) (watchSeconds * 1000);
    }

    boolean help() {
        return help;
    }

    private static String value(String option, List<String> rest) throws QueryException {
        if (rest.isEmpty()) {
            throw usage("option " + option + " needs a value");
        }
        return rest.remove(0);
    }

    private static URI url(String text) throws QueryException {
        try {
            URI url = new URI(text.contains("://") ? text : "http://" + text);
            if (url.getHost() != null && List.of("http", "https").contains(url.getScheme())) {
                return url;
            }
        } catch (URISyntaxException e) {
            // Said below.
        }
        throw usage("option --jobmanager is a URL such as http://localhost:8081, not " + text);
    }

    private static String jobId(String text) throws QueryException {
        if (!text.matches("[0-9a-fA-F]{32}")) {
            throw usage("option --job is 32 hex digits, not " + text);
        }
        return text.toLowerCase(java.util.Locale.ROOT);
    }

    private static HostAndPort hostAndPort(String text) throws QueryException {
        int colon = text.lastIndexOf(':');
        try {
            int port = Integer.parseInt(text.substring(colon + 1));
            if (colon > 0 && port > 0 && port < 65536) {
                return new HostAndPort(text.substring(0, colon), port);
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw usage("option --proxy is HOST:PORT, not " + text);
    }

    private static double seconds(String option, String text) throws QueryException {
        try {
            double seconds = Double.parseDouble(text);
            if (seconds >= 0.1 && seconds <= 86_400) {
                return seconds;
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw usage("option " + option + " is a number of seconds from 0.1 to 86400, not " + text);
    }

    private static QueryException usage(String message) {
        return new QueryException(Kind.USAGE, message);
    }
}
