package io.flinkserving.benchmarks;

import io.flinkserving.wire.WineRecord;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.pmml4s.data.Series;
import org.pmml4s.model.Model;

/** Scores wine records with PMML4S, through the method that looks up no names. */
final class Pmml4sScorer {

    private final Model model;
    private final List<ToDoubleFunction<WineRecord>> fields;

    Pmml4sScorer(byte[] pmml) {
        model = Model.fromBytes(pmml);
        fields = Arrays.stream(model.inputNames()).map(Wine::field).collect(Collectors.toList());
    }

    /** The first output: the predicted number or class. */
    Object predicted(WineRecord record) {
        Object[] values = new Object[fields.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = fields.get(i).applyAsDouble(record);
        }
        return model.predict(Series.fromArray(values)).get(0);
    }
}
