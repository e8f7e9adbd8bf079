package io.flinkserving.state;

import io.flinkserving.model.OutputField;
import io.flinkserving.model.OutputSchema;
import io.flinkserving.model.ServedModel;
import io.flinkserving.model.ServingResult;
import io.flinkserving.wire.FieldType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Format 1: the served model as a block of bytes, record id, duration, tags, cells, texts.
 * Neighbours mostly have the same model, so a block is made and parsed once and then compared.
 */
public final class ServingResultSerializer extends VersionedSerializer<ServingResult> {

    private static final long serialVersionUID = 1L;

    public static final ServingResultSerializer INSTANCE = new ServingResultSerializer();

    private static final String[] NO_TEXTS = {};

    /** Immutable, so a race between threads that share the serializer does no harm. */
    private transient volatile Block written;

    private transient volatile Block read;

    private ServingResultSerializer() {
        super(1);
    }

    @Override
    void write(ServingResult value, DataOutputView out) throws IOException {
        Block block = written;
        if (block == null || block.model != value.model()) {
            block = new Block(value.model(), toBytes(value.model()));
            written = block;
        }
        Wire.writeBytes(block.bytes, out);
        Wire.writeNullableString(value.recordId(), out);
        Wire.writeVarint(value.durationNanos(), out);
        out.write(value.tags());
        for (long cell : value.cells()) {
            out.writeLong(cell);
        }
        Wire.writeVarint(value.texts().length, out);
        for (String text : value.texts()) {
            Wire.writeString(text, out);
        }
    }

    @Override
    ServingResult read(int format, DataInputView in) throws IOException {
        byte[] bytes = Wire.readBytes(in);
        Block block = read;
        if (block == null || !Arrays.equals(block.bytes, bytes)) {
            block = new Block(fromBytes(bytes), bytes);
            read = block;
        }
        String recordId = Wire.readNullableString(in);
        long duration = Wire.readVarint(in);
        byte[] tags = new byte[block.cells];
        in.readFully(tags);
        long[] cells = new long[block.cells];
        for (int i = 0; i < cells.length; i++) {
            cells[i] = in.readLong();
        }
        int count = Wire.readCount(in);
        String[] texts = count == 0 ? NO_TEXTS : new String[count];
        for (int i = 0; i < count; i++) {
            texts[i] = Wire.readString(in);
        }
        return ServingResult.ofCells(recordId, block.model, duration, tags, cells, texts);
    }

    private static byte[] toBytes(ServedModel model) throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(256);
        Wire.writeString(model.dataType(), out);
        Wire.writeString(model.name(), out);
        Wire.writeString(model.version(), out);
        Wire.writeVarint(model.type(), out);
        Wire.writeVarint(model.outputs().size(), out);
        for (OutputField field : model.outputs().fields()) {
            Wire.writeString(field.name(), out);
            Wire.writeVarint(field.type().getNumber(), out);
            Wire.writeVarint(field.width(), out);
            Wire.writeVarint(field.labels().size(), out);
            for (String label : field.labels()) {
                Wire.writeString(label, out);
            }
        }
        return out.getCopyOfBuffer();
    }

    private static ServedModel fromBytes(byte[] bytes) throws IOException {
        DataInputDeserializer in = new DataInputDeserializer(bytes);
        String dataType = Wire.readString(in);
        String name = Wire.readString(in);
        String version = Wire.readString(in);
        int type = (int) Wire.readVarint(in);
        int count = Wire.readCount(in);
        List<OutputField> fields = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String field = Wire.readString(in);
            FieldType fieldType = FieldType.forNumber((int) Wire.readVarint(in));
            int width = Wire.readCount(in);
            int labels = Wire.readCount(in);
            List<String> texts = new ArrayList<>();
            for (int k = 0; k < labels; k++) {
                texts.add(Wire.readString(in));
            }
            FieldType known = fieldType == null ? FieldType.FIELD_TYPE_UNSPECIFIED : fieldType;
            fields.add(new OutputField(field, known, width, texts));
        }
        return new ServedModel(dataType, name, version, type, OutputSchema.of(fields));
    }

    @Override
    public TypeSerializerSnapshot<ServingResult> snapshotConfiguration() {
        return new Format();
    }

    private static final class Block {
        private final ServedModel model;
        private final byte[] bytes;
        private final int cells;

        Block(ServedModel model, byte[] bytes) {
            this.model = model;
            this.bytes = bytes;
            this.cells = model.outputs().fields().stream().mapToInt(OutputField::width).sum();
        }
    }

    /** Written into checkpoints. */
    public static final class Format extends Snapshot<ServingResult> {
        public Format() {
            super(() -> INSTANCE);
        }
    }
}
