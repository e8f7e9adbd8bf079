package io.flinkserving.testing;

import io.flinkserving.data.DataToServe;
import io.flinkserving.model.Model;
import io.flinkserving.model.ModelException;
import io.flinkserving.model.ModelFactory;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.OutputField;
import io.flinkserving.model.OutputSchema;
import io.flinkserving.model.Outputs;
import io.flinkserving.model.Scorer;
import io.flinkserving.model.ScoringException;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.FieldType;
import io.flinkserving.wire.ModelDescriptor;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Models written in Java, as users may: they add an offset to a {@link Reading}. The content is the
 * offset, or "offset gate" to wait while it is loaded until the test opens that gate, or "bytes
 * offset N" to occupy N bytes. A negative value of a record is invalid; the value 666 crashes the
 * scorer.
 */
public final class OffsetModels implements ModelFactory {

    private static final long serialVersionUID = 1L;

    /** Number of the model type. */
    public static final int TYPE = 1000;

    public static final double CRASH = 666;

    private static final OutputSchema OUTPUTS =
            OutputSchema.of(OutputField.of("sum", FieldType.FIELD_DOUBLE));

    private static final Map<String, CountDownLatch> GATES = new ConcurrentHashMap<>();

    public static final AtomicInteger LIVE_MODELS = new AtomicInteger();
    public static final AtomicInteger LIVE_SCORERS = new AtomicInteger();
    public static final AtomicInteger CREATED = new AtomicInteger();

    /** A descriptor of such a model. */
    public static ModelDescriptor.Builder descriptor(String type, String name, String content) {
        return ModelDescriptor.newBuilder()
                .setName(name)
                .setDataType(type)
                .setModeltypeValue(TYPE)
                .setData(com.google.protobuf.ByteString.copyFromUtf8(content));
    }

    /** Loads of models with this gate go on from now. */
    public static void open(String gate) {
        gate(gate).countDown();
    }

    private static CountDownLatch gate(String name) {
        return GATES.computeIfAbsent(name, any -> new CountDownLatch(1));
    }

    @Override
    public Model create(ModelToServe model, byte[] content) throws ModelException {
        CREATED.incrementAndGet();
        String[] words = new String(content, StandardCharsets.UTF_8).split(" ");
        long bytes = 0;
        double offset;
        try {
            if (words[0].equals("bytes")) {
                bytes = Long.parseLong(words[2]);
                offset = Double.parseDouble(words[1]);
            } else {
                offset = Double.parseDouble(words[0]);
                if (words.length > 1) {
                    gate(words[1]).await();
                }
            }
        } catch (NumberFormatException e) {
            throw new ModelException(
                    ErrorCode.MODEL_UNPARSABLE, "line 1: '" + words[0] + "' is not a number");
        } catch (InterruptedException e) {
            throw new ModelException(ErrorCode.LOADING_CRASHED, "interrupted");
        }
        return new Offset(offset, content, bytes);
    }

    private static final class Offset implements Model {
        private final double offset;
        private final byte[] content;
        private final long bytes;
        private boolean closed;

        Offset(double offset, byte[] content, long bytes) {
            this.offset = offset;
            this.content = content;
            this.bytes = bytes;
            LIVE_MODELS.incrementAndGet();
        }

        @Override
        public int getType() {
            return TYPE;
        }

        @Override
        public byte[] toBytes() {
            return content;
        }

        @Override
        public long nativeBytes() {
            return bytes;
        }

        @Override
        public <R> Scorer<R> open(ModelToServe model, DataToServe<R> data) {
            return new OffsetScorer<>(offset);
        }

        @Override
        public synchronized void close() {
            if (!closed) {
                closed = true;
                LIVE_MODELS.decrementAndGet();
            }
        }
    }

    private static final class OffsetScorer<R> implements Scorer<R> {
        private final double offset;
        private boolean closed;

        OffsetScorer(double offset) {
            this.offset = offset;
            LIVE_SCORERS.incrementAndGet();
        }

        @Override
        public OutputSchema outputs() {
            return OUTPUTS;
        }

        @Override
        public void score(R record, Outputs outputs) throws ScoringException {
            if (closed) {
                throw new IllegalStateException("the scorer is closed");
            }
            double value = ((Reading) record).value;
            if (value == CRASH) {
                throw new ArithmeticException("the model can't stand " + value);
            }
            if (value < 0) {
                throw new ScoringException(
                        ErrorCode.FIELD_INVALID, "field value: " + value + " is negative");
            }
            outputs.setDouble(0, value + offset);
        }

        @Override
        public synchronized void close() {
            if (!closed) {
                closed = true;
                LIVE_SCORERS.decrementAndGet();
            }
        }
    }
}
