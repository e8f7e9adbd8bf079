package io.flinkserving.functions;

import io.flinkserving.model.ModelException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;

/**
 * A folder as one file: a tar, always of the same bytes for the same files, so that the digest is
 * one of the content. Hidden files are left out, and owners and times. `flink-serving` packs the
 * same.
 */
final class ModelFolder {

    private static final int BLOCK = 512;

    /** What the header of a tar has room for, in bytes. */
    private static final int LONGEST_PATH = 100;

    private static final int DEEPEST = 16;
    private static final int MOST_FILES = 1 << 16;

    private final FileSystem fileSystem;
    private final Check check;
    private final List<Entry> entries = new ArrayList<>();

    /** What is asked before a file of the folder is used, or a number of bytes allocated. */
    interface Check {
        void file(Path path) throws ModelException;

        void size(long bytes) throws ModelException;
    }

    private static final class Entry {
        private final byte[] name;
        private final Path path;
        private final long length;

        private Entry(byte[] name, Path path, long length) {
            this.name = name;
            this.path = path;
            this.length = length;
        }
    }

    private ModelFolder(FileSystem fileSystem, Check check) {
        this.fileSystem = fileSystem;
        this.check = check;
    }

    /**
     * The files of the folder in the order of their paths.
     *
     * @throws IOException when they can't be read, or are too many or too deep
     * @throws ModelException what the check says
     */
    static byte[] pack(FileSystem fileSystem, Path folder, Check check)
            throws IOException, ModelException {
        ModelFolder packer = new ModelFolder(fileSystem, check);
        packer.find(folder, "", DEEPEST);
        packer.entries.sort((a, b) -> Arrays.compareUnsigned(a.name, b.name));
        return packer.write();
    }

    private void find(Path folder, String within, int depth) throws IOException, ModelException {
        if (depth == 0) {
            throw new IOException("folders are nested more than " + DEEPEST + " deep");
        }
        FileStatus[] found = fileSystem.listStatus(folder);
        for (FileStatus status : found == null ? new FileStatus[0] : found) {
            Path path = status.getPath();
            if (path.getName().startsWith(".")) {
                continue;
            }
            check.file(path);
            if (status.isDir()) {
                find(path, within + path.getName() + "/", depth - 1);
            } else {
                add(within + path.getName(), status);
            }
        }
    }

    private void add(String name, FileStatus status) throws IOException {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > LONGEST_PATH) {
            throw new IOException(
                    "the path " + name + " is longer than " + LONGEST_PATH + " bytes");
        }
        if (entries.size() == MOST_FILES) {
            throw new IOException("the folder has more than " + MOST_FILES + " files");
        }
        entries.add(new Entry(bytes, status.getPath(), status.getLen()));
    }

    private byte[] write() throws IOException, ModelException {
        long total = 2 * BLOCK;
        for (Entry entry : entries) {
            total += BLOCK + padded(entry.length);
            check.size(total);
        }
        byte[] tar = new byte[Math.toIntExact(total)];
        int at = 0;
        for (Entry entry : entries) {
            writeHeader(entry, tar, at);
            at += BLOCK;
            try (InputStream in = fileSystem.open(entry.path)) {
                if (in.readNBytes(tar, at, (int) entry.length) != entry.length) {
                    throw new EOFException(entry.path + " became shorter while it was read");
                }
            }
            at += (int) padded(entry.length);
        }
        return tar;
    }

    private static long padded(long length) {
        return (length + BLOCK - 1) / BLOCK * BLOCK;
    }

    private static void writeHeader(Entry entry, byte[] tar, int at) {
        System.arraycopy(entry.name, 0, tar, at, entry.name.length);
        put("0000644\0", tar, at + 100);
        put("0000000\0", tar, at + 108);
        put("0000000\0", tar, at + 116);
        put(String.format("%011o\0", entry.length), tar, at + 124);
        put("00000000000\0", tar, at + 136);
        put("        ", tar, at + 148);
        put("0", tar, at + 156);
        put("ustar\u000000", tar, at + 257);
        int sum = 0;
        for (int i = at; i < at + BLOCK; i++) {
            sum += tar[i] & 0xff;
        }
        put(String.format("%06o\0 ", sum), tar, at + 148);
    }

    private static void put(String text, byte[] tar, int at) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, tar, at, bytes.length);
    }
}
