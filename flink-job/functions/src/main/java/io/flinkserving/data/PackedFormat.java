package io.flinkserving.data;

import io.flinkserving.wire.FieldType;
import io.flinkserving.wire.PackedField;
import io.flinkserving.wire.PackedLayout;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Records of any Java type (POJO, Row, tuple), written field by field for each call.
 *
 * <pre>{@code
 * public final class Wine extends PackedFormat<WinePojo> {
 *     public List<PackedField> fields() {
 *         return List.of(PackedFormat.field("alcohol", FieldType.FIELD_DOUBLE), ...);
 *     }
 *     public void write(WinePojo record, PackedRow row) {
 *         row.setDouble(0, record.alcohol);
 *     }
 * }
 * }</pre>
 */
public abstract class PackedFormat<R> extends RecordFormat<R> {

    private static final long serialVersionUID = 1L;

    /** The fields in the order of their index; the same at each call. */
    public abstract List<PackedField> fields();

    /**
     * Writes the fields of one record. A field that is not written is missing.
     *
     * @param row all fields missing; not to be kept
     * @throws FieldException for a value that can't be written; the record fails with {@code
     *     FIELD_INVALID}, any other exception makes it fail with {@code RECORD_UNREADABLE}
     */
    public abstract void write(R record, PackedRow row);

    /** Its text, which is what a person would look at. */
    @Override
    public byte[] toInput(R record) {
        return String.valueOf(record).getBytes(StandardCharsets.UTF_8);
    }

    public static PackedField field(String name, FieldType type) {
        return field(name, type, 1);
    }

    /**
     * @param width values per record, at least 1
     */
    public static PackedField field(String name, FieldType type, int width) {
        if (width < 1) {
            throw new IllegalArgumentException("width of field " + name + " is " + width);
        }
        return PackedField.newBuilder().setName(name).setType(type).setWidth(width).build();
    }

    /** The fields as the library is told. */
    public final PackedLayout layout() {
        return PackedLayout.newBuilder().addAllFields(fields()).build();
    }
}
