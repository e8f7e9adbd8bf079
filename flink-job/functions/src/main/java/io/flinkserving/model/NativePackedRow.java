package io.flinkserving.model;

import io.flinkserving.boundary.NativeException;
import io.flinkserving.boundary.PackedRows;
import io.flinkserving.data.FieldException;
import io.flinkserving.data.PackedRow;
import io.flinkserving.wire.FieldType;
import io.flinkserving.wire.PackedField;
import java.util.List;

/** One row of the library's block; converts numbers to the type of the field. */
final class NativePackedRow implements PackedRow {

    /** Beyond it a double does not hold every integer. */
    private static final long EXACT_DOUBLE = 1L << 53;

    private static final long EXACT_FLOAT = 1L << 24;

    private final PackedRows rows;
    private final FieldType[] types;
    private final String[] names;
    private final int[] widths;
    private int row;

    NativePackedRow(PackedRows rows, List<PackedField> fields) {
        this.rows = rows;
        int count = fields.size();
        types = new FieldType[count];
        names = new String[count];
        widths = new int[count];
        for (int i = 0; i < count; i++) {
            types[i] = fields.get(i).getType();
            names[i] = fields.get(i).getName();
            widths[i] = Math.max(1, fields.get(i).getWidth());
        }
    }

    /** Empties all rows. */
    void clear() {
        rows.clear();
    }

    /** What is set from now on belongs to this row. */
    void moveTo(int next) {
        row = next;
    }

    @Override
    public void setDouble(int field, double value) {
        setDouble(field, 0, value);
    }

    @Override
    public void setDouble(int field, int element, double value) {
        check(field, element);
        switch (types[field]) {
            case FIELD_DOUBLE:
                rows.setDouble(field, row, element, value);
                break;
            case FIELD_LONG:
                if (value != (long) value) {
                    throw invalid(field, value);
                }
                rows.setLong(field, row, element, (long) value);
                break;
            case FIELD_FLOAT:
                if ((float) value != value && value == value) {
                    throw invalid(field, value);
                }
                rows.setFloat(field, row, element, (float) value);
                break;
            default:
                throw invalid(field, value);
        }
    }

    @Override
    public void setDoubles(int field, double[] values) {
        checkWidth(field, values.length);
        for (int i = 0; i < values.length; i++) {
            setDouble(field, i, values[i]);
        }
    }

    @Override
    public void setFloat(int field, float value) {
        setFloat(field, 0, value);
    }

    private void setFloat(int field, int element, float value) {
        check(field, element);
        if (types[field] == FieldType.FIELD_FLOAT) {
            rows.setFloat(field, row, element, value);
        } else {
            setDouble(field, element, value);
        }
    }

    @Override
    public void setFloats(int field, float[] values) {
        checkWidth(field, values.length);
        for (int i = 0; i < values.length; i++) {
            setFloat(field, i, values[i]);
        }
    }

    @Override
    public void setLong(int field, long value) {
        setLong(field, 0, value);
    }

    @Override
    public void setLong(int field, int element, long value) {
        check(field, element);
        switch (types[field]) {
            case FIELD_LONG:
                rows.setLong(field, row, element, value);
                break;
            case FIELD_DOUBLE:
                if (Math.abs(value) > EXACT_DOUBLE) {
                    throw invalid(field, value);
                }
                rows.setDouble(field, row, element, value);
                break;
            case FIELD_FLOAT:
                if (Math.abs(value) > EXACT_FLOAT) {
                    throw invalid(field, value);
                }
                rows.setFloat(field, row, element, value);
                break;
            default:
                throw invalid(field, value);
        }
    }

    @Override
    public void setBoolean(int field, boolean value) {
        check(field, 0);
        if (types[field] != FieldType.FIELD_BOOLEAN) {
            throw invalid(field, value);
        }
        rows.setBoolean(field, row, value);
    }

    @Override
    public void setString(int field, String value) {
        setString(field, 0, value);
    }

    @Override
    public void setString(int field, int element, String value) {
        check(field, element);
        if (value == null) {
            return;
        }
        if (types[field] != FieldType.FIELD_STRING) {
            throw invalid(field, value);
        }
        try {
            rows.setString(field, row, element, value);
        } catch (NativeException e) {
            throw new FieldException(names[field], e.getMessage());
        }
    }

    @Override
    public void set(int field, Object value) {
        check(field, 0);
        if (value == null) {
            return;
        }
        if (value instanceof Float) {
            setFloat(field, (Float) value);
        } else if (value instanceof Double) {
            setDouble(field, (Double) value);
        } else if (value instanceof Long
                || value instanceof Integer
                || value instanceof Short
                || value instanceof Byte) {
            setLong(field, ((Number) value).longValue());
        } else if (value instanceof Boolean) {
            setBoolean(field, (Boolean) value);
        } else if (value instanceof CharSequence) {
            setString(field, value.toString());
        } else if (value instanceof double[]) {
            setDoubles(field, (double[]) value);
        } else if (value instanceof float[]) {
            setFloats(field, (float[]) value);
        } else {
            throw new FieldException(
                    names[field], "a value of class " + value.getClass().getName());
        }
    }

    private void check(int field, int element) {
        if (field < 0 || field >= types.length) {
            throw new FieldException("#" + field, "there are " + types.length + " fields");
        }
        if (element < 0 || element >= widths[field]) {
            throw new FieldException(names[field], "element " + element + " of " + widths[field]);
        }
    }

    private void checkWidth(int field, int length) {
        check(field, 0);
        if (length != widths[field]) {
            throw new FieldException(names[field], length + " values, but it has " + widths[field]);
        }
    }

    private FieldException invalid(int field, Object value) {
        return new FieldException(names[field], "value " + value + " for a " + types[field]);
    }
}
