package io.flinkserving.benchmarks;

import io.flinkserving.boundary.CellTag;
import io.flinkserving.boundary.NativeModel;
import io.flinkserving.boundary.NativeScorer;
import io.flinkserving.boundary.OutputField;
import io.flinkserving.boundary.ProtobufLayouts;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ScorerOptions;
import io.flinkserving.wire.WineRecord;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Measures one model in this JVM. All engines get the same encoded records. */
final class ScoringRun {

    private static final int BATCH = 64;

    private final byte[][] records;

    private ScoringRun(byte[][] records) {
        this.records = records;
    }

    static void run(Settings settings) throws Exception {
        BenchModel model = BenchModel.valueOf(settings.required("bench-model"));
        byte[] pmml = Files.readAllBytes(model.pmml(settings.models()));
        Path onnx = model.onnx(settings.models());
        ModelDescriptor descriptor =
                ModelDescriptor.newBuilder()
                        .setName(model.label)
                        .setDataType("wine")
                        .setModeltype(ModelDescriptor.ModelType.PMML)
                        .build();
        ScoringRun run = new ScoringRun(Wine.records(settings.data()));
        JpmmlScorer jpmml = new JpmmlScorer(pmml);
        Pmml4sScorer pmml4s = new Pmml4sScorer(pmml);
        try (NativeModel loaded = NativeModel.load(descriptor, pmml);
                NativeScorer one = loaded.openScorer(options(1));
                NativeScorer many = loaded.openScorer(options(BATCH));
                OnnxScorer onnxOne = Files.exists(onnx) ? new OnnxScorer(onnx, 1) : null;
                OnnxScorer onnxMany = Files.exists(onnx) ? new OnnxScorer(onnx, BATCH) : null) {
            run.requireSameAnswers(one, jpmml, model.tolerance);
            Rounds rounds = new Rounds(settings.rounds(), settings.quick() ? 100 : 300);
            rounds.add("record", () -> run.oneByOne(one));
            rounds.add("jpmml", () -> run.jpmml(jpmml));
            if (onnxOne != null) {
                rounds.add("onnxruntime", () -> run.onnx(onnxOne));
            }
            rounds.add("batch-" + BATCH, () -> run.batches(many));
            if (onnxMany != null) {
                rounds.add("onnxruntime-batch-" + BATCH, () -> run.onnxBatches(onnxMany));
            }
            rounds.add("pmml4s", () -> run.pmml4s(pmml4s));
            rounds.add("protobuf-java", run::parse);
            Map<String, double[]> measured = new LinkedHashMap<>();
            rounds.run(run.records.length)
                    .forEach((name, series) -> measured.put(name, series.rounds()));
            ChildJvm.write(settings, measured);
        }
    }

    private static ScorerOptions options(int capacity) {
        return ScorerOptions.newBuilder()
                .setProtobuf(ProtobufLayouts.of(WineRecord.getDescriptor()))
                .setCapacity(capacity)
                .build();
    }

    /** All outputs of all records. */
    private void requireSameAnswers(NativeScorer scorer, JpmmlScorer reference, double tolerance)
            throws Exception {
        for (byte[] record : records) {
            if (scorer.score(record) != 0) {
                throw new IllegalStateException(scorer.message(0));
            }
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

    private double oneByOne(NativeScorer scorer) throws Exception {
        double sum = 0;
        for (byte[] record : records) {
            scorer.score(record);
            sum += predicted(scorer, 0);
        }
        return sum;
    }

    private double batches(NativeScorer scorer) throws Exception {
        double sum = 0;
        for (int start = 0; start < records.length; start += BATCH) {
            int end = Math.min(start + BATCH, records.length);
            scorer.begin();
            for (int i = start; i < end; i++) {
                scorer.add(records[i]);
            }
            scorer.score();
            for (int row = 0; row < end - start; row++) {
                sum += predicted(scorer, row);
            }
        }
        return sum;
    }

    /** The predicted number, or something that depends on the class. */
    private static double predicted(NativeScorer scorer, int row) {
        switch (scorer.tag(row, 0)) {
            case CellTag.DOUBLE:
                return scorer.doubleValue(row, 0);
            case CellTag.FLOAT:
                return scorer.floatValue(row, 0);
            case CellTag.LABEL:
                return scorer.text(row, 0).hashCode();
            default:
                throw new IllegalStateException(scorer.message(row));
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
