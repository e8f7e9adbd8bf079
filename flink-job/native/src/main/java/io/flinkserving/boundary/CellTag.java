package io.flinkserving.boundary;

/** What an output cell holds, as {@link NativeScorer#tag} gives it. */
public final class CellTag {

    public static final int MISSING = 0;
    public static final int DOUBLE = 1;
    public static final int FLOAT = 2;
    public static final int LONG = 3;
    public static final int BOOLEAN = 4;

    /** Text made for this row. */
    public static final int TEXT = 5;

    /** Text out of the labels of the field. */
    public static final int LABEL = 6;

    private CellTag() {}
}
