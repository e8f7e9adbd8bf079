package io.flinkserving.tools;

/** How a tool ends: 0 when it did its work, 1 when it could not, 2 when its options are wrong. */
public final class Program {

    private static final int FAILED = 1;
    private static final int WRONG_USAGE = 2;

    private Program() {}

    /** What a tool does. */
    public interface Body {
        void run(CommandLine options) throws Exception;
    }

    public static void main(CommandLine.Declared declared, String[] arguments, Body body) {
        int status = run(declared, arguments, body);
        if (status != 0) {
            System.exit(status);
        }
    }

    static int run(CommandLine.Declared declared, String[] arguments, Body body) {
        if (CommandLine.Declared.asksForHelp(arguments)) {
            System.out.print(declared.help());
            return 0;
        }
        try {
            body.run(declared.parse(arguments));
            return 0;
        } catch (UsageException e) {
            System.err.println("error: " + e.getMessage());
            return WRONG_USAGE;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return FAILED;
        } catch (Exception e) {
            System.err.println("error: " + describe(e));
            return FAILED;
        }
    }

    /** The message, or for exceptions that have none their kind, and where it came from. */
    static String describe(Throwable failure) {
        String message = failure.getMessage();
        String text = message == null ? failure.getClass().getSimpleName() : message;
        Throwable cause = failure.getCause();
        if (cause != null && cause != failure && cause.getMessage() != null) {
            String reason = describe(cause);
            return text.contains(reason) ? text : text + ": " + reason;
        }
        return text;
    }
}
