package io.flinkserving.testing;

import io.flinkserving.functions.ServedStream;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingOutcome;
import io.flinkserving.model.ServingResult;
import io.flinkserving.wire.ErrorCode;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/** A sink that a test looks into while the job runs. Results arrive at least once. */
public final class Outcomes {

    private static final Map<String, Queue<ServingOutcome>> BY_TEST = new ConcurrentHashMap<>();

    private final String test;

    public Outcomes(String test) {
        this.test = test;
        BY_TEST.put(test, new ConcurrentLinkedQueue<>());
    }

    public Outcomes of(ServedStream served) {
        served.results().sinkTo(new IntoQueue<>(test)).name("results").uid("results");
        served.errors().sinkTo(new IntoQueue<>(test)).name("errors").uid("errors");
        return this;
    }

    public void clear() {
        BY_TEST.get(test).clear();
    }

    public List<ServingResult> results() {
        return BY_TEST.get(test).stream()
                .filter(outcome -> outcome instanceof ServingResult)
                .map(outcome -> (ServingResult) outcome)
                .collect(Collectors.toList());
    }

    public List<ServingError> errors() {
        return BY_TEST.get(test).stream()
                .filter(outcome -> outcome instanceof ServingError)
                .map(outcome -> (ServingError) outcome)
                .collect(Collectors.toList());
    }

    /** How many there are of each kind, with the last error of each code. */
    @Override
    public String toString() {
        Map<String, Long> models =
                results().stream()
                        .collect(
                                Collectors.groupingBy(
                                        ServingResult::modelName, Collectors.counting()));
        Map<ErrorCode, List<ServingError>> errors =
                errors().stream().collect(Collectors.groupingBy(ServingError::code));
        StringBuilder text = new StringBuilder("results by model: " + models + "; errors:");
        errors.forEach(
                (code, all) ->
                        text.append("\n  ")
                                .append(all.size())
                                .append(' ')
                                .append(code)
                                .append(", the last: ")
                                .append(all.get(all.size() - 1).message()));
        return text.toString();
    }

    private static final class IntoQueue<T extends ServingOutcome> implements Sink<T> {

        private static final long serialVersionUID = 1L;

        private final String test;

        IntoQueue(String test) {
            this.test = test;
        }

        /** Abstract in Flink 1.20 and gone in Flink 2. */
        @SuppressWarnings("deprecation")
        public SinkWriter<T> createWriter(InitContext context) throws IOException {
            throw new UnsupportedOperationException();
        }

        @Override
        public SinkWriter<T> createWriter(WriterInitContext context) {
            return new SinkWriter<>() {
                @Override
                public void write(T element, Context ignored) {
                    BY_TEST.get(test).add(element);
                }

                @Override
                public void flush(boolean endOfInput) {}

                @Override
                public void close() {}
            };
        }
    }
}
