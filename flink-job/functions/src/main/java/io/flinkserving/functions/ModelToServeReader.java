package io.flinkserving.functions;

import io.flinkserving.metrics.MetricNames;
import io.flinkserving.model.ModelException;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ServingError;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.wire.ModelDescriptor;
import java.util.Arrays;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.metrics.Counter;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Reads the bytes of {@code ModelDescriptor} messages. What is not one, or does not hold, goes to
 * {@link ServingError#TAG}.
 */
public final class ModelToServeReader extends ProcessFunction<byte[], ModelToServe> {

    private static final long serialVersionUID = 1L;

    private final long maxModelSize;
    private final int maxErrorInput;

    private transient Counter rejected;

    public ModelToServeReader(ReadableConfig options) {
        maxModelSize = options.get(ModelServingOptions.MAX_MODEL_SIZE).getBytes();
        maxErrorInput = ServingSettings.maxErrorInput(options);
    }

    @Override
    public void open(OpenContext context) {
        rejected =
                getRuntimeContext()
                        .getMetricGroup()
                        .addGroup(MetricNames.GROUP)
                        .counter(MetricNames.REJECTED_MODELS);
    }

    @Override
    public void processElement(byte[] message, Context context, Collector<ModelToServe> out) {
        long now = context.timerService().currentProcessingTime();
        ModelToServe model;
        try {
            model = ModelToServe.read(message, maxModelSize);
        } catch (ModelException e) {
            rejected.inc();
            context.output(ServingError.TAG, error(message, e, now));
            return;
        }
        out.collect(model.arrivedOn(now));
    }

    private ServingError error(byte[] message, ModelException cause, long now) {
        String dataType = null;
        String name = null;
        String version = null;
        try {
            ModelDescriptor descriptor = ModelDescriptor.parseFrom(message);
            dataType = descriptor.getDataType();
            name = descriptor.getName();
            version = descriptor.getVersion();
        } catch (com.google.protobuf.InvalidProtocolBufferException e) {
            // Nothing is known about it but its bytes.
        }
        return new ServingError(
                cause.getCode().getNumber(),
                cause.getMessage(),
                null,
                dataType,
                name,
                version,
                now,
                Arrays.copyOf(message, Math.min(message.length, maxErrorInput)));
    }
}
