package io.flinkserving.state;

import io.flinkserving.model.ServingError;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Format 1: the fields in the order of the constructor. */
public final class ServingErrorSerializer extends VersionedSerializer<ServingError> {

    private static final long serialVersionUID = 1L;

    public static final ServingErrorSerializer INSTANCE = new ServingErrorSerializer();

    private ServingErrorSerializer() {
        super(1);
    }

    @Override
    void write(ServingError value, DataOutputView out) throws IOException {
        Wire.writeVarint(value.codeNumber(), out);
        Wire.writeString(value.message(), out);
        Wire.writeNullableString(value.recordId(), out);
        Wire.writeNullableString(value.dataType(), out);
        Wire.writeNullableString(value.modelName(), out);
        Wire.writeNullableString(value.modelVersion(), out);
        Wire.writeVarint(value.occurredOn(), out);
        Wire.writeBytes(value.input(), out);
    }

    @Override
    ServingError read(int format, DataInputView in) throws IOException {
        return new ServingError(
                (int) Wire.readVarint(in),
                Wire.readString(in),
                Wire.readNullableString(in),
                Wire.readNullableString(in),
                Wire.readNullableString(in),
                Wire.readNullableString(in),
                Wire.readVarint(in),
                Wire.readBytes(in));
    }

    @Override
    public TypeSerializerSnapshot<ServingError> snapshotConfiguration() {
        return new Format();
    }

    /** Written into checkpoints. */
    public static final class Format extends Snapshot<ServingError> {
        public Format() {
            super(() -> INSTANCE);
        }
    }
}
