package io.flinkserving.boundary;

import io.flinkserving.wire.FieldType;
import io.flinkserving.wire.ScorerOptions;
import io.flinkserving.wire.WineRecord;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;

/**
 * Nanoseconds per record across the boundary with the linear wine model: copy the record in, call,
 * decode the protobuf (or read the packed row), score, write the result, read it. Each round times
 * all variants in turn; {@code loop} is the same loop without any call and is not subtracted.
 * Prints one line of JSON with the median and the extremes over the rounds.
 *
 * <p>Arguments: rounds (default 11), milliseconds per variant and round (default 300).
 */
public final class BoundaryBenchmark {

    private static final int RECORDS = 1024;
    private static final int BATCH = 64;

    /** Keeps results alive. */
    private static double sink;

    private interface Variant {
        double pass() throws NativeException;
    }

    private final byte[][] records = new byte[RECORDS][];
    private final double[][] values = new double[RECORDS][6];

    private BoundaryBenchmark() {
        Random random = new Random(1);
        for (int i = 0; i < RECORDS; i++) {
            WineRecord record =
                    WineRecord.newBuilder()
                            .setFixedAcidity(5 + 5 * random.nextDouble())
                            .setVolatileAcidity(random.nextDouble())
                            .setCitricAcid(random.nextDouble())
                            .setResidualSugar(1 + 3 * random.nextDouble())
                            .setChlorides(random.nextDouble() / 10)
                            .setFreeSulfurDioxide(random.nextInt(60))
                            .setTotalSulfurDioxide(random.nextInt(150))
                            .setDensity(0.99 + random.nextDouble() / 100)
                            .setPH(3 + random.nextDouble())
                            .setSulphates(random.nextDouble())
                            .setAlcohol(8 + 5 * random.nextDouble())
                            .setDataType("wine")
                            .build();
            records[i] = record.toByteArray();
            values[i] =
                    new double[] {
                        record.getFixedAcidity(),
                        record.getVolatileAcidity(),
                        record.getChlorides(),
                        record.getTotalSulfurDioxide(),
                        record.getSulphates(),
                        record.getAlcohol()
                    };
        }
    }

    public static void main(String[] arguments) throws Exception {
        int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 11;
        long millis = arguments.length > 1 ? Long.parseLong(arguments[1]) : 300;
        new BoundaryBenchmark().run(rounds, millis * 1_000_000);
    }

    private void run(int rounds, long nanosPerVariant) throws Exception {
        try (NativeModel model = TestModels.load(TestModels.LINEAR_WINE);
                NativeScorer one = model.openScorer(TestModels.wineRecords(1));
                NativeScorer many = model.openScorer(TestModels.wineRecords(BATCH));
                NativeScorer packed = model.openScorer(packedOptions())) {
            String[] names = {"loop", "protobuf", "protobuf-batch-" + BATCH, "packed"};
            Variant[] variants = {
                this::loop,
                () -> passProtobuf(one),
                () -> passBatches(many),
                () -> passPacked(packed)
            };
            double[][] measured = new double[variants.length][rounds];
            for (int round = -3; round < rounds; round++) {
                for (int i = 0; i < variants.length; i++) {
                    double nanos = time(variants[i], nanosPerVariant);
                    if (round >= 0) {
                        measured[i][round] = nanos;
                    }
                }
            }
            System.out.println(json(names, measured));
        }
    }

    private static double time(Variant variant, long atLeast) throws NativeException {
        long start = System.nanoTime();
        long passes = 0;
        long elapsed;
        do {
            sink += variant.pass();
            passes++;
            elapsed = System.nanoTime() - start;
        } while (elapsed < atLeast);
        return (double) elapsed / (passes * RECORDS);
    }

    private double loop() {
        double sum = 0;
        for (byte[] record : records) {
            sum += record.length;
        }
        return sum;
    }

    private double passProtobuf(NativeScorer scorer) throws NativeException {
        double sum = 0;
        for (byte[] record : records) {
            if (scorer.score(record) == 0 && scorer.tag(0, 0) == CellTag.DOUBLE) {
                sum += scorer.doubleValue(0, 0);
            }
        }
        return sum;
    }

    private double passBatches(NativeScorer scorer) throws NativeException {
        double sum = 0;
        for (int start = 0; start < RECORDS; start += BATCH) {
            scorer.begin();
            for (int i = start; i < start + BATCH; i++) {
                scorer.add(records[i]);
            }
            scorer.score();
            for (int row = 0; row < BATCH; row++) {
                if (scorer.status(row) == 0 && scorer.tag(row, 0) == CellTag.DOUBLE) {
                    sum += scorer.doubleValue(row, 0);
                }
            }
        }
        return sum;
    }

    private double passPacked(NativeScorer scorer) throws NativeException {
        double sum = 0;
        PackedRows rows = scorer.rows();
        for (double[] record : values) {
            rows.clear();
            for (int field = 0; field < record.length; field++) {
                rows.setDouble(field, 0, record[field]);
            }
            if (scorer.score(1) == 0 && scorer.tag(0, 0) == CellTag.DOUBLE) {
                sum += scorer.doubleValue(0, 0);
            }
        }
        return sum;
    }

    private static ScorerOptions packedOptions() {
        return TestModels.packed(
                1,
                "fixed_acidity",
                FieldType.FIELD_DOUBLE,
                "volatile_acidity",
                FieldType.FIELD_DOUBLE,
                "chlorides",
                FieldType.FIELD_DOUBLE,
                "total_sulfur_dioxide",
                FieldType.FIELD_DOUBLE,
                "sulphates",
                FieldType.FIELD_DOUBLE,
                "alcohol",
                FieldType.FIELD_DOUBLE);
    }

    private static String json(String[] names, double[][] measured) {
        StringBuilder line = new StringBuilder("[");
        for (int i = 0; i < names.length; i++) {
            Arrays.sort(measured[i]);
            line.append(i == 0 ? "" : ", ")
                    .append(
                            String.format(
                                    Locale.ROOT,
                                    "{\"name\": \"%s\", \"value\": %.1f, \"min\": %.1f,"
                                            + " \"max\": %.1f, \"unit\": \"ns/record\"}",
                                    names[i],
                                    measured[i][measured[i].length / 2],
                                    measured[i][0],
                                    measured[i][measured[i].length - 1]));
        }
        return line.append("]").toString();
    }
}
