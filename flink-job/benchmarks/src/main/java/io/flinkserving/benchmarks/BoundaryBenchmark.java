package io.flinkserving.benchmarks;

import io.flinkserving.boundary.CellTag;
import io.flinkserving.boundary.NativeException;
import io.flinkserving.boundary.NativeLibrary;
import io.flinkserving.boundary.NativeModel;
import io.flinkserving.boundary.NativeScorer;
import io.flinkserving.boundary.ProtobufLayouts;
import io.flinkserving.data.ProtobufStringField;
import io.flinkserving.model.BoundScorer;
import io.flinkserving.model.Model;
import io.flinkserving.model.ModelFactory;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.NativeModelFactoriesResolver;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ScorerOptions;
import io.flinkserving.wire.WineRecord;
import java.nio.file.Files;
import java.util.Map;
import org.apache.flink.configuration.Configuration;

/**
 * What crossing into the library and back costs for one record and the linear wine model: copy the
 * record's bytes into the direct buffer, call, decode, score, write the result, read it in Java.
 */
final class BoundaryBenchmark implements Benchmark {

    private static final int BATCH = 64;
    private static final double MOST_NANOS = 80;

    /** Both sum the same doubles, perhaps in another order. */
    private static final double TOLERANCE = 1e-9;

    @Override
    public void run(Settings settings, Report report) throws Exception {
        byte[][] records = Wine.records(settings.data());
        ModelDescriptor descriptor = Wine.descriptor(settings.model(), Wine.DATA_TYPES.get(0));
        byte[] pmml = Files.readAllBytes(settings.model());
        ModelToServe served = ModelToServe.of(descriptor);
        ModelFactory factory =
                new NativeModelFactoriesResolver().getFactory(served.type()).orElseThrow();
        factory.open(new Configuration());
        try (NativeModel model = NativeModel.load(descriptor, pmml);
                NativeScorer one = model.openScorer(options(1));
                NativeScorer many = model.openScorer(options(BATCH));
                Model apiModel = factory.create(served, pmml);
                BoundScorer<byte[]> api =
                        new BoundScorer<>(apiModel.open(served, new Wine.ToServe()), served)) {
            requireSameScores(records, one, new JpmmlScorer(pmml));
            ProtobufStringField dataType = ProtobufStringField.of(WineRecord.DATATYPE_FIELD_NUMBER);
            Rounds rounds = new Rounds(settings.rounds(), settings.quick() ? 100 : 300);
            rounds.add("raw-call", () -> rawCalls(records.length));
            rounds.add("empty-call", () -> emptyCalls(records.length, one));
            rounds.add("copy-in", () -> copies(records, one));
            rounds.add("score-again", () -> scoresAgain(records, one));
            rounds.add("record", () -> oneByOne(records, one));
            rounds.add("batch-" + BATCH, () -> batches(records, many));
            rounds.add("result-object", () -> results(records, api));
            rounds.add("data-type", () -> dataTypes(records, dataType));
            rounds.add("protobuf-java", () -> parse(records));
            report(rounds.run(records.length), report);
        }
    }

    private static void report(Map<String, Series> all, Report report) {
        Series call = all.get("raw-call");
        Series parse = all.get("protobuf-java");
        all.forEach(
                (name, series) -> {
                    Report.Line line = report.add(series.named("boundary." + name));
                    if (name.equals("record")) {
                        line.atMost(MOST_NANOS);
                    }
                    if (name.equals("record")
                            || name.startsWith("batch")
                            || name.equals("result-object")) {
                        line.against("raw-call", call).against("protobuf-java", parse);
                    }
                });
    }

    private static ScorerOptions options(int capacity) {
        return ScorerOptions.newBuilder()
                .setProtobuf(ProtobufLayouts.of(WineRecord.getDescriptor()))
                .setCapacity(capacity)
                .build();
    }

    private static void requireSameScores(
            byte[][] records, NativeScorer scorer, JpmmlScorer reference) throws Exception {
        for (byte[] record : records) {
            double expected = reference.score(WineRecord.parseFrom(record));
            double score = score(scorer, record);
            if (!(Math.abs(score - expected) <= TOLERANCE * Math.abs(expected))) {
                throw new IllegalStateException(
                        "score " + score + ", JPMML says " + expected + ": nothing is measured");
            }
        }
    }

    private static double score(NativeScorer scorer, byte[] record) throws NativeException {
        if (scorer.score(record) != 0) {
            throw new IllegalStateException(scorer.message(0));
        }
        return value(scorer, 0);
    }

    private static double value(NativeScorer scorer, int row) {
        if (scorer.status(row) != 0 || scorer.tag(row, 0) != CellTag.DOUBLE) {
            throw new IllegalStateException(scorer.message(row));
        }
        return scorer.doubleValue(row, 0);
    }

    /** A downcall that reads one counter, through the same guard as all others. */
    private static double rawCalls(int count) throws NativeException {
        long sum = 0;
        for (int i = 0; i < count; i++) {
            sum += NativeLibrary.liveScorers();
        }
        return sum;
    }

    /** Everything that does not depend on the record. */
    private static double emptyCalls(int count, NativeScorer scorer) throws NativeException {
        long sum = 0;
        for (int i = 0; i < count; i++) {
            scorer.begin();
            sum += scorer.score();
        }
        return sum;
    }

    /** Only the copy into the direct buffer. */
    private static double copies(byte[][] records, NativeScorer scorer) throws NativeException {
        long sum = 0;
        for (byte[] record : records) {
            scorer.begin();
            sum += scorer.add(record) ? 1 : 0;
        }
        return sum;
    }

    /** Everything but the copy: the record that is in the buffer is scored again. */
    private static double scoresAgain(byte[][] records, NativeScorer scorer)
            throws NativeException {
        scorer.begin();
        scorer.add(records[0]);
        double sum = 0;
        for (int i = 0; i < records.length; i++) {
            scorer.score();
            sum += value(scorer, 0);
        }
        return sum;
    }

    private static double oneByOne(byte[][] records, NativeScorer scorer) throws NativeException {
        double sum = 0;
        for (byte[] record : records) {
            sum += score(scorer, record);
        }
        return sum;
    }

    private static double batches(byte[][] records, NativeScorer scorer) throws NativeException {
        double sum = 0;
        for (int start = 0; start < records.length; start += BATCH) {
            int end = Math.min(start + BATCH, records.length);
            scorer.begin();
            for (int i = start; i < end; i++) {
                scorer.add(records[i]);
            }
            scorer.score();
            for (int row = 0; row < end - start; row++) {
                sum += value(scorer, row);
            }
        }
        return sum;
    }

    /** The Java API of the operators: a record in, an immutable result out. */
    private static double results(byte[][] records, BoundScorer<byte[]> scorer) throws Exception {
        double sum = 0;
        for (byte[] record : records) {
            sum += scorer.score(record, null).getDouble(0);
        }
        return sum;
    }

    private static double dataTypes(byte[][] records, ProtobufStringField field) {
        int sum = 0;
        for (byte[] record : records) {
            sum += field.read(record).length();
        }
        return sum;
    }

    private static double parse(byte[][] records) throws Exception {
        double sum = 0;
        for (byte[] record : records) {
            sum += WineRecord.parseFrom(record).getAlcohol();
        }
        return sum;
    }
}
