package io.flinkserving.benchmarks;

import io.flinkserving.wire.WineRecord;
import java.io.ByteArrayInputStream;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.jpmml.evaluator.Computable;
import org.jpmml.evaluator.Evaluator;
import org.jpmml.evaluator.InputField;
import org.jpmml.evaluator.LoadingModelEvaluatorBuilder;
import org.jpmml.evaluator.visitors.ModelEvaluatorVisitorBattery;

/**
 * Scores wine records with JPMML-Evaluator, set up as its documentation advises for speed: all its
 * optimizing, interning and finalizing visitors, no locators in the parsed document, one argument
 * map that is filled anew for each record.
 */
public final class JpmmlScorer {

    private final Evaluator evaluator;
    private final String[] names;
    private final List<ToDoubleFunction<WineRecord>> fields;
    private final String target;
    private final Map<String, Object> arguments = new HashMap<>();

    public JpmmlScorer(byte[] pmml) throws Exception {
        evaluator =
                new LoadingModelEvaluatorBuilder()
                        .setLocatable(false)
                        .setVisitors(new ModelEvaluatorVisitorBattery(false))
                        .load(new ByteArrayInputStream(pmml))
                        .build();
        evaluator.verify();
        names = evaluator.getInputFields().stream().map(InputField::getName).toArray(String[]::new);
        fields = Arrays.stream(names).map(Wine::field).collect(Collectors.toList());
        target = evaluator.getTargetFields().get(0).getName();
    }

    public double score(WineRecord record) {
        return ((Number) predicted(record)).doubleValue();
    }

    /** The predicted number or class. */
    public Object predicted(WineRecord record) {
        return value(evaluate(record).get(target));
    }

    /** Target and output fields; see {@link #value}. */
    public Map<String, ?> evaluate(WineRecord record) {
        for (int i = 0; i < names.length; i++) {
            arguments.put(names[i], fields.get(i).applyAsDouble(record));
        }
        return evaluator.evaluate(arguments);
    }

    /** What a field of a result stands for: a class is one with probabilities. */
    public static Object value(Object field) {
        return field instanceof Computable ? ((Computable) field).getResult() : field;
    }
}
