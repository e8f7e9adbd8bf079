package io.flinkserving.model;

import io.flinkserving.boundary.NativeException;
import java.util.Objects;

/**
 * A scorer together with the model whose results it makes. One thread at a time uses it.
 *
 * <p>{@link #score} scores one record. Where {@link #capacity} is more than 1, many can share the
 * cost of a call: {@link #begin}, {@link #add} for each, {@link #scoreBatch}, then {@link #result}
 * or {@link #failure} by row, in the order in which they were added.
 */
public final class BoundScorer<R> implements AutoCloseable {

    private final Scorer<R> scorer;

    /** The same, or null when it is another one. */
    private final NativeRecordScorer<R> library;

    /** The same, or null when it does not take protobuf messages. */
    private final NativeProtobufScorer<R> messages;

    private final boolean hasWindow;
    private final ServedModel model;
    private final OutputSchema schema;
    private final Outputs outputs = new Outputs();
    private int rows;
    private int failed;
    private long nanosPerRecord;

    public BoundScorer(Scorer<R> scorer, ModelToServe model) {
        this.scorer = scorer;
        this.library = scorer instanceof NativeRecordScorer ? (NativeRecordScorer<R>) scorer : null;
        this.messages =
                scorer instanceof NativeProtobufScorer ? (NativeProtobufScorer<R>) scorer : null;
        this.hasWindow = library != null && model.hasPreprocessing();
        this.schema = Objects.requireNonNull(scorer.outputs(), "outputs of the scorer");
        this.model =
                new ServedModel(
                        model.dataType(), model.name(), model.version(), model.type(), schema);
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
        if (library != null) {
            library.scoreAlone(record);
            return library.result(0, recordId, model, library.durationNanos());
        }
        outputs.reset(schema);
        long start = System.nanoTime();
        scorer.score(record, outputs);
        long measured = System.nanoTime() - start;
        long nanos = outputs.durationNanos() < 0 ? measured : outputs.durationNanos();
        return ServingResult.of(recordId, model, nanos, outputs);
    }

    /** Whether what it takes of a record becomes one of the last values that the model gets. */
    public boolean hasWindow() {
        return hasWindow;
    }

    /** These values, as bytes; only where it {@link #hasWindow}. */
    public byte[] window() {
        return library.window();
    }

    /** Goes on from the window of another scorer; begins anew from no bytes. */
    public void restoreWindow(byte[] window) {
        library.restoreWindow(window);
    }

    /** Most records of a batch; 1: this scorer has no batches. */
    public int capacity() {
        return library == null ? 1 : library.capacity();
    }

    /** Starts a batch. */
    public void begin() {
        library.begin();
        rows = 0;
    }

    /**
     * Adds a record to the batch.
     *
     * @return its row, or -1 when it is not in the batch: there is no room for it, or {@link
     *     #score} tells what is wrong with it
     */
    public int add(R record) {
        try {
            return library.add(record) ? rows++ : -1;
        } catch (ScoringException | NativeException e) {
            return -1;
        }
    }

    /** Whether {@link #addMessage} may be called. */
    public boolean takesMessages() {
        return messages != null;
    }

    /** As {@link #add} for a record of which just its message is known. */
    public int addMessage(byte[] bytes, int offset, int length) {
        try {
            return messages.addMessage(bytes, offset, length) ? rows++ : -1;
        } catch (NativeException e) {
            return -1;
        }
    }

    /**
     * Scores a batch of records of which just their messages are known. None may be begun.
     *
     * @param bytes the records, as {@link io.flinkserving.data.RecordBlock#bytes} has them
     * @param offset where they begin
     * @param length bytes that they take
     * @param count number of records, at least 1
     * @return number of records without a score, or -1 when they are too many or too large for one
     *     batch
     * @throws IllegalStateException when the call as a whole failed: any record may be to blame
     */
    public int scoreMessages(byte[] bytes, int offset, int length, int count) {
        rows = 0;
        try {
            failed = messages.runMessages(bytes, offset, length, count);
        } catch (NativeException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
        if (failed >= 0) {
            rows = count;
            measure();
        }
        return failed;
    }

    /**
     * Scores the records of the batch.
     *
     * @return number of records without a score
     * @throws IllegalStateException when the call as a whole failed: any record may be to blame
     */
    public int scoreBatch() {
        try {
            failed = library.run();
        } catch (NativeException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
        measure();
        return failed;
    }

    private void measure() {
        nanosPerRecord = (library.durationNanos() + rows / 2) / rows;
    }

    /** Records of the batch. */
    public int rows() {
        return rows;
    }

    /** What a record of the batch took on average, nanoseconds. */
    public long nanosPerRecord() {
        return nanosPerRecord;
    }

    /** Result of a record of the batch, or null when it has none. */
    public ServingResult result(int row, String recordId) {
        boolean isScored = failed == 0 || library.isScored(row);
        return isScored ? library.result(row, recordId, model, nanosPerRecord) : null;
    }

    /** Whether it or the results of all did not fit into a buffer. */
    public boolean isTooLarge(int row) {
        return library.isTooLarge(row);
    }

    /** Why a record of the batch has no score. */
    public ScoringException failure(int row) {
        return library.failure(row);
    }

    @Override
    public void close() {
        scorer.close();
    }
}
