package io.flinkserving.boundary;

import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.FieldInfo;
import io.flinkserving.wire.ScorerInfo;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Offsets within the output buffer, as docs/boundary.md lays them down. */
final class OutputLayout {

    static final int DURATION = 0;
    static final int ROWS = 8;
    static final int HEADER = 16;

    static final int ROW_STATUS = 0;
    static final int ROW_MESSAGE = 8;
    static final int ROW_CELLS = 16;

    final List<OutputField> fields;

    /** Values per row. */
    final int cells;

    /** Bytes from one row to the next. */
    final int stride;

    /** Offset of the first tag within a row. */
    final int tags;

    /** Labels of the field that a slot belongs to. */
    final String[][] labels;

    OutputLayout(ScorerInfo info) throws NativeException {
        List<OutputField> columns = new ArrayList<>();
        List<String[]> labelsOfSlots = new ArrayList<>();
        for (FieldInfo output : info.getOutputsList()) {
            OutputField column = new OutputField(output, labelsOfSlots.size());
            String[] shared = output.getLabelsList().toArray(new String[0]);
            for (int i = 0; i < column.width(); i++) {
                labelsOfSlots.add(shared);
            }
            columns.add(column);
        }
        fields = Collections.unmodifiableList(columns);
        labels = labelsOfSlots.toArray(new String[0][]);
        cells = labels.length;
        tags = ROW_CELLS + 8 * cells;
        stride = tags + (cells + 7) / 8 * 8;
        if (stride != info.getRowStride()) {
            throw new NativeException(
                    ErrorCode.INVALID_CALL,
                    "the library has rows of "
                            + info.getRowStride()
                            + " bytes, the jar of "
                            + stride);
        }
    }
}
