package io.flinkserving.boundary;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flinkserving.wire.FieldType;
import java.util.Arrays;

/**
 * Goes once through every entry point, good and bad, and prints "score N" and "live 0 0 0". It runs
 * in JVMs and classloaders of their own.
 */
public final class BoundaryRun {

    private BoundaryRun() {}

    public static void main(String[] arguments) throws Exception {
        System.out.println("score " + run());
        System.out.println(
                "live "
                        + NativeLibrary.liveModels()
                        + " "
                        + NativeLibrary.liveScorers()
                        + " "
                        + NativeLibrary.nativeBytes());
    }

    /** Returns a score, which is 7. */
    public static double run() throws Exception {
        byte[] content = TestModels.TWO_FIELDS.getBytes(UTF_8);
        byte[] record = TestModels.wine(10, 0.5).toByteArray();
        NativeLibrary.setNativeMemoryLimit(1L << 30);
        double score;
        byte[] stored = NativeModel.pack(TestModels.descriptor(), content);
        try (NativeModel model = NativeModel.restore(stored)) {
            model.toBytes();
            model.describeScorer(TestModels.wineRecords(10));
            try (NativeScorer scorer = model.openScorer(TestModels.wineRecords(500))) {
                scorer.score(record);
                scorer.score(Arrays.copyOf(record, 1_000_000));
                scorer.begin();
                for (int i = 0; i < 500; i++) {
                    scorer.add(record, 0, i % 2 == 0 ? record.length : record.length - 1);
                }
                scorer.score();
                score = scorer.doubleValue(0, 0);
            }
            try (NativeScorer scorer =
                    model.openScorer(
                            TestModels.packed(
                                    1,
                                    "alcohol",
                                    FieldType.FIELD_DOUBLE,
                                    "volatile_acidity",
                                    FieldType.FIELD_DOUBLE))) {
                scorer.rows().clear();
                scorer.rows().setDouble(0, 0, 10);
                scorer.score(1);
            }
            expectRefusal(() -> model.openScorer(TestModels.packed(1)));
        }
        expectRefusal(() -> NativeModel.load(TestModels.descriptor(), new byte[] {'<'}));
        expectRefusal(() -> NativeModel.restore(new byte[] {1, 2, 3}));
        expectRefusal(NativeMethods::panicForTest);
        return score;
    }

    private interface Call {
        void run() throws Exception;
    }

    private static void expectRefusal(Call call) throws Exception {
        try {
            call.run();
        } catch (NativeException expected) {
            return;
        }
        throw new AssertionError("the call was not refused");
    }
}
