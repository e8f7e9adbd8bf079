import java.io.PrintWriter;
import java.lang.instrument.Instrumentation;

/**
 * An agent that adds up the native handles of all copies of the library in a JVM, each of which
 * belongs to the classloader of one job, and writes the sums to the file that its argument names.
 */
public final class LiveHandles {

    private LiveHandles() {}

    public static void agentmain(String file, Instrumentation instrumentation) throws Exception {
        long libraries = 0;
        long models = 0;
        long scorers = 0;
        long bytes = 0;
        try (PrintWriter out = new PrintWriter(file, "UTF-8")) {
            try {
                for (Class<?> loaded : instrumentation.getAllLoadedClasses()) {
                    if (loaded.getName().equals("io.flinkserving.boundary.NativeLibrary")) {
                        libraries++;
                        models += count(loaded, "liveModels");
                        scorers += count(loaded, "liveScorers");
                        bytes += count(loaded, "nativeBytes");
                    }
                }
                out.printf("libraries=%d%nmodels=%d%nscorers=%d%nbytes=%d%n", libraries, models, scorers, bytes);
            } catch (ReflectiveOperationException | LinkageError e) {
                out.println("failure=" + e);
            }
        }
    }

    private static long count(Class<?> library, String method) throws ReflectiveOperationException {
        return (Long) library.getMethod(method).invoke(null);
    }
}
