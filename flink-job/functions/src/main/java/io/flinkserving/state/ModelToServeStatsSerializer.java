package io.flinkserving.state;

import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.model.ModelToServeStats.Status;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Format 1: the fields in order; of the histogram, how many buckets and each count; then the
 * previous versions, each with its own format.
 */
public final class ModelToServeStatsSerializer extends VersionedSerializer<ModelToServeStats> {

    private static final long serialVersionUID = 1L;

    public static final ModelToServeStatsSerializer INSTANCE = new ModelToServeStatsSerializer();

    private ModelToServeStatsSerializer() {
        super(1);
    }

    @Override
    void write(ModelToServeStats value, DataOutputView out) throws IOException {
        Wire.writeString(value.dataType(), out);
        Wire.writeString(value.name(), out);
        Wire.writeString(value.version(), out);
        Wire.writeString(value.description(), out);
        Wire.writeVarint(value.type(), out);
        Wire.writeVarint(value.since(), out);
        Wire.writeVarint(value.usage(), out);
        Wire.writeVarint(value.errors(), out);
        Wire.writeVarint(value.minNanos(), out);
        Wire.writeVarint(value.maxNanos(), out);
        Wire.writeVarint(value.sumNanos(), out);
        long[] histogram = value.histogram();
        Wire.writeVarint(histogram.length, out);
        for (long count : histogram) {
            Wire.writeVarint(count, out);
        }
        out.writeByte(value.status().ordinal());
        Wire.writeString(value.lastError(), out);
        Wire.writeVarint(value.previous().size(), out);
        for (ModelToServeStats previous : value.previous()) {
            serialize(previous, out);
        }
    }

    @Override
    ModelToServeStats read(int format, DataInputView in) throws IOException {
        ModelToServeStats.Builder stats = ModelToServeStats.builder();
        stats.dataType(Wire.readString(in));
        String name = Wire.readString(in);
        String version = Wire.readString(in);
        String description = Wire.readString(in);
        stats.model(name, version, (int) Wire.readVarint(in), description);
        stats.since(Wire.readVarint(in));
        stats.counts(Wire.readVarint(in), Wire.readVarint(in));
        long min = Wire.readVarint(in);
        long max = Wire.readVarint(in);
        long sum = Wire.readVarint(in);
        long[] histogram = new long[Wire.readCount(in)];
        for (int i = 0; i < histogram.length; i++) {
            histogram[i] = Wire.readVarint(in);
        }
        stats.durations(min, max, sum, histogram);
        Status status = Status.values()[in.readByte()];
        stats.status(status, Wire.readString(in));
        int count = Wire.readCount(in);
        List<ModelToServeStats> previous = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            previous.add(deserialize(in));
        }
        return stats.previous(previous).build();
    }

    @Override
    public TypeSerializerSnapshot<ModelToServeStats> snapshotConfiguration() {
        return new Format();
    }

    /** Written into checkpoints. */
    public static final class Format extends Snapshot<ModelToServeStats> {
        public Format() {
            super(() -> INSTANCE);
        }
    }
}
