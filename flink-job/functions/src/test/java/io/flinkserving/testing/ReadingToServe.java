package io.flinkserving.testing;

import io.flinkserving.data.DataToServe;
import io.flinkserving.data.PackedFormat;
import io.flinkserving.data.PackedRow;
import io.flinkserving.data.RecordFormat;
import io.flinkserving.wire.FieldType;
import io.flinkserving.wire.PackedField;
import java.util.List;

/** Serves {@link Reading}s; the type "unreadable" can't be read. */
public final class ReadingToServe implements DataToServe<Reading> {

    private static final long serialVersionUID = 1L;

    @Override
    public String getType(Reading record) {
        if ("unreadable".equals(record.type)) {
            throw new IllegalArgumentException("the type is unreadable");
        }
        return record.type;
    }

    @Override
    public String getId(Reading record) {
        return record.id;
    }

    @Override
    public RecordFormat<Reading> format() {
        return new Format();
    }

    private static final class Format extends PackedFormat<Reading> {

        private static final long serialVersionUID = 1L;

        @Override
        public List<PackedField> fields() {
            return List.of(field("value", FieldType.FIELD_DOUBLE));
        }

        @Override
        public void write(Reading record, PackedRow row) {
            row.setDouble(0, record.value);
        }
    }
}
