package io.flinkserving.benchmarks;

import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the command line says: a name, then {@code --key value} in any order. */
public final class Settings {

    private final Map<String, String> values;

    private Settings(Map<String, String> values) {
        this.values = values;
    }

    /**
     * @throws IllegalArgumentException for a key without a value
     */
    public static Settings parse(String[] arguments) {
        Map<String, String> values = new HashMap<>();
        for (int i = 1; i < arguments.length; i += 2) {
            if (!arguments[i].startsWith("--") || i + 1 == arguments.length) {
                throw new IllegalArgumentException("expected --key value at " + arguments[i]);
            }
            values.put(arguments[i].substring(2), arguments[i + 1]);
        }
        return new Settings(values);
    }

    /** Where the report goes, as JSON. */
    public Path out() {
        return Paths.get(required("out"));
    }

    /** Measured rounds. */
    public int rounds() {
        return Integer.parseInt(required("rounds"));
    }

    /** Shorter measurements, for trying things out. */
    public boolean quick() {
        return Boolean.parseBoolean(values.getOrDefault("quick", "false"));
    }

    /** The linear wine model, PMML. */
    public Path model() {
        return Paths.get(required("model"));
    }

    /**
     * Wine records, without a header: the eleven fields and the quality, separated by semicolons.
     */
    public Path data() {
        return Paths.get(required("data"));
    }

    /** The folder with the models to compare. */
    public Path models() {
        return Paths.get(required("models"));
    }

    /** The folder with networks of tensors. */
    public Path tensors() {
        return Paths.get(required("tensors"));
    }

    public String required(String key) {
        String value = values.get(key);
        if (value == null) {
            throw new IllegalArgumentException("--" + key + " is missing");
        }
        return value;
    }

    /** These settings and one more, as arguments after the name. */
    public List<String> with(String key, String value) {
        Map<String, String> all = new HashMap<>(values);
        all.put(key, value);
        List<String> arguments = new ArrayList<>();
        all.forEach(
                (name, text) -> {
                    arguments.add("--" + name);
                    arguments.add(text);
                });
        return arguments;
    }
}
