package io.flinkserving.functions;

import io.flinkserving.metrics.ServingMetrics;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.model.ModelToServeStats.Status;
import io.flinkserving.state.ServingState;
import java.util.ArrayList;
import java.util.List;

/** What a slot counts, from state and back. */
final class SlotStats<R> {

    private final ServingMetrics metrics;
    private final int historySize;

    SlotStats(ServingMetrics metrics, int historySize) {
        this.metrics = metrics;
        this.historySize = historySize;
    }

    /** Goes on from what state has; null: nothing. */
    void restore(Slot<R> slot, ModelToServeStats stats) {
        if (stats != null) {
            List<ModelToServeStats> all = new ArrayList<>();
            all.add(stats.toBuilder().previous(List.of()).build());
            all.addAll(stats.previous());
            slot.previousStats = all;
        }
        countFor(slot, 0);
    }

    /** Starts to count for the current model, where it left off if it served before. */
    void countFor(Slot<R> slot, long since) {
        ModelToServe current = slot.state.current();
        List<ModelToServeStats> others = new ArrayList<>();
        ModelToServeStats base = null;
        for (ModelToServeStats stats : slot.previousStats) {
            if (current != null
                    && stats.name().equals(current.name())
                    && stats.version().equals(current.version())) {
                base = stats;
            } else if (stats.since() != 0) {
                others.add(stats);
            }
        }
        slot.previousStats = List.copyOf(others.subList(0, Math.min(historySize, others.size())));
        if (current == null) {
            slot.recorder = null;
            slot.metrics = null;
            return;
        }
        if (base == null) {
            base = StatsRecorder.statsOf(current, slot.dataType).build();
        }
        slot.recorder =
                new StatsRecorder(since == 0 ? base : base.toBuilder().since(since).build());
        slot.metrics = metrics.forModel(current.name());
    }

    /** The counts of the model that served go to those of the former ones. */
    void retireCounts(Slot<R> slot) {
        if (slot.recorder != null) {
            List<ModelToServeStats> more = new ArrayList<>();
            more.add(slot.recorder.toStats().status(Status.RETIRED, "").build());
            more.addAll(slot.previousStats);
            slot.previousStats = more;
            slot.recorder = null;
        }
    }

    /** All that is known now; {@code other} is the model it speaks of while none serves. */
    ModelToServeStats toStats(Slot<R> slot, ModelToServe other) {
        ModelToServeStats.Builder stats;
        if (slot.recorder != null) {
            stats = slot.recorder.toStats();
        } else if (other != null) {
            stats = StatsRecorder.statsOf(other, slot.dataType);
        } else {
            stats = ModelToServeStats.builder().dataType(slot.dataType);
        }
        return stats.status(statusOf(slot.state), slot.state.lastError())
                .previous(slot.previousStats)
                .build();
    }

    private static Status statusOf(ServingState state) {
        if (state.isSuspended()) {
            return Status.SUSPENDED;
        }
        if (!state.pending().isEmpty()) {
            return Status.LOADING;
        }
        if (!state.lastError().isEmpty()) {
            return Status.FAILED;
        }
        return state.current() == null ? Status.RETIRED : Status.SERVING;
    }
}
