package io.flinkserving.functions;

import io.flinkserving.model.ModelException;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.wire.ErrorCode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Paths;
import java.util.List;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;

/**
 * Reads models, files or folders, by location through Flink's file systems, from allowed roots
 * only.
 */
final class ModelLocations implements Serializable {

    private static final long serialVersionUID = 1L;

    private static final int CHUNK = 1 << 16;

    private static final String LOCAL = "file";

    private final List<String> roots;
    private final long maxBytes;

    ModelLocations(List<String> roots, long maxBytes) {
        this.roots = roots;
        this.maxBytes = maxBytes;
    }

    /**
     * The bytes of the file, or of a tar of the folder.
     *
     * @throws ModelException LOCATION_REFUSED when it is not under an allowed root or can't be
     *     read, MODEL_TOO_LARGE
     */
    byte[] read(String location) throws ModelException {
        Path path = allowed(location);
        try {
            FileSystem files = path.getFileSystem();
            FileStatus status = files.getFileStatus(path);
            if (status.isDir()) {
                return ModelFolder.pack(files, path, new FolderCheck(location));
            }
            checkSize(location, status.getLen());
            try (InputStream in = files.open(path)) {
                return readFully(location, in, status.getLen());
            }
        } catch (IOException | RuntimeException e) {
            throw refused(location, e.toString());
        }
    }

    /** A link within a folder must not lead out of it. */
    private final class FolderCheck implements ModelFolder.Check {

        private final String location;

        private FolderCheck(String location) {
            this.location = location;
        }

        @Override
        public void file(Path path) throws ModelException {
            allowed(path.toUri().toString());
            URI file = normalized(path.toUri().toString());
            if (!isReallyUnder(normalized(location), file)) {
                throw refused(location, path + " leads out of the model's folder");
            }
        }

        @Override
        public void size(long bytes) throws ModelException {
            checkSize(location, bytes);
        }
    }

    /** The length is only what the file system said before; the file may have grown since. */
    private byte[] readFully(String location, InputStream in, long expected)
            throws IOException, ModelException {
        ByteArrayOutputStream content = new ByteArrayOutputStream((int) Math.max(CHUNK, expected));
        byte[] chunk = new byte[CHUNK];
        int count = in.read(chunk);
        while (count >= 0) {
            content.write(chunk, 0, count);
            checkSize(location, content.size());
            count = in.read(chunk);
        }
        return content.toByteArray();
    }

    private void checkSize(String location, long bytes) throws ModelException {
        if (bytes > maxBytes) {
            throw new ModelException(
                    ErrorCode.MODEL_TOO_LARGE,
                    String.format(
                            "%s has %d bytes, more than %s (%d)",
                            location, bytes, ModelServingOptions.MAX_MODEL_SIZE.key(), maxBytes));
        }
    }

    private Path allowed(String location) throws ModelException {
        URI uri = normalized(location);
        for (String root : roots) {
            URI folder = normalized(root);
            if (isUnder(folder, uri) && isReallyUnder(folder, uri)) {
                return new Path(uri);
            }
        }
        throw refused(
                location,
                "it is not under " + ModelServingOptions.ALLOWED_LOCATIONS.key() + " " + roots);
    }

    private static boolean isUnder(URI root, URI uri) {
        String folder = root.getPath().endsWith("/") ? root.getPath() : root.getPath() + "/";
        return root.getScheme().equals(uri.getScheme())
                && authority(root).equals(authority(uri))
                && uri.getPath().startsWith(folder);
    }

    /** In the local file system a link may lead out of the root. */
    private static boolean isReallyUnder(URI root, URI uri) throws ModelException {
        if (!LOCAL.equals(uri.getScheme())) {
            return true;
        }
        try {
            return Paths.get(uri.getPath())
                    .toRealPath()
                    .startsWith(Paths.get(root.getPath()).toRealPath());
        } catch (IOException | RuntimeException e) {
            throw refused(uri.toString(), e.toString());
        }
    }

    private static String authority(URI uri) {
        return uri.getAuthority() == null ? "" : uri.getAuthority();
    }

    /**
     * A path without a scheme is one of the local file system; dots must not lead out of a root.
     */
    private static URI normalized(String location) throws ModelException {
        URI uri;
        try {
            uri =
                    location.startsWith("/")
                            ? new URI(LOCAL, null, location, null)
                            : new URI(location);
        } catch (URISyntaxException e) {
            throw refused(location, e.getMessage());
        }
        if (uri.getScheme() == null || uri.getPath() == null || uri.getPath().isEmpty()) {
            throw refused(location, "it is neither an absolute path nor a URI with a path");
        }
        URI normal = uri.normalize();
        if (normal.getPath().contains("/../")) {
            throw refused(location, "it leads out of its root");
        }
        return normal;
    }

    private static ModelException refused(String location, String reason) {
        return new ModelException(
                ErrorCode.LOCATION_REFUSED, "location " + location + ": " + reason);
    }
}
