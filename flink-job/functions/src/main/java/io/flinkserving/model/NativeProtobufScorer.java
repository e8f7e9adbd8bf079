package io.flinkserving.model;

import io.flinkserving.boundary.NativeException;
import io.flinkserving.boundary.NativeScorer;
import io.flinkserving.data.ProtobufFormat;
import io.flinkserving.wire.ErrorCode;

/** Hands the record's protobuf bytes to the library. */
final class NativeProtobufScorer<R> extends NativeRecordScorer<R> {

    private final ProtobufFormat<R> format;

    NativeProtobufScorer(NativeScorer scorer, ProtobufFormat<R> format) {
        super(scorer);
        this.format = format;
    }

    @Override
    void begin() {
        scorer.begin();
    }

    @Override
    boolean add(R record) throws NativeException, ScoringException {
        byte[] bytes;
        try {
            bytes = format.bytes(record);
        } catch (Exception e) {
            throw new ScoringException(ErrorCode.RECORD_UNREADABLE, ScoringException.reason(e));
        }
        if (bytes == null) {
            throw new ScoringException(ErrorCode.RECORD_UNREADABLE, "the record has no bytes");
        }
        return scorer.add(bytes);
    }

    /** As {@link #add} for the bytes of a message. */
    boolean addMessage(byte[] bytes, int offset, int length) throws NativeException {
        return scorer.add(bytes, offset, length);
    }

    /** See {@link NativeScorer#scoreEnds}. */
    int runMessages(byte[] records, int offset, int length, int count) throws NativeException {
        return scorer.scoreEnds(records, offset, length, count);
    }

    @Override
    int run() throws NativeException {
        return scorer.score();
    }
}
