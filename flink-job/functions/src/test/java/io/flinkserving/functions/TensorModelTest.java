package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.ByteString;
import io.flinkserving.boundary.NativeLibrary;
import io.flinkserving.model.ModelException;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.NativeModelFactoriesResolver;
import io.flinkserving.model.ServingResult;
import io.flinkserving.state.ServingState;
import io.flinkserving.testing.Json;
import io.flinkserving.testing.Wine;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.InputBinding;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.Engine;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import io.flinkserving.wire.WineRecord;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Models that are folders: by location, inline and out of a checkpoint, against the answers of
 * TensorFlow and of ONNX's reference implementation.
 */
class TensorModelTest {

    private static final Path TESTS = Paths.get("../../rust/tensor/tests");
    private static final Path SAVED_MODEL = TESTS.resolve("saved-model-data/graph-variables");
    private static final Path EXTERNAL = TESTS.resolve("external-data");
    private static final List<String> FIELDS =
            List.of("fixed_acidity", "volatile_acidity", "citric_acid", "residual_sugar");

    @TempDir Path folder;

    @AfterEach
    void noNativeHandleIsLeft() throws Exception {
        assertThat(NativeLibrary.liveScorers()).isZero();
        assertThat(NativeLibrary.liveModels()).isZero();
    }

    private ModelLocations locations() {
        return new ModelLocations(List.of(folder.toString()), 1 << 20);
    }

    private ModelLoader<Wine> loader() {
        return new ModelLoader<>(
                new Wine.ToServe(),
                new NativeModelFactoriesResolver(),
                new Configuration(),
                locations());
    }

    private Path copy(Path from, String name) throws Exception {
        Path to = folder.resolve(name);
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Files.copy(file, to.resolve(from.relativize(file).toString()));
            }
        }
        return to;
    }

    private static ModelDescriptor.Builder descriptor(ModelType type, String input, int fields) {
        return ModelDescriptor.newBuilder()
                .setName("model")
                .setDataType("wine")
                .setModeltype(type)
                .addInputs(
                        InputBinding.newBuilder()
                                .setModelInput(input)
                                .addAllRecordFields(FIELDS.subList(0, fields)));
    }

    private static ModelDescriptor.Builder classifier() {
        return descriptor(ModelType.TENSORFLOWSAVED, "features", 4).setSignature("classify");
    }

    private static ModelDescriptor.Builder external() {
        return descriptor(ModelType.ONNX, "x", 3);
    }

    private static ModelToServe at(Path path, ModelDescriptor.Builder model) throws Exception {
        return ModelToServe.of(model.clone().setLocation(path.toString()).build());
    }

    private ModelToServe inline(Path path, ModelDescriptor.Builder model) throws Exception {
        byte[] tar = locations().read(path.toString());
        return ModelToServe.of(model.clone().setData(ByteString.copyFrom(tar)).build());
    }

    private static Wine record(JsonNode row) {
        WineRecord.Builder record = WineRecord.newBuilder();
        for (int i = 0; i < row.size(); i++) {
            record.setField(
                    WineRecord.getDescriptor().findFieldByName(FIELDS.get(i)),
                    row.get(i).asDouble());
        }
        return new Wine(1, record.build().toByteArray());
    }

    private static void assertClassified(LoadedModel<Wine> loaded) throws Exception {
        JsonNode records = Json.read(SAVED_MODEL.resolve("input.json"));
        JsonNode answers = Json.read(SAVED_MODEL.resolve("expected.json"));
        JsonNode rows = records.get(0).get("features");
        assertThat(rows.size()).isGreaterThan(1);
        for (int i = 0; i < rows.size(); i++) {
            ServingResult result = loaded.scorer.score(record(rows.get(i)), "1");
            assertThat(result.getLong("best")).isEqualTo(answers.get(0).get("best").get(i).asInt());
            assertThat(result.getDoubles("scores")[2])
                    .isCloseTo(answers.get(0).get("scores").get(i).get(2).asDouble(), within(1e-6));
        }
    }

    private static void assertExternal(LoadedModel<Wine> loaded) throws Exception {
        JsonNode answers = Json.read(EXTERNAL.resolve("answers.json"));
        assertThat(answers.size()).isGreaterThan(1);
        for (JsonNode answer : answers) {
            ServingResult result = loaded.scorer.score(record(answer.get("x")), "1");
            for (int i = 0; i < 2; i++) {
                assertThat(result.getDoubles("y")[i])
                        .isCloseTo(answer.get("y").get(i).asDouble(), within(1e-5));
            }
        }
    }

    private interface Assertion {
        void check(LoadedModel<Wine> loaded) throws Exception;
    }

    /** By location, inline, out of what a checkpoint has of an inline model, and read again. */
    private void assertServed(Path path, ModelDescriptor.Builder model, Assertion assertion)
            throws Exception {
        ModelToServe byLocation = at(path, model);
        LoadedModel<Wine> loaded = loader().load(byLocation, ModelLoader.Source.location());
        assertion.check(loaded);
        // A restored job has the digest, and reads the location again.
        LoadedModel<Wine> again = loader().load(loaded.model, ModelLoader.Source.location());
        assertion.check(again);
        loaded.close();
        again.close();
        ModelToServe inline = inline(path, model);
        LoadedModel<Wine> raw = loader().load(inline, ModelLoader.Source.raw(inline.content()));
        assertion.check(raw);
        assertThat(raw.model.sha256()).isEqualTo(loaded.model.sha256());
        raw.close();
        LoadedModel<Wine> restored =
                loader().load(inline.withoutContent(), ModelLoader.Source.packed(raw.packed));
        assertion.check(restored);
        restored.close();
    }

    @Test
    void aSavedModelIsServedByTheSignatureOfItsDescriptor() throws Exception {
        Path path = copy(SAVED_MODEL.resolve("saved_model"), "saved");
        assertServed(path, classifier(), TensorModelTest::assertClassified);
    }

    @Test
    void aSignatureThatIsNotThereOrNotNamedIsRefusedWithThoseThatAre() throws Exception {
        Path path = copy(SAVED_MODEL.resolve("saved_model"), "saved");
        for (String signature : List.of("", "predict")) {
            ModelToServe model = at(path, classifier().setSignature(signature));
            assertRefused(model, ErrorCode.MODEL_INVALID, "classify, find");
        }
    }

    @Test
    void anOnnxModelHasTheExternalDataOfItsFolder() throws Exception {
        Path path = copy(EXTERNAL.resolve("model"), "external");
        assertServed(path, external(), TensorModelTest::assertExternal);
    }

    @Test
    void aModelThatAsksForTractRunsThereAndIsStoredApart() throws Exception {
        Path path = copy(EXTERNAL.resolve("model"), "external");
        ModelDescriptor.Builder tract = external().setEngine(Engine.TRACT);
        assertServed(path, tract, TensorModelTest::assertExternal);
        assertThat(ServingState.storageKey(inline(path, tract)))
                .isNotEqualTo(ServingState.storageKey(inline(path, external())));
        Path other = copy(SAVED_MODEL.resolve("saved_model"), "saved");
        assertRefused(
                at(other, classifier().setEngine(Engine.TRACT)),
                ErrorCode.DESCRIPTOR_INVALID,
                "TENSORFLOWSAVED do not run on the engine TRACT");
    }

    @Test
    void aChangedWeightIsAnotherDigest() throws Exception {
        Path path = copy(EXTERNAL.resolve("model"), "external");
        LoadedModel<Wine> loaded =
                loader().load(at(path, external()), ModelLoader.Source.location());
        loaded.close();
        Path weights = path.resolve("weights/all.bin");
        byte[] changed = Files.readAllBytes(weights);
        changed[0] ^= 1;
        Files.write(weights, changed);
        assertRefused(loaded.model, ErrorCode.DIGEST_MISMATCH, "SHA-256");
    }

    @Test
    void externalDataOutOfTheFolderIsRefused() throws Exception {
        Path path = copy(EXTERNAL.resolve("model"), "external");
        Path alone = Files.copy(path.resolve("model.onnx"), folder.resolve("alone.onnx"));
        assertRefused(at(alone, external()), ErrorCode.MODEL_UNSUPPORTED, "without its folder");
        // Beside the folder, but within the allowed root.
        Files.copy(path.resolve("weights/all.bin"), folder.resolve("secret.bin"));
        byte[] model = Files.readAllBytes(path.resolve("model.onnx"));
        for (String location : List.of("./../secret.bin", "/tmp/secret.bin", "nothing/of.bins")) {
            Files.write(path.resolve("model.onnx"), replaced(model, location));
            assertRefused(at(path, external()), ErrorCode.MODEL_INVALID, location);
            ModelToServe inline = inline(path, external());
            assertThatThrownBy(
                            () -> loader().load(inline, ModelLoader.Source.raw(inline.content())))
                    .isInstanceOfSatisfying(
                            ModelException.class,
                            e -> assertThat(e.getCode()).isEqualTo(ErrorCode.MODEL_INVALID));
        }
        Files.write(path.resolve("model.onnx"), model);
        Files.delete(path.resolve("weights/all.bin"));
        Files.createSymbolicLink(path.resolve("weights/all.bin"), folder.resolve("secret.bin"));
        assertRefused(at(path, external()), ErrorCode.LOCATION_REFUSED, "leads out of");
    }

    /** The file with another place of the weights; a place of another length would damage it. */
    private static byte[] replaced(byte[] model, String location) {
        String place = "weights/all.bin";
        assertThat(location).hasSameSizeAs(place);
        return new String(model, StandardCharsets.ISO_8859_1)
                .replace(place, location)
                .getBytes(StandardCharsets.ISO_8859_1);
    }

    private void assertRefused(ModelToServe model, ErrorCode code, String message) {
        assertThatThrownBy(() -> loader().load(model, ModelLoader.Source.location()))
                .isInstanceOfSatisfying(
                        ModelException.class, e -> assertThat(e.getCode()).isEqualTo(code))
                .hasMessageContaining(message);
    }
}
