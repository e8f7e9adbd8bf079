package io.flinkserving.example.wine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.flinkserving.kafka.KafkaMessage;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.tools.UsageException;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import io.flinkserving.wire.OutputBinding.Transform;
import io.flinkserving.wire.WineRecord;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WineExampleTest {

    @Test
    void everyModelOfTheJarIsAMessageThatTheJobTakes() throws Exception {
        List<ModelDescriptor> models = WineExample.models("wine");
        assertThat(models).hasSize(8).extracting(ModelDescriptor::getName).doesNotHaveDuplicates();
        for (ModelDescriptor model : models) {
            ModelToServe read = ModelToServe.read(model.toByteArray(), Long.MAX_VALUE);
            assertThat(read.version()).isEqualTo("1");
            assertThat(read.dataType()).isEqualTo("wine");
        }
    }

    @Test
    void theNetworkIsBoundToFieldsAndAnswersWithAQuality() throws IOException {
        ModelDescriptor network =
                WineExample.models("wine").stream()
                        .filter(model -> model.getModeltype() == ModelType.TENSORFLOW)
                        .findFirst()
                        .orElseThrow();
        assertThat(network.getInputs(0).getRecordFieldsList()).hasSize(11).endsWith("alcohol");
        assertThat(network.getOutputs(0).getName()).isEqualTo("quality");
        assertThat(network.getOutputs(0).getTransform()).isEqualTo(Transform.ARGMAX);
    }

    @Test
    void aFolderWithoutManifestIsAllItsModelFiles(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("b.pmml"), "b");
        Files.writeString(folder.resolve("a.ONNX"), "a");
        Files.writeString(folder.resolve("readme.txt"), "none");
        List<ModelDescriptor> models = WineExample.models(folder, "beer");
        assertThat(models).extracting(ModelDescriptor::getName).containsExactly("a", "b");
        assertThat(models)
                .extracting(ModelDescriptor::getModeltype)
                .containsExactly(ModelType.ONNX, ModelType.PMML);
        assertThat(models).allMatch(model -> model.getDataType().equals("beer"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "{",
                "{\"models\": 1}",
                "{\"models\": [1]}",
                "{\"models\": [{\"name\": \"a\"}]}",
                "{\"models\": [{\"file\": \"m\", \"type\": \"X\", \"sha256\": \"\"}]}",
                "{\"models\": [{\"file\": \"m\", \"type\": \"PMML\", \"sha256\": \"00\"}]}",
            })
    void aBadManifestIsAnErrorThatNamesIt(String manifest) {
        assertThatThrownBy(
                        () ->
                                ModelManifest.read(
                                        file ->
                                                (file.equals("models.json") ? manifest : "x")
                                                        .getBytes(StandardCharsets.UTF_8),
                                        "wine"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("models.json");
    }

    @Test
    void anEmptyOrAbsentFolderIsAnErrorThatNamesTheOption(@TempDir Path folder) {
        assertThatThrownBy(() -> WineExample.models(folder, "wine"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--models");
        assertThatThrownBy(() -> WineExample.models(folder.resolve("no"), "wine"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--models");
        assertThatThrownBy(() -> WineExample.records(folder.resolve("no.csv"), "wine"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--data");
    }

    @Test
    void theDataTypeIsReadFromTheBytes() throws Exception {
        WineDataToServe wine = InstantiationUtil.clone(new WineDataToServe());
        WineRecord record = WineRecord.newBuilder().setAlcohol(9).setDataType("wine").build();
        KafkaMessage message = new KafkaMessage("17", record.toByteArray());
        assertThat(wine.getType(message)).isEqualTo("wine");
        assertThat(wine.getId(message)).isEqualTo("17");
        assertThat(wine.getInput(message)).isEqualTo(record.toByteArray());
        assertThat(wine.getType(new KafkaMessage("1", new byte[0]))).isNullOrEmpty();
        assertThatThrownBy(() -> wine.getType(new KafkaMessage("1", new byte[] {7})))
                .isInstanceOf(RuntimeException.class);
    }
}
