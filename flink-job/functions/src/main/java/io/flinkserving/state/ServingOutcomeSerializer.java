package io.flinkserving.state;

import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingOutcome;
import io.flinkserving.model.ServingResult;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Format 1: 0 and a result, or 1 and an error. */
public final class ServingOutcomeSerializer extends VersionedSerializer<ServingOutcome> {

    private static final long serialVersionUID = 1L;

    public static final ServingOutcomeSerializer INSTANCE = new ServingOutcomeSerializer();

    private ServingOutcomeSerializer() {
        super(1);
    }

    @Override
    void write(ServingOutcome value, DataOutputView out) throws IOException {
        if (value instanceof ServingResult) {
            out.writeByte(0);
            ServingResultSerializer.INSTANCE.serialize((ServingResult) value, out);
        } else {
            out.writeByte(1);
            ServingErrorSerializer.INSTANCE.serialize((ServingError) value, out);
        }
    }

    @Override
    ServingOutcome read(int format, DataInputView in) throws IOException {
        return in.readByte() == 0
                ? ServingResultSerializer.INSTANCE.deserialize(in)
                : ServingErrorSerializer.INSTANCE.deserialize(in);
    }

    @Override
    public TypeSerializerSnapshot<ServingOutcome> snapshotConfiguration() {
        return new Format();
    }

    /** Written into checkpoints. */
    public static final class Format extends Snapshot<ServingOutcome> {
        public Format() {
            super(() -> INSTANCE);
        }
    }
}
