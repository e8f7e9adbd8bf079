package io.flinkserving.data;

/**
 * One row to be filled by a {@link PackedFormat}. Fields are given by their index in {@link
 * PackedFormat#fields()}, elements of a wide field from 0. A method for another type than the
 * field's throws {@link FieldException}; numbers are converted to the field's numeric type where
 * that loses nothing.
 */
public interface PackedRow {

    void setDouble(int field, double value);

    void setDouble(int field, int element, double value);

    /** All elements of a wide field. */
    void setDoubles(int field, double[] values);

    void setFloat(int field, float value);

    /** All elements of a wide field. */
    void setFloats(int field, float[] values);

    void setLong(int field, long value);

    void setLong(int field, int element, long value);

    void setBoolean(int field, boolean value);

    /** Null: missing. */
    void setString(int field, String value);

    /** Null: missing. */
    void setString(int field, int element, String value);

    /** A boxed value of whatever type, null: missing. */
    void set(int field, Object value);
}
