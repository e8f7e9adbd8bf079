package io.flinkserving.state;

import io.flinkserving.model.ModelWithType;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Format 1: data type, key, bytes. */
public final class ModelWithTypeSerializer extends VersionedSerializer<ModelWithType> {

    private static final long serialVersionUID = 1L;

    public static final ModelWithTypeSerializer INSTANCE = new ModelWithTypeSerializer();

    private ModelWithTypeSerializer() {
        super(1);
    }

    @Override
    void write(ModelWithType value, DataOutputView out) throws IOException {
        Wire.writeString(value.dataType(), out);
        Wire.writeString(value.key(), out);
        Wire.writeBytes(value.bytes(), out);
    }

    @Override
    ModelWithType read(int format, DataInputView in) throws IOException {
        return new ModelWithType(Wire.readString(in), Wire.readString(in), Wire.readBytes(in));
    }

    @Override
    public TypeSerializerSnapshot<ModelWithType> snapshotConfiguration() {
        return new Format();
    }

    /** Written into checkpoints. */
    public static final class Format extends Snapshot<ModelWithType> {
        public Format() {
            super(() -> INSTANCE);
        }
    }
}
