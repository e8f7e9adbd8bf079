package io.flinkserving.example.wine;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.flinkserving.tools.ModelFiles;
import io.flinkserving.wire.InputBinding;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import io.flinkserving.wire.OutputBinding;
import io.flinkserving.wire.OutputBinding.Transform;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A models.json: which models there are and how they are bound. Whatever a model is, its result has
 * an output called as the manifest's {@code quality.output}; for a network whose classes are
 * qualities that is the index of the largest, under the name {@code quality}.
 */
public final class ModelManifest {

    /** Name of a manifest in its folder. */
    public static final String FILE = "models.json";

    private static final String QUALITY = "quality";

    private ModelManifest() {}

    /** Opens what the manifest refers to. */
    public interface Folder {
        byte[] read(String file) throws IOException;
    }

    /**
     * Descriptors of all models of a folder's manifest, in its order.
     *
     * @throws IOException also for a manifest that is not one, or a file whose digest differs
     */
    public static List<ModelDescriptor> read(Folder folder, String dataType) throws IOException {
        String text = new String(folder.read(FILE), StandardCharsets.UTF_8);
        List<ModelDescriptor> models = new ArrayList<>();
        String place = FILE;
        try {
            JsonArray entries =
                    JsonParser.parseString(text).getAsJsonObject().getAsJsonArray("models");
            for (JsonElement entry : entries) {
                place = FILE + ", model " + (models.size() + 1);
                models.add(describe(entry.getAsJsonObject(), folder, dataType));
            }
        } catch (JsonParseException
                | IllegalStateException
                | IllegalArgumentException
                | NullPointerException
                | ClassCastException e) {
            throw new IOException(
                    place + " is not as scripts/example-models/README.md says: " + e, e);
        }
        return models;
    }

    private static ModelDescriptor describe(JsonObject entry, Folder folder, String dataType)
            throws IOException {
        String file = entry.get("file").getAsString();
        byte[] content = folder.read(file);
        ModelDescriptor.Builder model =
                ModelFiles.describe(
                        dataType, ModelType.valueOf(entry.get("type").getAsString()), content);
        String expected = entry.get("sha256").getAsString();
        String actual = ModelFiles.hex(model.getSha256());
        if (!expected.equals(actual)) {
            throw new IOException(
                    file + " has SHA-256 " + actual + ", " + FILE + " says " + expected);
        }
        model.setName(entry.get("name").getAsString())
                .setVersion(entry.get("version").getAsString())
                .setDescription(entry.get("description").getAsString());
        if (entry.has("inputs")) {
            for (JsonElement input : entry.getAsJsonArray("inputs")) {
                model.addInputs(binding(input.getAsJsonObject()));
            }
        }
        JsonObject quality = entry.getAsJsonObject(QUALITY);
        if (quality != null && quality.get("read").getAsString().equals("argmax")) {
            String output = quality.get("output").getAsString();
            model.addOutputs(
                    OutputBinding.newBuilder()
                            .setModelOutput(output)
                            .setName(QUALITY)
                            .setTransform(Transform.ARGMAX));
            model.addOutputs(OutputBinding.newBuilder().setModelOutput(output).setName(output));
        }
        return model.build();
    }

    private static InputBinding binding(JsonObject input) {
        InputBinding.Builder binding =
                InputBinding.newBuilder().setModelInput(input.get("name").getAsString());
        for (JsonElement feature : input.getAsJsonArray("features")) {
            binding.addRecordFields(feature.getAsString());
        }
        return binding.build();
    }
}
