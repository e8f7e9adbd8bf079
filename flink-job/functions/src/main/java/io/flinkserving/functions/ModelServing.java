package io.flinkserving.functions;

import io.flinkserving.data.DataToServe;
import io.flinkserving.data.RecordBlock;
import io.flinkserving.model.ModelFactoriesResolver;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.NativeModelFactoriesResolver;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.state.ServingTypes;
import java.util.Objects;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;

/**
 * Serves models to a stream of records:
 *
 * <pre>{@code
 * ServedStream served =
 *         ModelServing.of(records)
 *                 .withModelDescriptors(descriptors, new WineToServe())
 *                 .keyed()
 *                 .predict();
 * served.results().sinkTo(...);
 * served.errors().sinkTo(...);
 * }</pre>
 *
 * Each operator gets a name and a uid; the uid begins with {@link #uidPrefix}, by default {@code
 * model-serving}, which has to differ where a job serves twice.
 */
public final class ModelServing<R> {

    private static final String DEFAULT_PREFIX = "model-serving";

    private final DataStream<R> records;
    private DataStream<ModelToServe> models;
    private DataStream<byte[]> descriptors;
    private DataToServe<R> dataToServe;
    private boolean keyed = true;
    private String prefix = DEFAULT_PREFIX;
    private ModelFactoriesResolver resolver = new NativeModelFactoriesResolver();
    private final Configuration options = new Configuration();

    private ModelServing(DataStream<R> records) {
        this.records = Objects.requireNonNull(records);
    }

    public static <R> ModelServing<R> of(DataStream<R> records) {
        return new ModelServing<>(records);
    }

    /** The models, already read and checked. */
    public ModelServing<R> withModelServing(
            DataStream<ModelToServe> modelStream, DataToServe<R> data) {
        models = Objects.requireNonNull(modelStream);
        descriptors = null;
        dataToServe = Objects.requireNonNull(data);
        return this;
    }

    /** The models as bytes of {@code ModelDescriptor} messages, as they come from a topic. */
    public ModelServing<R> withModelDescriptors(
            DataStream<byte[]> descriptorStream, DataToServe<R> data) {
        descriptors = Objects.requireNonNull(descriptorStream);
        models = null;
        dataToServe = Objects.requireNonNull(data);
        return this;
    }

    /** Each data type is served by one subtask; the default. For many data types. */
    public ModelServing<R> keyed() {
        keyed = true;
        return this;
    }

    /**
     * All subtasks have all models; records stay in the partition that they are in. For few data
     * types with many records.
     */
    public ModelServing<R> partitioned() {
        keyed = false;
        return this;
    }

    /** Which factory makes which models; by default those of the native library. */
    public ModelServing<R> resolver(ModelFactoriesResolver factories) {
        resolver = Objects.requireNonNull(factories);
        return this;
    }

    /** Values of {@link ModelServingOptions}; they go before those of the environment. */
    public ModelServing<R> options(ReadableConfig values) {
        options.addAll(ServingSettings.merge(options, values));
        return this;
    }

    /** What the uids and names of the operators begin with. */
    public ModelServing<R> uidPrefix(String value) {
        prefix = Objects.requireNonNull(value);
        return this;
    }

    /** Adds the operators to the job. */
    public ServedStream predict() {
        if (dataToServe == null) {
            throw new IllegalStateException("no models: call withModelServing before predict");
        }
        Configuration effective =
                ServingSettings.merge(
                        records.getExecutionEnvironment().getConfiguration(), options);
        if (descriptors == null) {
            return join(models, effective);
        }
        SingleOutputStreamOperator<ModelToServe> read =
                descriptors
                        .process(new ModelToServeReader(effective))
                        .returns(ServingTypes.MODEL)
                        .name(prefix + ": read models")
                        .uid(prefix + "-read-models");
        // One after the other: all subtasks and all runs must see the messages in one order.
        read.setParallelism(1).setMaxParallelism(1);
        ServedStream served = join(read, effective);
        return new ServedStream(
                served.results(), served.errors().union(read.getSideOutput(ServingError.TAG)));
    }

    private ServedStream join(DataStream<ModelToServe> checked, Configuration effective) {
        SingleOutputStreamOperator<ServingResult> results =
                keyed ? joinKeyed(checked, effective) : joinPartitioned(checked, effective);
        return new ServedStream(results, results.getSideOutput(ServingError.TAG));
    }

    private SingleOutputStreamOperator<ServingResult> joinKeyed(
            DataStream<ModelToServe> checked, Configuration effective) {
        DataProcessorKeyed<R> function =
                new DataProcessorKeyed<>(dataToServe, resolver, effective, prefix + "-stats");
        RecordPacking<R> packing = packing(effective);
        return packing.isWorthwhile()
                ? joinKeyed(
                        packing.pack(dataToServe, true),
                        RecordBlock::dataType,
                        packing.input(),
                        checked,
                        function)
                : joinKeyed(
                        records,
                        new DataTypeKey<>(dataToServe),
                        RecordInput.ofRecords(),
                        checked,
                        function);
    }

    private <E> SingleOutputStreamOperator<ServingResult> joinKeyed(
            DataStream<E> elements,
            KeySelector<E, String> key,
            RecordInput<E, R> input,
            DataStream<ModelToServe> checked,
            DataProcessorKeyed<R> function) {
        return elements.connect(checked)
                .keyBy(key, ModelToServe::dataType, TypeInformation.of(String.class))
                .transform(
                        prefix + ": serve keyed",
                        ServingTypes.RESULT,
                        new KeyedServingOperator<>(input, function))
                .uid(prefix + "-serve-keyed");
    }

    private SingleOutputStreamOperator<ServingResult> joinPartitioned(
            DataStream<ModelToServe> checked, Configuration effective) {
        DataProcessorMap<R> function = new DataProcessorMap<>(dataToServe, resolver, effective);
        RecordPacking<R> packing = packing(effective);
        return packing.isWorthwhile()
                ? joinPartitioned(
                        packing.pack(dataToServe, false), packing.input(), checked, function)
                : joinPartitioned(records, RecordInput.ofRecords(), checked, function);
    }

    private <E> SingleOutputStreamOperator<ServingResult> joinPartitioned(
            DataStream<E> elements,
            RecordInput<E, R> input,
            DataStream<ModelToServe> checked,
            DataProcessorMap<R> function) {
        return elements.connect(oneOrder(checked).broadcast())
                .transform(
                        prefix + ": serve partitioned",
                        ServingTypes.RESULT,
                        new PartitionedServingOperator<>(input, function))
                .uid(prefix + "-serve-partitioned");
    }

    private RecordPacking<R> packing(Configuration effective) {
        return new RecordPacking<>(records, new ServingSettings(effective).batchSize, prefix);
    }

    /** All subtasks must see the messages in the same order, so one subtask sends them. */
    private DataStream<ModelToServe> oneOrder(DataStream<ModelToServe> checked) {
        if (checked.getParallelism() == 1) {
            return checked;
        }
        return checked.map(model -> model)
                .returns(ServingTypes.MODEL)
                .name(prefix + ": order models")
                .uid(prefix + "-order-models")
                .setParallelism(1);
    }
}
