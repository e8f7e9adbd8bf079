package io.flinkserving.data;

import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads one top-level string field from the bytes of a protobuf message without decoding the
 * message. Strings that were read before are kept, a few of them, so that values that come again
 * and again cost no allocation.
 */
public final class ProtobufStringField implements Serializable {

    private static final long serialVersionUID = 1L;

    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int LENGTH = 2;
    private static final int START_GROUP = 3;
    private static final int END_GROUP = 4;
    private static final int FIXED32 = 5;

    /** Keys up to here have field number 0, which no field has. */
    private static final int LAST_KEY_OF_NO_FIELD = 7;

    /** Room for so many strings; a power of two. */
    private static final int KNOWN = 16;

    private final int number;

    private transient Known[] known;

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
     * The field's value, of several the last; null when it does not occur.
     *
     * @throws IllegalArgumentException when the bytes are not a protobuf message
     */
    public String read(byte[] message) {
        int start = -1;
        int length = 0;
        int position = 0;
        int depth = 0;
        while (position < message.length) {
            // Most fields of most records have a key of one byte: numbers of 64 bits, short
            // strings.
            byte key = message[position];
            if (key > LAST_KEY_OF_NO_FIELD) {
                if ((key & 7) == FIXED64) {
                    position += 9;
                    continue;
                }
                if ((key & 7) == LENGTH && position + 1 < message.length) {
                    int size = message[position + 1];
                    if (size >= 0 && size <= message.length - position - 2) {
                        if (key >>> 3 == number && depth == 0) {
                            start = position + 2;
                            length = size;
                        }
                        position += 2 + size;
                        continue;
                    }
                }
            }
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
        if (length == 0) {
            return "";
        }
        if (known == null) {
            known = new Known[KNOWN];
        }
        int place = (length * 31 + message[start] * 7 + message[start + length - 1]) & (KNOWN - 1);
        Known before = known[place];
        if (before != null && before.is(message, start, length)) {
            return before.text;
        }
        Known read = new Known(Arrays.copyOfRange(message, start, start + length));
        known[place] = read;
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
    private static final class Known {
        private final byte[] bytes;
        private final String text;

        Known(byte[] bytes) {
            this.bytes = bytes;
            this.text = new String(bytes, StandardCharsets.UTF_8);
        }

        boolean is(byte[] message, int start, int length) {
            if (length != bytes.length) {
                return false;
            }
            // Names are short: what prepares a vectorised comparison takes longer than this.
            for (int i = 0; i < length; i++) {
                if (bytes[i] != message[start + i]) {
                    return false;
                }
            }
            return true;
        }
    }
}
