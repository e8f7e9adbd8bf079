package io.flinkserving.model;

import java.util.Objects;

/** A scorer together with the model whose results it makes. One thread at a time uses it. */
public final class BoundScorer<R> implements AutoCloseable {

    private final Scorer<R> scorer;
    private final ServedModel model;
    private final OutputSchema schema;
    private final Outputs outputs = new Outputs();
    private final boolean measuresItself;

    public BoundScorer(Scorer<R> scorer, ModelToServe model) {
        this.scorer = scorer;
        this.schema = Objects.requireNonNull(scorer.outputs(), "outputs of the scorer");
        this.model =
                new ServedModel(
                        model.dataType(), model.name(), model.version(), model.type(), schema);
        this.measuresItself = scorer instanceof NativeRecordScorer;
    }

    public ServedModel model() {
        return model;
    }

    /**
     * Scores one record.
     *
     * @param recordId identity of the record for its result, or null
     * @throws ScoringException when this record has no score
     */
    public ServingResult score(R record, String recordId) throws ScoringException {
        outputs.reset(schema);
        long nanos;
        if (measuresItself) {
            scorer.score(record, outputs);
            nanos = outputs.durationNanos();
        } else {
            long start = System.nanoTime();
            scorer.score(record, outputs);
            long measured = System.nanoTime() - start;
            nanos = outputs.durationNanos() < 0 ? measured : outputs.durationNanos();
        }
        return ServingResult.of(recordId, model, nanos, outputs);
    }

    @Override
    public void close() {
        scorer.close();
    }
}
