package io.flinkserving.data;

import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads one top-level string field from the bytes of a protobuf message without decoding the
 * message. The last string is kept, so that a run of records with the same value costs no
 * allocation.
 */
public final class ProtobufStringField implements Serializable {

    private static final long serialVersionUID = 1L;

    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int LENGTH = 2;
    private static final int START_GROUP = 3;
    private static final int END_GROUP = 4;
    private static final int FIXED32 = 5;

    private final int number;

    private transient Last last;

    private ProtobufStringField(int number) {
        this.number = number;
    }

    /**
     * @param number the field's number in the message
     */
    public static ProtobufStringField of(int number) {
        if (number < 1) {
            throw new IllegalArgumentException("field number " + number);
        }
        return new ProtobufStringField(number);
    }

    /**
     * The field's value, the last one when it occurs again; null when it does not occur.
     *
     * @throws IllegalArgumentException when the bytes are not a protobuf message
     */
    public String read(byte[] message) {
        int start = -1;
        int length = 0;
        int position = 0;
        int depth = 0;
        while (position < message.length) {
            long tag = 0;
            int shift = 0;
            byte b;
            do {
                b = at(message, position++);
                tag |= (long) (b & 0x7f) << shift;
                shift += 7;
            } while (b < 0 && shift < 35);
            int field = (int) (tag >>> 3);
            switch ((int) tag & 7) {
                case VARINT:
                    position = skipVarint(message, position);
                    break;
                case FIXED64:
                    position += 8;
                    break;
                case FIXED32:
                    position += 4;
                    break;
                case LENGTH:
                    long size = 0;
                    shift = 0;
                    do {
                        b = at(message, position++);
                        size |= (long) (b & 0x7f) << shift;
                        shift += 7;
                    } while (b < 0 && shift < 35);
                    if (size > message.length - position) {
                        throw unreadable(position);
                    }
                    if (field == number && depth == 0) {
                        start = position;
                        length = (int) size;
                    }
                    position += (int) size;
                    break;
                case START_GROUP:
                    depth++;
                    break;
                case END_GROUP:
                    if (--depth < 0) {
                        throw unreadable(position);
                    }
                    break;
                default:
                    throw unreadable(position);
            }
            if (field == 0) {
                throw unreadable(position);
            }
        }
        if (position != message.length || depth != 0) {
            throw unreadable(message.length);
        }
        return start < 0 ? null : text(message, start, length);
    }

    private String text(byte[] message, int start, int length) {
        Last known = last;
        if (known != null
                && Arrays.equals(
                        known.bytes, 0, known.bytes.length, message, start, start + length)) {
            return known.text;
        }
        Last read = new Last(Arrays.copyOfRange(message, start, start + length));
        last = read;
        return read.text;
    }

    private static byte at(byte[] message, int position) {
        if (position >= message.length) {
            throw unreadable(position);
        }
        return message[position];
    }

    private static int skipVarint(byte[] message, int start) {
        int position = start;
        while (at(message, position++) < 0) {
            if (position - start >= 10) {
                throw unreadable(position);
            }
        }
        return position;
    }

    private static IllegalArgumentException unreadable(int position) {
        return new IllegalArgumentException("not a protobuf message, at byte " + position);
    }

    /** Immutable, so that a race between two users of one instance does no harm. */
    private static final class Last {
        private final byte[] bytes;
        private final String text;

        Last(byte[] bytes) {
            this.bytes = bytes;
            this.text = new String(bytes, StandardCharsets.UTF_8);
        }
    }
}
