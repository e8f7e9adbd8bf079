package io.flinkserving.testing;

import com.google.protobuf.ByteString;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import io.flinkserving.wire.ModelPreprocessing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;

/**
 * A TensorFlow graph whose input is a window of values, a series of them, and what TensorFlow
 * answers ({@code rust/cli/tests/make_windows.py}).
 */
public final class Windows {

    private static final Path FOLDER = Paths.get("../../rust/cli/tests/window-data");
    private static final JsonNode CASE = Json.read(FOLDER.resolve("answers.json"));

    /** Values of a window. */
    public static final int WIDTH = CASE.get("preprocessing").get("width").asInt();

    /** Values of the series. */
    public static final int LENGTH = CASE.get("values").size();

    private Windows() {}

    public static double value(int at) {
        return CASE.get("values").get(at).asDouble();
    }

    /** Probability of an anomaly once the value at this place has come. */
    public static double answer(int at) {
        return CASE.get("answers").get(at - WIDTH + 1).get(1).asDouble();
    }

    public static ModelPreprocessing.Builder preprocessing() {
        JsonNode known = CASE.get("preprocessing");
        return ModelPreprocessing.newBuilder()
                .setWidth(known.get("width").asInt())
                .setMean(known.get("mean").asDouble())
                .setStd(known.get("std").asDouble())
                .setInput(known.get("input").asText())
                .setOutput(known.get("output").asText());
    }

    /** The graph, without preprocessing. */
    public static ModelDescriptor.Builder graph(String type, String name) throws IOException {
        return ModelDescriptor.newBuilder()
                .setName(name)
                .setDataType(type)
                .setModeltype(ModelType.TENSORFLOW)
                .setData(ByteString.copyFrom(Files.readAllBytes(FOLDER.resolve("model.pb"))));
    }

    public static ModelDescriptor.Builder descriptor(String type, String name) throws IOException {
        return graph(type, name).setPreprocessing(preprocessing());
    }
}
