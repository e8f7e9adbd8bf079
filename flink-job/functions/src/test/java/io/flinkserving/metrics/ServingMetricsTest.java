package io.flinkserving.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.junit.jupiter.api.Test;

class ServingMetricsTest {

    /** Registered metrics by path. */
    private final Map<String, Metric> registered = new HashMap<>();

    private final class Recording extends UnregisteredMetricsGroup {
        private final String path;

        Recording(String path) {
            this.path = path;
        }

        @Override
        public org.apache.flink.metrics.MetricGroup addGroup(String name) {
            return new Recording(path + name + ".");
        }

        @Override
        public org.apache.flink.metrics.MetricGroup addGroup(String key, String value) {
            return new Recording(path + key + "." + value + ".");
        }

        @Override
        public org.apache.flink.metrics.Counter counter(String name) {
            org.apache.flink.metrics.Counter counter = super.counter(name);
            registered.put(path + name, counter);
            return counter;
        }

        @Override
        public <H extends org.apache.flink.metrics.Histogram> H histogram(String name, H metric) {
            registered.put(path + name, metric);
            return metric;
        }
    }

    @Test
    void namesBeyondTheLimitShareTheirMetrics() {
        ServingMetrics metrics = new ServingMetrics(new Recording(""), 2);
        assertThat(metrics.forModel("a")).isSameAs(metrics.forModel("a"));
        metrics.forModel("b");
        int count = registered.size();
        for (int i = 0; i < 1000; i++) {
            assertThat(metrics.forModel("c" + i)).isSameAs(metrics.forModel("c0"));
        }
        assertThat(registered).containsKey("modelServing.model.a.records");
        assertThat(registered).containsKey("modelServing.model.other.records");
        assertThat(registered.size() - count).as("metrics of one name").isEqualTo(6);
    }

    @Test
    void latencyIsThatOfRecentRecords() {
        LatencyHistogram latency = new LatencyHistogram();
        for (int i = 0; i < 200_000; i++) {
            latency.update(1_000_000);
        }
        for (int i = 0; i < 200_000; i++) {
            latency.update(100);
        }
        assertThat(latency.getCount()).isEqualTo(400_000);
        assertThat(latency.getStatistics().getQuantile(0.999)).isBetween(94.0, 106.0);
        assertThat(latency.getStatistics().getMax()).isBetween(94L, 106L);
    }
}
