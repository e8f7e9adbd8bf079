package io.flinkserving.state;

import io.flinkserving.model.ModelToServe;
import io.flinkserving.wire.ModelDescriptor;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Format 1: the ModelDescriptor's bytes, then the content's, null allowed. */
public final class ModelToServeSerializer extends VersionedSerializer<ModelToServe> {

    private static final long serialVersionUID = 1L;

    public static final ModelToServeSerializer INSTANCE = new ModelToServeSerializer();

    private ModelToServeSerializer() {
        super(1);
    }

    @Override
    void write(ModelToServe value, DataOutputView out) throws IOException {
        Wire.writeBytes(value.stateDescriptor().toByteArray(), out);
        Wire.writeNullableBytes(value.content(), out);
    }

    @Override
    ModelToServe read(int format, DataInputView in) throws IOException {
        ModelDescriptor descriptor = ModelDescriptor.parseFrom(Wire.readBytes(in));
        return ModelToServe.ofState(descriptor, Wire.readNullableBytes(in));
    }

    @Override
    public TypeSerializerSnapshot<ModelToServe> snapshotConfiguration() {
        return new Format();
    }

    /** Written into checkpoints. */
    public static final class Format extends Snapshot<ModelToServe> {
        public Format() {
            super(() -> INSTANCE);
        }
    }
}
