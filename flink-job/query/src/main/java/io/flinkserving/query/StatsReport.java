package io.flinkserving.query;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Stats as a table for people or as JSON. Times in the table are microseconds. */
final class StatsReport {

    private static final double P99 = 0.99;
    private static final String[] HEADER = {
        "model", "version", "type", "status", "since", "records", "errors", "min us", "mean us",
        "p99 us", "max us"
    };

    /** Columns of text, before those of numbers. */
    private static final int TEXT_COLUMNS = 5;

    private StatsReport() {}

    static String table(ModelToServeStats stats, String job) {
        List<String[]> rows = new ArrayList<>();
        rows.add(HEADER);
        rows.add(row(stats));
        stats.previous().forEach(previous -> rows.add(row(previous)));
        int[] widths = new int[HEADER.length];
        for (String[] row : rows) {
            for (int i = 0; i < row.length; i++) {
                widths[i] = Math.max(widths[i], row[i].length());
            }
        }
        StringBuilder text = new StringBuilder();
        text.append("data type ")
                .append(stats.dataType())
                .append(", job ")
                .append(job)
                .append('\n');
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.length; i++) {
                String pad = " ".repeat(widths[i] - row[i].length());
                line.append(i == 0 ? "" : "  ");
                line.append(i < TEXT_COLUMNS ? row[i] + pad : pad + row[i]);
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        if (!stats.lastError().isEmpty()) {
            text.append("last model not taken: ").append(stats.lastError()).append('\n');
        }
        return text.toString();
    }

    static String json(ModelToServeStats stats, String jobId, String jobName) {
        JsonObject json = new JsonObject();
        json.addProperty("job", jobId);
        json.addProperty("job_name", jobName);
        json.addProperty("data_type", stats.dataType());
        json.add("current", version(stats));
        JsonArray previous = new JsonArray();
        stats.previous().forEach(each -> previous.add(version(each)));
        json.add("previous", previous);
        json.addProperty("last_error", stats.lastError());
        return new GsonBuilder().disableHtmlEscaping().create().toJson(json);
    }

    private static JsonObject version(ModelToServeStats stats) {
        JsonObject json = new JsonObject();
        json.addProperty("model", stats.name());
        json.addProperty("version", stats.version());
        json.addProperty("description", stats.description());
        json.addProperty("type", type(stats.type()));
        json.addProperty("status", stats.status().name());
        json.addProperty("since", stats.since() == 0 ? null : time(stats.since()));
        json.addProperty("records", stats.usage());
        json.addProperty("errors", stats.errors());
        json.addProperty("min_nanos", stats.minNanos());
        json.addProperty("mean_nanos", stats.meanNanos());
        json.addProperty("p99_nanos", stats.quantileNanos(P99));
        json.addProperty("max_nanos", stats.maxNanos());
        return json;
    }

    private static String[] row(ModelToServeStats stats) {
        boolean used = stats.usage() > 0;
        return new String[] {
            stats.name().isEmpty() ? "-" : stats.name(),
            stats.version().isEmpty() ? "-" : stats.version(),
            stats.name().isEmpty() ? "-" : type(stats.type()),
            stats.status().name(),
            stats.since() == 0 ? "-" : time(stats.since()),
            Long.toString(stats.usage()),
            Long.toString(stats.errors()),
            used ? micros(stats.minNanos()) : "-",
            used ? micros(stats.meanNanos()) : "-",
            used ? micros(stats.quantileNanos(P99)) : "-",
            used ? micros(stats.maxNanos()) : "-"
        };
    }

    private static String type(int number) {
        ModelType type = ModelType.forNumber(number);
        return type == null ? Integer.toString(number) : type.name();
    }

    private static String time(long millis) {
        return Instant.ofEpochMilli(millis).truncatedTo(ChronoUnit.MILLIS).toString();
    }

    private static String micros(double nanos) {
        return String.format(Locale.ROOT, "%.2f", nanos / 1000);
    }
}
