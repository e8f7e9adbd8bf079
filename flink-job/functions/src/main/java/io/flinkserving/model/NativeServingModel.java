package io.flinkserving.model;

import io.flinkserving.boundary.NativeException;
import io.flinkserving.boundary.NativeModel;
import io.flinkserving.boundary.NativeScorer;
import io.flinkserving.data.DataToServe;
import io.flinkserving.data.PackedFormat;
import io.flinkserving.data.ProtobufFormat;
import io.flinkserving.data.RecordFormat;
import io.flinkserving.wire.ScorerInfo;
import io.flinkserving.wire.ScorerOptions;

/** A model of the native library. */
final class NativeServingModel implements Model {

    /** What the rows of a batch may take of each buffer, if a single one does not take more. */
    private static final int BATCH_BYTES = 1 << 18;

    private final NativeModel model;
    private final int maxRecordSize;
    private final int batchSize;

    NativeServingModel(NativeModel model, int maxRecordSize, int batchSize) {
        this.model = model;
        this.maxRecordSize = maxRecordSize;
        this.batchSize = batchSize;
    }

    @Override
    public int getType() {
        return model.info().getModelTypeValue();
    }

    @Override
    public byte[] toBytes() throws ModelException {
        try {
            return model.toBytes();
        } catch (NativeException e) {
            throw NativeModelFactory.toModelException(e);
        }
    }

    @Override
    public long nativeBytes() {
        return model.info().getNativeBytes();
    }

    @Override
    public <R> Scorer<R> open(ModelToServe served, DataToServe<R> data) throws ModelException {
        RecordFormat<R> format = data.format();
        ScorerOptions.Builder options =
                ScorerOptions.newBuilder()
                        .addAllInputs(served.inputs())
                        .addAllOutputs(served.outputs())
                        .setCapacity(1);
        if (served.hasPreprocessing()) {
            options.setPreprocessing(served.preprocessing());
        }
        try {
            if (format instanceof ProtobufFormat) {
                ProtobufFormat<R> protobuf = (ProtobufFormat<R>) format;
                options.setProtobuf(protobuf.layout());
                return new NativeProtobufScorer<>(open(options), protobuf);
            }
            PackedFormat<R> packed = (PackedFormat<R>) format;
            options.setPacked(packed.layout());
            NativeScorer scorer = open(options);
            return new NativePackedScorer<>(scorer, packed);
        } catch (NativeException e) {
            throw NativeModelFactory.toModelException(e);
        }
    }

    /**
     * @param one how large a single row is
     */
    private int capacity(ScorerInfo one) {
        long row = Math.max(one.getMinimumOutput(), one.getPackedInput());
        long fitting = Math.min(BATCH_BYTES, maxRecordSize) / Math.max(1, row);
        return (int) Math.max(1, Math.min(batchSize, fitting));
    }

    private NativeScorer open(ScorerOptions.Builder options) throws NativeException {
        // A record that fails together with others is scored again, by itself: it would come into
        // the window twice.
        if (!options.hasPreprocessing()) {
            options.setCapacity(capacity(model.describeScorer(options.build())));
        }
        return model.openScorer(options.build(), maxRecordSize);
    }

    @Override
    public void close() {
        model.close();
    }
}
