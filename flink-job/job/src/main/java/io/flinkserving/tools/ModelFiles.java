package io.flinkserving.tools;

import com.google.protobuf.ByteString;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.Engine;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Model files and the descriptors that carry them. */
public final class ModelFiles {

    private static final Map<String, ModelType> TYPES =
            Map.of(
                    "pmml", ModelType.PMML,
                    "pb", ModelType.TENSORFLOW,
                    "zip", ModelType.TENSORFLOWSAVED,
                    "tar", ModelType.TENSORFLOWSAVED,
                    "pfa", ModelType.PFA,
                    "onnx", ModelType.ONNX);

    private ModelFiles() {}

    /** A descriptor with this content and its digest; the rest is up to the caller. */
    public static ModelDescriptor.Builder describe(
            String dataType, ModelType type, byte[] content) {
        return ModelDescriptor.newBuilder()
                .setDataType(dataType)
                .setModeltype(type)
                .setData(ByteString.copyFrom(content))
                .setSha256(sha256(content));
    }

    /** What the end of a file's name says. */
    public static ModelType typeOf(Path file) {
        ModelType type = TYPES.get(extension(file));
        if (type == null) {
            throw new UsageException(
                    "the name of "
                            + file
                            + " does not tell the type of the model: give --type "
                            + names());
        }
        return type;
    }

    public static ModelType typeNamed(String name) {
        return named(name, ModelType.values())
                .filter(type -> type != ModelType.UNRECOGNIZED)
                .orElseThrow(
                        () -> new UsageException("option --type is " + names() + ", not " + name));
    }

    public static Engine engineNamed(String name) {
        return named(name, Engine.values())
                .filter(engine -> engine != Engine.UNRECOGNIZED)
                .orElseThrow(
                        () -> new UsageException("option --engine is OWN or TRACT, not " + name));
    }

    private static <E extends Enum<E>> Optional<E> named(String name, E[] values) {
        return Arrays.stream(values).filter(value -> value.name().equalsIgnoreCase(name)).findAny();
    }

    /** The file's name without its ending. */
    public static String nameOf(Path file) {
        String name = file.getFileName().toString();
        int dot = name.lastIndexOf('.');
        return dot <= 0 ? name : name.substring(0, dot);
    }

    /** Every model file of a folder, by name: one descriptor each, named as the file. */
    public static List<ModelDescriptor> inFolder(Path folder, String dataType) throws IOException {
        List<Path> files;
        try (Stream<Path> entries = Files.list(folder)) {
            files =
                    entries.filter(file -> TYPES.containsKey(extension(file)))
                            .sorted()
                            .collect(Collectors.toList());
        }
        List<ModelDescriptor> models = new java.util.ArrayList<>();
        for (Path file : files) {
            models.add(
                    describe(dataType, typeOf(file), Files.readAllBytes(file))
                            .setName(nameOf(file))
                            .build());
        }
        return models;
    }

    public static ByteString sha256(byte[] content) {
        try {
            return ByteString.copyFrom(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }

    public static String hex(ByteString bytes) {
        StringBuilder text = new StringBuilder(2 * bytes.size());
        for (byte b : bytes.toByteArray()) {
            text.append(Character.forDigit(b >> 4 & 0xf, 16))
                    .append(Character.forDigit(b & 0xf, 16));
        }
        return text.toString();
    }

    private static String extension(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        return name.substring(name.lastIndexOf('.') + 1);
    }

    private static String names() {
        return Arrays.stream(ModelType.values())
                .filter(type -> type != ModelType.UNRECOGNIZED)
                .map(Enum::name)
                .collect(Collectors.joining(", "));
    }
}
