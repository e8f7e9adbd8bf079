package io.flinkserving.benchmarks;

import java.util.Arrays;

/** The same thing measured once per round. */
public final class Series {

    public final String name;
    public final String unit;
    private final double[] rounds;

    public Series(String name, String unit, double[] rounds) {
        this.name = name;
        this.unit = unit;
        this.rounds = rounds.clone();
    }

    public double[] rounds() {
        return rounds.clone();
    }

    Series named(String other) {
        return new Series(other, unit, rounds);
    }

    public double median() {
        double[] sorted = sorted();
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    public double min() {
        return sorted()[0];
    }

    public double max() {
        return sorted()[rounds.length - 1];
    }

    /**
     * How many times as fast as a peer this is, round by round; both in time per record. Rounds and
     * not medians are compared because the load of a machine changes more from minute to minute
     * than from one measurement to the next.
     */
    public Series speedOver(Series peer, String ratioName) {
        double[] ratios = new double[rounds.length];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = peer.rounds[i] / rounds[i];
        }
        return new Series(ratioName, "x", ratios);
    }

    /** This as a part of another, round by round. */
    Series shareOf(Series whole, String shareName) {
        return whole.speedOver(this, shareName);
    }

    private double[] sorted() {
        double[] sorted = rounds.clone();
        Arrays.sort(sorted);
        return sorted;
    }
}
