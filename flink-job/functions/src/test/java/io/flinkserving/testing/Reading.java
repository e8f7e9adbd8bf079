package io.flinkserving.testing;

/** A record of the tests: a POJO that Flink serializes itself. */
public class Reading {

    public String type;
    public String id;
    public double value;

    public Reading() {}

    public Reading(String type, String id, double value) {
        this.type = type;
        this.id = id;
        this.value = value;
    }

    @Override
    public String toString() {
        return type + "/" + id + "=" + value;
    }
}
