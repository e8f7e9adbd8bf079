package io.flinkserving.functions;

import io.flinkserving.metrics.ServingMetrics.ModelMetrics;
import io.flinkserving.model.BoundScorer;
import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.state.ServingState;
import java.util.List;

/** What a subtask has in memory for one data type. Never stored; rebuilt from state. */
final class Slot<R> implements CompiledModels.Owner {

    final String dataType;

    /** The same as in the store. */
    ServingState state;

    /** Scores the next record; null when none may or can: not loaded, suspended, no model. */
    BoundScorer<R> active;

    /** Of the current model; null when it is not compiled. */
    BoundScorer<R> scorer;

    /** The current model; null when it is not compiled. */
    CompiledModels.Entry compiled;

    /**
     * The last values of the data type's records for a model with preprocessing, while no scorer
     * has them; null: none.
     */
    private byte[] window;

    /** Whether the store has a window. */
    boolean isWindowStored;

    /** Counts for the current model; null when there is none. */
    StatsRecorder recorder;

    /** Metrics of the current model; null when there is none. */
    ModelMetrics metrics;

    /** Versions that served before, the latest first. */
    List<ModelToServeStats> previousStats = List.of();

    /** The load of the first pending model, or null. */
    LoadTask<R> load;

    /** Why the current model can't be compiled; null: nobody tried in vain. */
    String broken;

    /** When to try again, by {@link System#nanoTime}. */
    long retryAt;

    /** Whether the current model crashed before: it is logged once. */
    boolean crashed;

    /** Whether the counts differ from those in the store. */
    boolean dirty;

    /** Whether a timer will write them; when. */
    boolean flushArmed;

    long flushAt;

    /** Whether a timer will look after the load; when. */
    boolean pollArmed;

    long pollAt;

    long pollDelay;

    /** Whether records of the batch that is being collected belong to it. */
    boolean isBatched;

    /** Its place among the slots of that batch. */
    int batchIndex;

    /** So many of its records in that batch are enough for a call. */
    int batchLimit;

    /** Whether the batch that is being emitted has outcomes of its records. */
    boolean isBatchScored;

    Slot(String dataType) {
        this.dataType = dataType;
    }

    @Override
    public void evicted(CompiledModels.Entry entry) {
        if (entry == compiled) {
            closeScorer();
            compiled = null;
        }
    }

    void closeScorer() {
        active = null;
        BoundScorer<R> closing = scorer;
        scorer = null;
        if (closing == null) {
            return;
        }
        try {
            window = null;
            if (closing.hasWindow()) {
                window = closing.window();
            }
        } finally {
            closing.close();
        }
    }

    /** The scorer of the current model, which goes on with the window of the one before. */
    void openScorer(BoundScorer<R> opened) {
        scorer = opened;
        if (window != null && opened.hasWindow()) {
            opened.restoreWindow(window);
        }
        window = null;
    }

    /** As the store had it. */
    void restoreWindow(byte[] stored) {
        window = stored;
        isWindowStored = stored != null;
    }

    /** What the store is to have; null: nothing. */
    byte[] window() {
        return scorer != null && scorer.hasWindow() ? scorer.window() : window;
    }

    /** A record came that no model took: the values before it and those after are not in a row. */
    void breakWindow() {
        if (scorer != null && scorer.hasWindow()) {
            scorer.restoreWindow(new byte[0]);
            dirty = true;
        } else if (window != null) {
            window = null;
            dirty = true;
        }
    }
}
