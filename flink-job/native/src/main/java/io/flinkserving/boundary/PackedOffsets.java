package io.flinkserving.boundary;

import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.FieldType;
import io.flinkserving.wire.PackedField;
import io.flinkserving.wire.ScorerInfo;
import io.flinkserving.wire.ScorerOptions;
import java.util.List;

/** Offsets within the input buffer of packed rows, as docs/boundary.md lays them down. */
final class PackedOffsets {

    final FieldType[] types;
    final int[] widths;
    final int[] validity;
    final int[] lanes;

    /** Bytes of one validity bitmap. */
    final int bitmap;

    /** Where the text part starts. */
    final int text;

    PackedOffsets(ScorerOptions options, ScorerInfo info) throws NativeException {
        List<PackedField> fields = options.getPacked().getFieldsList();
        int count = fields.size();
        types = new FieldType[count];
        widths = new int[count];
        validity = new int[count];
        lanes = new int[count];
        long capacity = options.getCapacity();
        long bitmapBytes = 8 * ((capacity + 63) / 64);
        long offset = 0;
        for (int i = 0; i < count; i++) {
            types[i] = fields.get(i).getType();
            widths[i] = Math.max(1, fields.get(i).getWidth());
            validity[i] = (int) offset;
            lanes[i] = (int) (offset + bitmapBytes);
            offset += bitmapBytes + 8 * capacity * widths[i];
        }
        // The library has refused sizes that do not fit 31 bits, so equality here covers the casts
        // above.
        if (offset != Integer.toUnsignedLong(info.getPackedInput()) || offset > Integer.MAX_VALUE) {
            throw new NativeException(
                    ErrorCode.INVALID_CALL,
                    "the library packs rows into "
                            + Integer.toUnsignedLong(info.getPackedInput())
                            + " bytes, the jar into "
                            + offset);
        }
        bitmap = (int) bitmapBytes;
        text = (int) offset;
    }
}
