package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.flinkserving.model.ModelException;
import io.flinkserving.wire.ErrorCode;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelFolderTest {

    private static final int BLOCK = 512;

    @TempDir Path folder;
    private Path model;
    private ModelLocations locations;

    @BeforeEach
    void makeModel() throws Exception {
        model = Files.createDirectories(folder.resolve("models/m"));
        Files.createDirectory(model.resolve("variables"));
        Files.writeString(model.resolve("variables/weights"), "w".repeat(BLOCK + 1));
        Files.writeString(model.resolve("graph.pb"), "graph");
        Files.writeString(model.resolve(".hidden"), "x");
        locations = locations(1 << 20);
    }

    private ModelLocations locations(long maxBytes) {
        return new ModelLocations(List.of(folder.resolve("models").toString()), maxBytes);
    }

    private static String text(byte[] tar, int at, int length) {
        return new String(tar, at, length, StandardCharsets.US_ASCII);
    }

    @Test
    void aFolderIsATarOfItsFilesInTheOrderOfTheirPaths() throws Exception {
        byte[] tar = locations.read(model.toString());
        assertThat(tar).hasSize(2 * BLOCK + 3 * BLOCK + 2 * BLOCK);
        assertThat(text(tar, 0, 9)).isEqualTo("graph.pb\0");
        assertThat(text(tar, 124, 12)).isEqualTo("00000000005\0");
        assertThat(text(tar, BLOCK, 5)).isEqualTo("graph");
        assertThat(text(tar, 2 * BLOCK, 18)).isEqualTo("variables/weights\0");
        assertThat(text(tar, 3 * BLOCK, BLOCK + 1)).isEqualTo("w".repeat(BLOCK + 1));
    }

    /** What the command line says of the same files, see folder.rs. */
    @Test
    void theDigestIsThatOfTheCommandLine() throws Exception {
        Path same = Files.createDirectories(folder.resolve("models/same"));
        Files.createDirectory(same.resolve("b"));
        byte[] content = new byte[BLOCK + 1];
        Arrays.fill(content, (byte) 7);
        Files.write(same.resolve("a"), content);
        Files.writeString(same.resolve("b/c"), "1");
        byte[] digest =
                MessageDigest.getInstance("SHA-256").digest(locations.read(same.toString()));
        assertThat(String.format("%064x", new BigInteger(1, digest)))
                .isEqualTo("9a387cc59652cdf823581e0d9b6dba63c9daa4f58e2d42515822feca63c68d61");
    }

    @Test
    void timesDoNotChangeTheDigest() throws Exception {
        byte[] before = locations.read(model.toString());
        Files.setLastModifiedTime(model.resolve("graph.pb"), FileTime.fromMillis(0));
        Files.writeString(model.resolve(".other"), "y");
        assertThat(locations.read("file://" + model)).isEqualTo(before);
    }

    @Test
    void aLinkInTheFolderThatLeadsOutOfTheRootIsRefused() throws Exception {
        Path secret = Files.writeString(folder.resolve("secret"), "secret");
        Files.createSymbolicLink(model.resolve("assets"), secret);
        assertThatThrownBy(() -> locations.read(model.toString()))
                .isInstanceOfSatisfying(
                        ModelException.class,
                        e -> assertThat(e.getCode()).isEqualTo(ErrorCode.LOCATION_REFUSED))
                .hasMessageContaining("assets");
    }

    @Test
    void aLinkMayOnlyLeadToTheFolderItself() throws Exception {
        Path other = Files.writeString(folder.resolve("models/other"), "of another model");
        Files.createSymbolicLink(model.resolve("same.pb"), model.resolve("graph.pb"));
        assertThat(text(locations.read(model.toString()), 2 * BLOCK, 8)).isEqualTo("same.pb\0");
        Files.createSymbolicLink(model.resolve("weights"), other);
        assertThatThrownBy(() -> locations.read(model.toString()))
                .isInstanceOfSatisfying(
                        ModelException.class,
                        e -> assertThat(e.getCode()).isEqualTo(ErrorCode.LOCATION_REFUSED))
                .hasMessageContaining("weights leads out of the model's folder");
    }

    @Test
    void aFolderOverTheLimitIsRefused() {
        assertThatThrownBy(() -> locations(7 * BLOCK - 1).read(model.toString()))
                .isInstanceOfSatisfying(
                        ModelException.class,
                        e -> assertThat(e.getCode()).isEqualTo(ErrorCode.MODEL_TOO_LARGE));
    }

    @Test
    void whatATarHasNoRoomForIsRefused() throws Exception {
        Files.writeString(model.resolve("x".repeat(101)), "");
        assertThatThrownBy(() -> locations.read(model.toString()))
                .hasMessageContaining("longer than 100 bytes");
    }
}
