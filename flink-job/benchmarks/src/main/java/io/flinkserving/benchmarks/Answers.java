package io.flinkserving.benchmarks;

/** Compares answers in single precision, of engines that sum in different orders. */
public final class Answers {

    private static final double RELATIVE = 1e-4;
    private static final double ABSOLUTE = 1e-5;

    private Answers() {}

    /**
     * @throws IllegalStateException when they differ: what computes something else is not measured
     */
    public static void requireClose(double[] ours, double[] theirs) {
        if (ours.length != theirs.length) {
            throw new IllegalStateException(
                    ours.length + " numbers, the peer has " + theirs.length);
        }
        for (int i = 0; i < ours.length; i++) {
            double error = Math.abs(ours[i] - theirs[i]);
            if (!(error <= ABSOLUTE + RELATIVE * Math.abs(theirs[i]))) {
                throw new IllegalStateException(
                        "number " + i + " is " + ours[i] + ", the peer's is " + theirs[i]);
            }
        }
    }
}
