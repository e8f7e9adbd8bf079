package io.flinkserving.tools;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Options of a program: {@code --name value}, {@code --name=value}, {@code --flag}, and groups of
 * options with a common beginning, such as {@code --kafka.acks all}. What was not declared is an
 * error.
 */
public final class CommandLine {

    private static final Pattern DURATION = Pattern.compile("(\\d+)\\s*(ms|s|min|h)");

    private final Declared declared;
    private final Map<String, String> values = new LinkedHashMap<>();

    private CommandLine(Declared declared) {
        this.declared = declared;
    }

    /**
     * @param program how the program is called
     * @param purpose what it does, a sentence or more
     */
    public static Declared program(String program, String purpose) {
        return new Declared(program, purpose);
    }

    public boolean has(String name) {
        return values.containsKey(name);
    }

    /** The value, else the default; an option without default has to be given. */
    public String get(String name) {
        return find(name).orElseThrow(() -> new UsageException("option --" + name + " is missing"));
    }

    /** The value, else the default, else nothing. */
    public Optional<String> find(String name) {
        String value = values.get(name);
        return Optional.ofNullable(value == null ? declared.option(name).initial : value);
    }

    public long getLong(String name, long minimum) {
        String text = get(name);
        try {
            long value = Long.parseLong(text);
            if (value >= minimum) {
                return value;
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new UsageException(
                "option --" + name + " is an integer of at least " + minimum + ", not " + text);
    }

    public double getDouble(String name, double minimum) {
        String text = get(name);
        try {
            double value = new BigDecimal(text).doubleValue();
            if (value >= minimum) {
                return value;
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new UsageException(
                "option --" + name + " is a number of at least " + minimum + ", not " + text);
    }

    public Duration getDuration(String name) {
        String text = get(name);
        Matcher matcher = DURATION.matcher(text.trim());
        if (matcher.matches()) {
            try {
                long amount = Long.parseLong(matcher.group(1));
                switch (matcher.group(2)) {
                    case "ms":
                        return Duration.ofMillis(amount);
                    case "s":
                        return Duration.ofSeconds(amount);
                    case "min":
                        return Duration.ofMinutes(amount);
                    default:
                        return Duration.ofHours(amount);
                }
            } catch (ArithmeticException | NumberFormatException e) {
                // Said below.
            }
        }
        throw new UsageException(
                "option --" + name + " is a duration such as 500ms, 10s, 5min or 1h, not " + text);
    }

    /** What was given of a group, without its prefix. */
    public Map<String, String> group(String prefix) {
        Map<String, String> group = new LinkedHashMap<>();
        values.forEach(
                (name, value) -> {
                    if (name.startsWith(prefix)) {
                        group.put(name.substring(prefix.length()), value);
                    }
                });
        return group;
    }

    /** What a program takes. */
    public static final class Declared {

        private static final int COLUMN = 34;
        private static final int WIDTH = 100;

        private final String program;
        private final String purpose;
        private final Map<String, Option> options = new LinkedHashMap<>();
        private final Map<String, Option> groups = new LinkedHashMap<>();

        private Declared(String program, String purpose) {
            this.program = program;
            this.purpose = purpose;
        }

        /**
         * @param value what the help calls the value
         * @param initial the default; null: none
         */
        public Declared option(String name, String value, String initial, String description) {
            options.put(name, new Option(value, initial, description));
            return this;
        }

        public Declared flag(String name, String description) {
            options.put(name, new Option(null, null, description));
            return this;
        }

        /** All options that begin with this prefix; more specific groups first. */
        public Declared group(String prefix, String value, String description) {
            groups.put(prefix, new Option(value, null, description));
            return this;
        }

        /**
         * @throws UsageException for an option that is not declared, has no value, or occurs twice
         */
        public CommandLine parse(String... arguments) {
            CommandLine line = new CommandLine(this);
            for (int i = 0; i < arguments.length; i++) {
                String argument = arguments[i];
                if (!argument.startsWith("--") || argument.length() == 2) {
                    throw new UsageException(
                            "'" + argument + "' is not an option; options begin with --");
                }
                int equals = argument.indexOf('=');
                String name = argument.substring(2, equals < 0 ? argument.length() : equals);
                String value = equals < 0 ? null : argument.substring(equals + 1);
                if (takesValue(name)) {
                    if (value == null && ++i == arguments.length) {
                        throw new UsageException("option --" + name + " needs a value");
                    }
                    value = value == null ? arguments[i] : value;
                } else if (value != null) {
                    throw new UsageException("option --" + name + " takes no value");
                } else {
                    value = "";
                }
                if (line.values.put(name, value) != null) {
                    throw new UsageException("option --" + name + " is given twice");
                }
            }
            return line;
        }

        /** Whether the arguments ask for help, wherever they do. */
        public static boolean asksForHelp(String... arguments) {
            for (String argument : arguments) {
                if (argument.equals("--help") || argument.equals("-h")) {
                    return true;
                }
            }
            return false;
        }

        public String help() {
            StringBuilder text = new StringBuilder();
            text.append("Usage: ").append(program).append("\n\n");
            wrap(text, purpose, 0);
            text.append("\nOptions:\n");
            options.forEach((name, option) -> line(text, name, option));
            groups.forEach((prefix, option) -> line(text, prefix + "NAME", option));
            line(text, "help", new Option(null, null, "this text"));
            return text.toString();
        }

        private boolean takesValue(String name) {
            Option option = options.get(name);
            if (option != null) {
                return option.value != null;
            }
            for (String prefix : groups.keySet()) {
                if (name.startsWith(prefix) && name.length() > prefix.length()) {
                    return true;
                }
            }
            throw new UsageException("unknown option --" + name + "; --help lists the options");
        }

        private Option option(String name) {
            Option option = options.get(name);
            if (option == null) {
                throw new IllegalStateException("option " + name + " is not declared");
            }
            return option;
        }

        private static void line(StringBuilder text, String name, Option option) {
            StringBuilder left = new StringBuilder("  --").append(name);
            if (option.value != null) {
                left.append(' ').append(option.value);
            }
            if (left.length() >= COLUMN) {
                text.append(left).append('\n');
                left.setLength(0);
            }
            while (left.length() < COLUMN) {
                left.append(' ');
            }
            text.append(left);
            String initial =
                    option.initial == null || option.initial.isEmpty()
                            ? ""
                            : " (default " + option.initial + ")";
            wrap(text, option.description + initial, COLUMN);
        }

        private static void wrap(StringBuilder text, String words, int indent) {
            int column = indent;
            boolean first = true;
            for (String word : words.split(" ")) {
                if (!first && column + 1 + word.length() > WIDTH) {
                    text.append('\n').append(" ".repeat(indent));
                    column = indent;
                } else if (!first) {
                    text.append(' ');
                    column++;
                }
                text.append(word);
                column += word.length();
                first = false;
            }
            text.append('\n');
        }
    }

    private static final class Option {
        private final String value;
        private final String initial;
        private final String description;

        Option(String value, String initial, String description) {
            this.value = value;
            this.initial = initial;
            this.description = description;
        }
    }
}
