package io.flinkserving.benchmarks;

import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The lines of one benchmark, in order. A line without a goal holds. */
public final class Report {

    private final List<Map<String, Object>> lines = new ArrayList<>();

    /** A line with the median and the extremes of a series. */
    public final class Line {

        private final Series series;
        private final Map<String, Object> values = new LinkedHashMap<>();
        private final Map<String, Double> ratios = new LinkedHashMap<>();

        private Line(Series series) {
            this.series = series;
            values.put("name", series.name);
            values.put("value", series.median());
            values.put("unit", series.unit);
            values.put("min", series.min());
            values.put("max", series.max());
            values.put("goal", null);
            values.put("holds", true);
            values.put("ratios", ratios);
        }

        public Line atMost(double limit) {
            return goal("<= " + number(limit), series.median() <= limit);
        }

        public Line atLeast(double limit) {
            return goal(">= " + number(limit), series.median() >= limit);
        }

        /** Adds how many times as fast as the peer this is. */
        public Line against(String peer, Series peerSeries) {
            ratios.put(peer, series.speedOver(peerSeries, peer).median());
            return this;
        }

        private Line goal(String text, boolean holds) {
            values.put("goal", text);
            values.put("holds", holds);
            return this;
        }
    }

    public Line add(Series series) {
        Line line = new Line(series);
        lines.add(line.values);
        return line;
    }

    void write(Path file) throws IOException {
        Files.writeString(
                file,
                new GsonBuilder().serializeNulls().setPrettyPrinting().create().toJson(lines));
    }

    private static String number(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }
}
