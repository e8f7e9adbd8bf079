package io.flinkserving.model;

/**
 * Scores records with one model. One thread at a time uses it; the thread that opens it may be
 * another one than the thread that scores.
 */
public interface Scorer<R> extends AutoCloseable {

    /** What each score consists of; always the same instance. */
    OutputSchema outputs();

    /**
     * Scores one record. An unchecked exception counts as a crash: the record fails with {@code
     * SCORING_CRASHED}, this scorer is closed and another one is opened.
     *
     * @param outputs where the score goes; all slots missing; not to be kept
     * @throws ScoringException when this record has no score; the next one may have
     */
    void score(R record, Outputs outputs) throws ScoringException;

    /** Frees the scorer; again: does nothing. */
    @Override
    void close();
}
