package io.flinkserving.benchmarks;

import io.flinkserving.boundary.CellTag;
import io.flinkserving.boundary.NativeException;
import io.flinkserving.boundary.NativeModel;
import io.flinkserving.boundary.NativeScorer;
import io.flinkserving.boundary.OutputField;
import io.flinkserving.boundary.ProtobufLayouts;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ScorerOptions;
import io.flinkserving.wire.WineRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Scores encoded wine records with this library, one by one and some number of records a call. */
final class ServingScorer implements AutoCloseable {

    private final NativeModel model;
    private final NativeScorer one;
    private final NativeScorer many;

    ServingScorer(ModelDescriptor.ModelType type, Path file, int batch)
            throws IOException, NativeException {
        ModelDescriptor descriptor =
                ModelDescriptor.newBuilder()
                        .setName(file.getFileName().toString())
                        .setDataType("wine")
                        .setModeltype(type)
                        .build();
        model = NativeModel.load(descriptor, Files.readAllBytes(file));
        one = model.openScorer(options(1));
        many = model.openScorer(options(batch));
    }

    private static ScorerOptions options(int capacity) {
        return ScorerOptions.newBuilder()
                .setProtobuf(ProtobufLayouts.of(WineRecord.getDescriptor()))
                .setCapacity(capacity)
                .build();
    }

    /** Scores a record; the result is row 0 of what is returned. */
    NativeScorer score(byte[] record) throws NativeException {
        if (one.score(record) != 0) {
            throw new IllegalStateException(one.message(0));
        }
        return one;
    }

    /** All numbers of a record's result, in the order of the outputs. */
    double[] outputs(byte[] record) throws NativeException {
        score(record);
        int cells = one.outputs().stream().mapToInt(OutputField::width).sum();
        double[] values = new double[cells];
        for (int slot = 0; slot < cells; slot++) {
            values[slot] = number(one, 0, slot);
        }
        return values;
    }

    double oneByOne(byte[][] records) throws NativeException {
        double sum = 0;
        for (byte[] record : records) {
            one.score(record);
            sum += number(one, 0, 0);
        }
        return sum;
    }

    double batches(byte[][] records) throws NativeException {
        double sum = 0;
        for (int start = 0; start < records.length; start += many.capacity()) {
            int end = Math.min(start + many.capacity(), records.length);
            many.begin();
            for (int i = start; i < end; i++) {
                many.add(records[i]);
            }
            many.score();
            for (int row = 0; row < end - start; row++) {
                sum += number(many, row, 0);
            }
        }
        return sum;
    }

    /** A number, or something that depends on the class. */
    private static double number(NativeScorer scorer, int row, int slot) {
        switch (scorer.tag(row, slot)) {
            case CellTag.DOUBLE:
                return scorer.doubleValue(row, slot);
            case CellTag.FLOAT:
                return scorer.floatValue(row, slot);
            case CellTag.LONG:
                return scorer.longValue(row, slot);
            case CellTag.LABEL:
                return scorer.text(row, slot).hashCode();
            default:
                throw new IllegalStateException(scorer.message(row));
        }
    }

    @Override
    public void close() {
        one.close();
        many.close();
        model.close();
    }
}
