package io.flinkserving.query;

import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.query.QueryException.Kind;
import java.io.PrintStream;
import java.util.List;

/** Shows how a running job serves a data type. */
public final class ModelStateQuery {

    private final QueryOptions options;
    private final PrintStream out;

    private ModelStateQuery(QueryOptions options, PrintStream out) {
        this.options = options;
        this.out = out;
    }

    public static void main(String[] arguments) {
        // Also ends the threads of the client.
        System.exit(run(System.out, System.err, arguments));
    }

    static int run(PrintStream out, PrintStream err, String... arguments) {
        try {
            QueryOptions options = QueryOptions.parse(arguments);
            if (options.help()) {
                out.print(QueryOptions.HELP);
            } else {
                new ModelStateQuery(options, out).run(err);
            }
            return 0;
        } catch (QueryException e) {
            err.println("error: " + e.getMessage());
            return e.kind().exitCode();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Kind.FAILED.exitCode();
        }
    }

    private void run(PrintStream err) throws QueryException, InterruptedException {
        if (options.watchMillis() == 0) {
            show();
            return;
        }
        while (true) {
            try {
                show();
            } catch (QueryException e) {
                // A job that restarts, or is yet to be submitted, is worth waiting for.
                err.println("error: " + e.getMessage());
            }
            Thread.sleep(options.watchMillis());
        }
    }

    private void show() throws QueryException, InterruptedException {
        JobManager jobManager = new JobManager(options.jobManager(), options.timeoutMillis());
        JobManager.Job job =
                options.job() == null ? jobManager.servingJob() : jobManager.job(options.job());
        List<HostAndPort> proxies =
                options.proxies().isEmpty() ? jobManager.proxies() : options.proxies();
        try (StatsClient client = StatsClient.connect(proxies, options.timeoutMillis())) {
            ModelToServeStats stats = client.stats(job.id(), options.dataType());
            if (options.json()) {
                out.println(StatsReport.json(stats, job.id(), job.name()));
            } else {
                out.println(StatsReport.table(stats, job.toString()));
            }
            out.flush();
        }
    }
}
