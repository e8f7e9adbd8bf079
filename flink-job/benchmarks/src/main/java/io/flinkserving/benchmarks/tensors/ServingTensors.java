package io.flinkserving.benchmarks.tensors;

import io.flinkserving.boundary.NativeException;
import io.flinkserving.boundary.NativeModel;
import io.flinkserving.boundary.NativeScorer;
import io.flinkserving.boundary.PackedRows;
import io.flinkserving.wire.FieldInfo;
import io.flinkserving.wire.FieldType;
import io.flinkserving.wire.InputBinding;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.PackedField;
import io.flinkserving.wire.PackedLayout;
import io.flinkserving.wire.ScorerOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** This library, with packed rows. */
final class ServingTensors implements TensorScorer {

    /** The one field of the records. */
    private static final String FIELD = "pixels";

    private final NativeModel model;
    private final NativeScorer scorer;
    private final FieldInfo input;
    private final FieldInfo output;

    ServingTensors(ModelDescriptor.ModelType type, Path file) throws IOException, NativeException {
        ModelDescriptor descriptor =
                ModelDescriptor.newBuilder()
                        .setName(file.getFileName().toString())
                        .setDataType("tensors")
                        .setModeltype(type)
                        .build();
        model = NativeModel.load(descriptor, Files.readAllBytes(file));
        if (model.info().getInputsCount() != 1 || model.info().getOutputsCount() != 1) {
            throw new IllegalArgumentException(file + " has more than one input or output");
        }
        input = model.info().getInputs(0);
        output = model.info().getOutputs(0);
        PackedField field =
                PackedField.newBuilder()
                        .setName(FIELD)
                        .setType(FieldType.FIELD_FLOAT)
                        .setWidth(input.getWidth())
                        .build();
        scorer =
                model.openScorer(
                        ScorerOptions.newBuilder()
                                .setPacked(PackedLayout.newBuilder().addFields(field))
                                .addInputs(
                                        InputBinding.newBuilder()
                                                .setModelInput(input.getName())
                                                .addRecordFields(FIELD))
                                .setCapacity(1)
                                .build());
    }

    /** Name, width and shape without the batch axis. */
    FieldInfo input() {
        return input;
    }

    FieldInfo output() {
        return output;
    }

    @Override
    public void score(float[] record, float[] result) throws NativeException {
        PackedRows rows = scorer.rows();
        rows.clear();
        for (int i = 0; i < record.length; i++) {
            rows.setFloat(0, 0, i, record[i]);
        }
        if (scorer.score(1) != 0) {
            throw new IllegalStateException(scorer.message(0));
        }
        for (int i = 0; i < result.length; i++) {
            result[i] = scorer.floatValue(0, i);
        }
    }

    @Override
    public void close() {
        scorer.close();
        model.close();
    }
}
