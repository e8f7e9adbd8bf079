package io.flinkserving.example.wine;

import io.flinkserving.tools.ModelFiles;
import io.flinkserving.tools.UsageException;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.WineRecord;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The records and models that travel in the jar, or others in their place. */
public final class WineExample {

    private static final String RECORDS = "winequality.csv";
    private static final String FOLDER = "/example/wine/";

    private WineExample() {}

    public static List<WineRecord> records(String dataType) throws IOException {
        try (Reader text = new InputStreamReader(open(RECORDS), StandardCharsets.UTF_8)) {
            return WineCsv.read(text, RECORDS, dataType);
        }
    }

    public static List<WineRecord> records(Path file, String dataType) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new UsageException("option --data: there is no file " + file);
        }
        try (Reader text = Files.newBufferedReader(file)) {
            return WineCsv.read(text, file.toString(), dataType);
        }
    }

    public static List<ModelDescriptor> models(String dataType) throws IOException {
        return ModelManifest.read(WineExample::bytes, dataType);
    }

    /** The models of the folder's models.json, or when it has none, all its model files. */
    public static List<ModelDescriptor> models(Path folder, String dataType) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new UsageException("option --models: there is no folder " + folder);
        }
        List<ModelDescriptor> models =
                Files.isRegularFile(folder.resolve(ModelManifest.FILE))
                        ? ModelManifest.read(
                                file -> Files.readAllBytes(folder.resolve(file)), dataType)
                        : ModelFiles.inFolder(folder, dataType);
        if (models.isEmpty()) {
            throw new UsageException("option --models: there is no model in " + folder);
        }
        return models;
    }

    private static byte[] bytes(String file) throws IOException {
        try (InputStream stream = open(file)) {
            return stream.readAllBytes();
        }
    }

    private static InputStream open(String file) throws IOException {
        InputStream stream = WineExample.class.getResourceAsStream(FOLDER + file);
        if (stream == null) {
            throw new IOException("the jar lacks " + FOLDER + file);
        }
        return stream;
    }
}
