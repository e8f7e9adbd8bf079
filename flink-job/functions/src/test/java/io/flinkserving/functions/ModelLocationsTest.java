package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.flinkserving.model.ModelException;
import io.flinkserving.wire.ErrorCode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelLocationsTest {

    @TempDir Path folder;
    private Path allowed;
    private ModelLocations locations;

    @BeforeEach
    void makeFolders() throws Exception {
        allowed = Files.createDirectory(folder.resolve("models"));
        Files.writeString(allowed.resolve("a.pmml"), "content");
        Files.writeString(folder.resolve("secret"), "secret");
        Files.createDirectory(folder.resolve("models-of-others"));
        Files.writeString(folder.resolve("models-of-others/b"), "b");
        locations = new ModelLocations(List.of(allowed.toString()), 10);
    }

    @Test
    void aFileUnderAnAllowedRootIsRead() throws Exception {
        assertThat(locations.read(allowed + "/a.pmml")).asString().isEqualTo("content");
        assertThat(locations.read("file://" + allowed + "/a.pmml")).asString().isEqualTo("content");
        assertThat(locations.read(allowed + "/x/../a.pmml")).asString().isEqualTo("content");
    }

    @Test
    void everythingElseIsRefused() {
        for (String location :
                List.of(
                        folder + "/secret",
                        allowed + "/../secret",
                        "file://" + allowed + "/%2e%2e/secret",
                        folder + "/models-of-others/b",
                        allowed.toString(),
                        allowed + "/none",
                        "a.pmml",
                        "http://host" + allowed + "/a.pmml",
                        "file://host" + allowed + "/a.pmml",
                        "::",
                        "file:")) {
            assertThatThrownBy(() -> locations.read(location))
                    .as(location)
                    .isInstanceOfSatisfying(
                            ModelException.class,
                            e -> assertThat(e.getCode()).isEqualTo(ErrorCode.LOCATION_REFUSED));
        }
    }

    @Test
    void aLinkThatLeadsOutOfTheRootIsRefused() throws Exception {
        Files.createSymbolicLink(allowed.resolve("link"), folder.resolve("secret"));
        assertThatThrownBy(() -> locations.read(allowed + "/link"))
                .isInstanceOfSatisfying(
                        ModelException.class,
                        e -> assertThat(e.getCode()).isEqualTo(ErrorCode.LOCATION_REFUSED));
    }

    @Test
    void aFileOverTheLimitIsRefused() throws Exception {
        Files.writeString(allowed.resolve("large"), "01234567890");
        assertThatThrownBy(() -> locations.read(allowed + "/large"))
                .isInstanceOfSatisfying(
                        ModelException.class,
                        e -> assertThat(e.getCode()).isEqualTo(ErrorCode.MODEL_TOO_LARGE))
                .hasMessageContaining("model-serving.max-model-size");
    }
}
