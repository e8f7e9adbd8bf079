package io.flinkserving.state;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Parts that all formats share. Integers are varints: 7 bits a byte, the lowest first. */
final class Wire {

    private Wire() {}

    static void writeVarint(long value, DataOutputView out) throws IOException {
        long rest = value;
        while ((rest & ~0x7fL) != 0) {
            out.writeByte((int) (rest & 0x7f | 0x80));
            rest >>>= 7;
        }
        out.writeByte((int) rest);
    }

    static long readVarint(DataInputView in) throws IOException {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            byte b = in.readByte();
            value |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return value;
            }
        }
        throw new IOException("a varint has more than 64 bits");
    }

    static int readCount(DataInputView in) throws IOException {
        long count = readVarint(in);
        if (count < 0 || count > Integer.MAX_VALUE) {
            throw new IOException("a length is " + count);
        }
        return (int) count;
    }

    static void writeBytes(byte[] bytes, DataOutputView out) throws IOException {
        writeVarint(bytes.length, out);
        out.write(bytes);
    }

    static byte[] readBytes(DataInputView in) throws IOException {
        byte[] bytes = new byte[readCount(in)];
        in.readFully(bytes);
        return bytes;
    }

    static void writeString(String text, DataOutputView out) throws IOException {
        writeBytes(text.getBytes(StandardCharsets.UTF_8), out);
    }

    static String readString(DataInputView in) throws IOException {
        return new String(readBytes(in), StandardCharsets.UTF_8);
    }

    /** Length + 1, so that 0 is null. */
    static void writeNullableBytes(byte[] bytes, DataOutputView out) throws IOException {
        if (bytes == null) {
            writeVarint(0, out);
        } else {
            writeVarint(bytes.length + 1L, out);
            out.write(bytes);
        }
    }

    static byte[] readNullableBytes(DataInputView in) throws IOException {
        long length = readVarint(in) - 1;
        if (length == -1) {
            return null;
        }
        if (length < 0 || length > Integer.MAX_VALUE) {
            throw new IOException("a length is " + length);
        }
        byte[] bytes = new byte[(int) length];
        in.readFully(bytes);
        return bytes;
    }

    static void writeNullableString(String text, DataOutputView out) throws IOException {
        writeNullableBytes(text == null ? null : text.getBytes(StandardCharsets.UTF_8), out);
    }

    static String readNullableString(DataInputView in) throws IOException {
        byte[] bytes = readNullableBytes(in);
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }
}
