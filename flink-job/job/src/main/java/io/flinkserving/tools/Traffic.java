package io.flinkserving.tools;

import io.flinkserving.wire.ModelDescriptor;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** Publishes records at a rate and models in turn. */
public final class Traffic {

    private static final long REPORT_NANOS = Duration.ofSeconds(2).toNanos();
    private static final long MAX_NAP_NANOS = Duration.ofMillis(100).toNanos();

    private final Plan plan;
    private final Publisher publisher;
    private final Consumer<String> progress;

    private long start;
    private long nextReport;
    private long sent;
    private long published;
    private String lastModel = "none";

    public Traffic(Plan plan, Publisher publisher, Consumer<String> progress) {
        this.plan = plan;
        this.publisher = publisher;
        this.progress = progress;
    }

    /** What to publish. */
    public static final class Plan {
        public String dataTopic;
        public String modelsTopic;

        /** Bytes of the records; from the start again when they end. */
        public List<byte[]> content;

        /** In this order; from the start again when they end. */
        public List<ModelDescriptor> models;

        /** How many records. */
        public long records;

        /** Number of the first record. */
        public long first;

        /** Records per second; 0: no limit. */
        public double rate;

        /** Between the first model and the first record. */
        public Duration lead = Duration.ZERO;

        /** From one model to the next, more than zero; null: spread evenly over the records. */
        public Duration modelInterval;

        public boolean forever;
    }

    /** Ends when all records are published, and each model at least once. */
    public void run() throws IOException, InterruptedException {
        if (!plan.models.isEmpty()) {
            publishModel();
            Thread.sleep(plan.lead.toMillis());
        }
        start = System.nanoTime();
        nextReport = start + REPORT_NANOS;
        while (sent < plan.records) {
            pauseUntil(start + (plan.rate > 0 ? (long) (sent / plan.rate * 1e9) : 0));
            long number = plan.first + sent;
            int row = (int) (number % plan.content.size());
            publisher.record(plan.dataTopic, Long.toString(number), plan.content.get(row));
            sent++;
            if (System.nanoTime() >= nextReport) {
                report();
            }
        }
        while (published < plan.models.size()) {
            if (plan.modelInterval == null) {
                publishModel();
            } else {
                pauseUntil(start + published * plan.modelInterval.toNanos());
            }
        }
        publisher.flush();
        report();
    }

    private boolean modelIsDue() {
        if (plan.models.isEmpty()) {
            return false;
        }
        if (plan.modelInterval == null) {
            long rest = published * (plan.records / plan.models.size());
            return published < plan.models.size() && sent >= rest;
        }
        return System.nanoTime() - start >= published * plan.modelInterval.toNanos();
    }

    private void publishModel() throws IOException, InterruptedException {
        ModelDescriptor model = plan.models.get((int) (published % plan.models.size()));
        publisher.model(plan.modelsTopic, model);
        published++;
        lastModel = (model.getName() + ' ' + model.getVersion()).trim();
        progress.accept("model " + published + ": " + ModelCommand.describe(model));
    }

    /** Meanwhile publishes the models that become due. */
    private void pauseUntil(long time) throws IOException, InterruptedException {
        while (true) {
            while (modelIsDue()) {
                publishModel();
            }
            long rest = time - System.nanoTime();
            if (rest <= 0) {
                return;
            }
            // Not at once: models and reports may be due before.
            long nap = Math.min(rest, MAX_NAP_NANOS);
            Thread.sleep(nap / 1_000_000, (int) (nap % 1_000_000));
            if (System.nanoTime() >= nextReport) {
                report();
            }
        }
    }

    private void report() {
        nextReport = System.nanoTime() + REPORT_NANOS;
        double seconds = Math.max(1e-9, (System.nanoTime() - start) / 1e9);
        progress.accept(
                String.format(
                        Locale.ROOT,
                        "%7.1f s  %d%s records (%.0f/s), %d models, last %s",
                        seconds,
                        sent,
                        plan.forever ? "" : " of " + plan.records,
                        sent / seconds,
                        published,
                        lastModel));
    }
}
