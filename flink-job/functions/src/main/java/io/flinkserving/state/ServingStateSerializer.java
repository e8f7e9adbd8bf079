package io.flinkserving.state;

import io.flinkserving.model.ModelToServe;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Format 1: data type, whether a model serves and that model, history, models being loaded,
 * suspended name, last error. Each model has its own format.
 */
public final class ServingStateSerializer extends VersionedSerializer<ServingState> {

    private static final long serialVersionUID = 1L;

    public static final ServingStateSerializer INSTANCE = new ServingStateSerializer();

    private ServingStateSerializer() {
        super(1);
    }

    @Override
    void write(ServingState value, DataOutputView out) throws IOException {
        Wire.writeString(value.dataType(), out);
        writeModels(value.current() == null ? List.of() : List.of(value.current()), out);
        writeModels(value.history(), out);
        writeModels(value.pending(), out);
        Wire.writeString(value.suspended(), out);
        Wire.writeString(value.lastError(), out);
    }

    @Override
    ServingState read(int format, DataInputView in) throws IOException {
        String dataType = Wire.readString(in);
        List<ModelToServe> current = readModels(in);
        return new ServingState(
                dataType,
                current.isEmpty() ? null : current.get(0),
                readModels(in),
                readModels(in),
                Wire.readString(in),
                Wire.readString(in));
    }

    private static void writeModels(List<ModelToServe> models, DataOutputView out)
            throws IOException {
        Wire.writeVarint(models.size(), out);
        for (ModelToServe model : models) {
            ModelToServeSerializer.INSTANCE.serialize(model, out);
        }
    }

    private static List<ModelToServe> readModels(DataInputView in) throws IOException {
        int count = Wire.readCount(in);
        List<ModelToServe> models = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            models.add(ModelToServeSerializer.INSTANCE.deserialize(in));
        }
        return models;
    }

    @Override
    public TypeSerializerSnapshot<ServingState> snapshotConfiguration() {
        return new Format();
    }

    /** Written into checkpoints. */
    public static final class Format extends Snapshot<ServingState> {
        public Format() {
            super(() -> INSTANCE);
        }
    }
}
