package io.flinkserving.tools;

import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.Action;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The options that publish one model or a command about one. */
public final class ModelCommand {

    private static final String PUBLISH = "publish";
    private static final String LOCATION = "publish-location";
    private static final Map<String, Action> COMMANDS =
            Map.of(
                    "remove", Action.REMOVE,
                    "suspend", Action.SUSPEND,
                    "resume", Action.RESUME,
                    "rollback", Action.ROLLBACK);
    private static final List<String> DETAILS =
            List.of("name", "version", "type", "signature", "engine", "description");

    private ModelCommand() {}

    public static void declare(CommandLine.Declared declared) {
        declared.option(PUBLISH, "FILE", null, "publish this one model")
                .option(
                        LOCATION,
                        "URI",
                        null,
                        "publish one model by location; the job's model-serving.allowed-locations must"
                                + " admit it")
                .option("name", "NAME", null, "name of the one model (default: its file's)")
                .option("version", "VERSION", null, "its version (default: from its digest)")
                .option(
                        "type",
                        "TYPE",
                        null,
                        "its type: TENSORFLOW, TENSORFLOWSAVED, PMML, PFA or ONNX (default: from the"
                                + " end of its file's name)")
                .option(
                        "signature",
                        "NAME",
                        "",
                        "the signature of a SavedModel (default: serving_default, else the only one)")
                .option(
                        "engine",
                        "ENGINE",
                        "OWN",
                        "what evaluates it: OWN, or TRACT, which takes ONNX models")
                .option("description", "TEXT", "", "its description")
                .option("remove", "NAME", null, "take the model out of service and forget it")
                .option("suspend", "NAME", null, "answer records with MODEL_SUSPENDED")
                .option("resume", "NAME", null, "end a suspension")
                .option("rollback", "NAME", null, "serve the version that served before");
    }

    /** What to publish, if one of these options was given. */
    public static Optional<ModelDescriptor> read(CommandLine options) throws IOException {
        List<String> given = new ArrayList<>();
        for (String name : List.of(PUBLISH, LOCATION, "remove", "suspend", "resume", "rollback")) {
            if (options.has(name)) {
                given.add(name);
            }
        }
        if (given.size() > 1) {
            throw new UsageException(
                    "options --" + String.join(", --", given) + " exclude each other");
        }
        boolean model = !given.isEmpty() && !COMMANDS.containsKey(given.get(0));
        for (String detail : DETAILS) {
            if (options.has(detail) && !model) {
                throw new UsageException(
                        "option --" + detail + " goes with --" + PUBLISH + " or --" + LOCATION);
            }
        }
        if (given.isEmpty()) {
            return Optional.empty();
        }
        String option = given.get(0);
        if (!model) {
            return Optional.of(
                    ModelDescriptor.newBuilder()
                            .setName(options.get(option))
                            .setDataType(options.get("data-type"))
                            .setAction(COMMANDS.get(option))
                            .build());
        }
        return Optional.of(option.equals(PUBLISH) ? fromFile(options) : fromLocation(options));
    }

    private static ModelDescriptor fromFile(CommandLine options) throws IOException {
        Path file = Path.of(options.get(PUBLISH));
        if (!Files.isRegularFile(file)) {
            throw new UsageException("option --" + PUBLISH + ": there is no file " + file);
        }
        byte[] content = Files.readAllBytes(file);
        return details(
                ModelFiles.describe(options.get("data-type"), type(options, file), content),
                options,
                file);
    }

    private static ModelDescriptor fromLocation(CommandLine options) {
        String location = options.get(LOCATION);
        Path file = Path.of(location.substring(location.lastIndexOf('/') + 1));
        ModelDescriptor.Builder model =
                ModelDescriptor.newBuilder()
                        .setDataType(options.get("data-type"))
                        .setModeltype(type(options, file))
                        .setLocation(location);
        return details(model, options, file);
    }

    private static ModelType type(CommandLine options, Path file) {
        return options.find("type")
                .map(ModelFiles::typeNamed)
                .orElseGet(() -> ModelFiles.typeOf(file));
    }

    private static ModelDescriptor details(
            ModelDescriptor.Builder model, CommandLine options, Path file) {
        return model.setName(options.find("name").orElseGet(() -> ModelFiles.nameOf(file)))
                .setVersion(options.find("version").orElse(""))
                .setSignature(options.get("signature"))
                .setEngine(ModelFiles.engineNamed(options.get("engine")))
                .setDescription(options.get("description"))
                .build();
    }

    /** One line for people. */
    public static String describe(ModelDescriptor model) {
        StringBuilder text = new StringBuilder();
        text.append(model.getAction().name().toLowerCase(java.util.Locale.ROOT).replace('_', ' '));
        text.append(' ').append(model.getName());
        if (!model.getVersion().isEmpty()) {
            text.append(" version ").append(model.getVersion());
        }
        text.append(" for ").append(model.getDataType());
        if (model.getAction() == Action.ADD_OR_UPDATE) {
            text.append(": ").append(model.getModeltype());
            if (model.hasLocation()) {
                text.append(" at ").append(model.getLocation());
            } else {
                text.append(", ").append(model.getData().size()).append(" bytes");
            }
        }
        return text.toString();
    }
}
