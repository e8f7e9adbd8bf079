package io.flinkserving.benchmarks;

import io.flinkserving.boundary.CellTag;
import io.flinkserving.boundary.NativeScorer;
import io.flinkserving.boundary.OutputField;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import io.flinkserving.wire.WineRecord;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Measures one model in this JVM. All engines get the same encoded records. */
final class ScoringRun {

    static final int BATCH = 64;

    private final byte[][] records;
    private final Rounds rounds;

    private ScoringRun(Settings settings) throws Exception {
        records = Wine.records(settings.data());
        rounds = new Rounds(settings.rounds(), settings.quick() ? 100 : 300);
    }

    static void run(Settings settings) throws Exception {
        BenchModel model = BenchModel.valueOf(settings.required("bench-model"));
        Path pmml = model.pmml(settings.models());
        Path onnx = model.onnx(settings.models());
        ScoringRun run = new ScoringRun(settings);
        try (ServingScorer serving = new ServingScorer(ModelType.PMML, pmml, BATCH)) {
            run.addPmml(serving, Files.readAllBytes(pmml), model.tolerance);
            if (!Files.exists(onnx)) {
                run.measure(settings);
                return;
            }
            try (ServingScorer twin = new ServingScorer(ModelType.ONNX, onnx, BATCH);
                    OnnxScorer one = new OnnxScorer(onnx, 1);
                    OnnxScorer many = new OnnxScorer(onnx, BATCH)) {
                run.addOnnx(twin, one, many);
                run.measure(settings);
            }
        }
    }

    private void addPmml(ServingScorer serving, byte[] pmml, double tolerance) throws Exception {
        JpmmlScorer jpmml = new JpmmlScorer(pmml);
        Pmml4sScorer pmml4s = new Pmml4sScorer(pmml);
        requireSameAnswers(serving, jpmml, tolerance);
        rounds.add("record", () -> serving.oneByOne(records));
        rounds.add("jpmml", () -> jpmml(jpmml));
        rounds.add("batch-" + BATCH, () -> serving.batches(records));
        rounds.add("pmml4s", () -> pmml4s(pmml4s));
    }

    private void addOnnx(ServingScorer serving, OnnxScorer one, OnnxScorer many) throws Exception {
        for (byte[] record : records) {
            one.set(0, WineRecord.parseFrom(record));
            Answers.requireClose(serving.outputs(record), one.outputs());
        }
        rounds.add("onnx-record", () -> serving.oneByOne(records));
        rounds.add("onnxruntime", () -> onnx(one));
        rounds.add("onnx-batch-" + BATCH, () -> serving.batches(records));
        rounds.add("onnxruntime-batch-" + BATCH, () -> onnxBatches(many));
    }

    private void measure(Settings settings) throws Exception {
        rounds.add("protobuf-java", this::parse);
        Map<String, double[]> measured = new LinkedHashMap<>();
        rounds.run(records.length).forEach((name, series) -> measured.put(name, series.rounds()));
        ChildJvm.write(settings, measured);
    }

    /** All outputs of all records. */
    private void requireSameAnswers(ServingScorer serving, JpmmlScorer reference, double tolerance)
            throws Exception {
        for (byte[] record : records) {
            NativeScorer scorer = serving.score(record);
            Map<String, ?> expected = reference.evaluate(WineRecord.parseFrom(record));
            for (OutputField output : scorer.outputs()) {
                Object wanted = JpmmlScorer.value(expected.get(output.name()));
                if (!same(scorer, output.slot(), wanted, tolerance)) {
                    throw new IllegalStateException(
                            output.name() + " is not " + wanted + ": nothing is measured");
                }
            }
        }
    }

    private static boolean same(NativeScorer scorer, int slot, Object wanted, double tolerance) {
        switch (scorer.tag(0, slot)) {
            case CellTag.LABEL:
                return scorer.text(0, slot).equals(String.valueOf(wanted));
            case CellTag.FLOAT:
                return wanted instanceof Float && scorer.floatValue(0, slot) == (Float) wanted;
            case CellTag.DOUBLE:
                double expected = ((Number) wanted).doubleValue();
                double error = Math.abs(scorer.doubleValue(0, slot) - expected);
                return error <= tolerance * Math.abs(expected);
            default:
                return false;
        }
    }

    private double jpmml(JpmmlScorer scorer) throws Exception {
        double sum = 0;
        for (byte[] record : records) {
            sum += number(scorer.predicted(WineRecord.parseFrom(record)));
        }
        return sum;
    }

    private double pmml4s(Pmml4sScorer scorer) throws Exception {
        double sum = 0;
        for (byte[] record : records) {
            sum += number(scorer.predicted(WineRecord.parseFrom(record)));
        }
        return sum;
    }

    private static double number(Object predicted) {
        return predicted instanceof Number
                ? ((Number) predicted).doubleValue()
                : predicted.hashCode();
    }

    private double onnx(OnnxScorer scorer) throws Exception {
        double sum = 0;
        for (byte[] record : records) {
            scorer.set(0, WineRecord.parseFrom(record));
            sum += scorer.run();
        }
        return sum;
    }

    /** The last records are left over: they fill up the batch again. */
    private double onnxBatches(OnnxScorer scorer) throws Exception {
        double sum = 0;
        int row = 0;
        for (byte[] record : records) {
            scorer.set(row, WineRecord.parseFrom(record));
            if (++row == BATCH) {
                sum += scorer.run();
                row = 0;
            }
        }
        return row == 0 ? sum : sum + scorer.run();
    }

    /** Part of what each of the others takes. */
    private double parse() throws Exception {
        double sum = 0;
        for (byte[] record : records) {
            sum += WineRecord.parseFrom(record).getAlcohol();
        }
        return sum;
    }
}
