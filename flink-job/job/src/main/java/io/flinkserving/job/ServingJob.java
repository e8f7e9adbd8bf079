package io.flinkserving.job;

import io.flinkserving.data.DataToServe;
import io.flinkserving.functions.ModelServing;
import io.flinkserving.functions.ServedStream;
import io.flinkserving.kafka.BadDataHandler;
import io.flinkserving.kafka.ErrorWriter;
import io.flinkserving.kafka.KafkaMessage;
import io.flinkserving.kafka.KafkaMessageType;
import io.flinkserving.kafka.MessageDeserializer;
import io.flinkserving.kafka.MessageSerializer;
import io.flinkserving.kafka.ModelMessageReader;
import io.flinkserving.kafka.ResultWriter;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ServingError;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.state.ServingTypes;
import io.flinkserving.tools.CommandLine;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Records and models from Kafka, results and errors to Kafka. What the records are is the business
 * of the {@link DataToServe} alone.
 */
final class ServingJob {

    /** A message is its model, and a descriptor that should be small beside it. */
    private static final long DESCRIPTOR_BYTES = MemorySize.ofMebiBytes(1).getBytes();

    private final JobOptions options;
    private final Configuration serving = new Configuration();

    private ServingJob(JobOptions options, ReadableConfig flink) {
        this.options = options;
        for (ConfigOption<?> option : ModelServingOptions.all()) {
            copy(option, flink);
            copy(option, options.serving());
        }
    }

    private <T> void copy(ConfigOption<T> option, ReadableConfig from) {
        from.getOptional(option).ifPresent(value -> serving.set(option, value));
    }

    /** How records and models meet. */
    enum Join {
        KEYED,
        PARTITIONED
    }

    /** What both jobs do with their arguments. */
    static void run(
            String program, Join join, DataToServe<KafkaMessage> dataToServe, String... arguments)
            throws Exception {
        if (CommandLine.Declared.asksForHelp(arguments)) {
            System.out.print(JobOptions.declared(program).help());
            return;
        }
        JobOptions options = JobOptions.parse(program, arguments);
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.getExecutionEnvironment();
        build(environment, options, join, dataToServe);
        environment.execute(options.jobName());
    }

    /** Adds the whole job to the environment. */
    static void build(
            StreamExecutionEnvironment environment,
            JobOptions options,
            Join join,
            DataToServe<KafkaMessage> dataToServe) {
        environment.enableCheckpointing(
                options.checkpointInterval(environment.getConfiguration()).toMillis());
        // All types that travel here are immutable.
        environment.getConfig().enableObjectReuse();
        new ServingJob(options, environment.getConfiguration()).add(environment, join, dataToServe);
    }

    private void add(
            StreamExecutionEnvironment environment,
            Join join,
            DataToServe<KafkaMessage> dataToServe) {
        SingleOutputStreamOperator<KafkaMessage> records = records(environment);
        SingleOutputStreamOperator<ModelToServe> models = models(environment);
        ModelServing<KafkaMessage> dsl =
                ModelServing.of(records).withModelServing(models, dataToServe).options(serving);
        ServedStream served = (join == Join.KEYED ? dsl.keyed() : dsl.partitioned()).predict();

        SingleOutputStreamOperator<KafkaMessage> results =
                served.results()
                        .process(new ResultWriter(options.maxMessageBytes()))
                        .returns(KafkaMessageType.INSTANCE)
                        .name("Write results")
                        .uid("write-results");
        results.sinkTo(sink(options.resultsTopic(), "results"))
                .name("Kafka results: " + options.resultsTopic())
                .uid("results-sink");

        DataStream<ServingError> errors =
                served.errors()
                        .union(
                                records.getSideOutput(ServingError.TAG),
                                models.getSideOutput(ServingError.TAG),
                                results.getSideOutput(ServingError.TAG));
        errors.map(new ErrorWriter(options.maxMessageBytes()))
                .returns(KafkaMessageType.INSTANCE)
                .name("Write errors")
                .uid("write-errors")
                .sinkTo(sink(options.errorsTopic(), "errors"))
                .name("Kafka errors: " + options.errorsTopic())
                .uid("errors-sink");
    }

    private SingleOutputStreamOperator<KafkaMessage> records(
            StreamExecutionEnvironment environment) {
        BadDataHandler.Limits limits =
                BadDataHandler.Limits.ofRecords(
                        bytes(ModelServingOptions.MAX_RECORD_SIZE),
                        ModelServingOptions.MAX_RECORD_SIZE.key(),
                        bytes(ModelServingOptions.MAX_ERROR_INPUT));
        return environment
                .fromSource(
                        source(options.dataTopic(), "records", options.recordsFrom()),
                        WatermarkStrategy.noWatermarks(),
                        "Kafka records: " + options.dataTopic())
                .uid("records-source")
                .process(new BadDataHandler<>(message -> message, limits))
                .returns(KafkaMessageType.INSTANCE)
                .name("Check records")
                .uid("check-records");
    }

    /** In one subtask: all models that a data type has must arrive in one order. */
    private SingleOutputStreamOperator<ModelToServe> models(
            StreamExecutionEnvironment environment) {
        long maxModelSize = bytes(ModelServingOptions.MAX_MODEL_SIZE);
        BadDataHandler.Limits limits =
                BadDataHandler.Limits.ofModels(
                        maxModelSize + DESCRIPTOR_BYTES,
                        ModelServingOptions.MAX_MODEL_SIZE.key() + " + 1 MiB",
                        bytes(ModelServingOptions.MAX_ERROR_INPUT));
        return environment
                .fromSource(
                        source(options.modelsTopic(), "models", options.modelsFrom()),
                        WatermarkStrategy.noWatermarks(),
                        "Kafka models: " + options.modelsTopic())
                .uid("models-source")
                .setParallelism(1)
                .process(new BadDataHandler<>(new ModelMessageReader(maxModelSize), limits))
                .returns(ServingTypes.MODEL)
                .name("Read models")
                .uid("read-models")
                .setParallelism(1);
    }

    private KafkaSource<KafkaMessage> source(
            String topic, String purpose, OffsetsInitializer from) {
        String group = options.groupId();
        return KafkaSource.<KafkaMessage>builder()
                .setProperties(options.sourceProperties())
                .setBootstrapServers(options.bootstrapServers())
                .setTopics(topic)
                .setGroupId(group)
                .setClientIdPrefix(group + '-' + purpose)
                .setStartingOffsets(from)
                .setDeserializer(new MessageDeserializer())
                .build();
    }

    private KafkaSink<KafkaMessage> sink(String topic, String purpose) {
        DeliveryGuarantee guarantee = options.guarantee();
        return KafkaSink.<KafkaMessage>builder()
                .setKafkaProducerConfig(options.sinkProperties())
                .setBootstrapServers(options.bootstrapServers())
                .setDeliveryGuarantee(guarantee)
                .setTransactionalIdPrefix(options.groupId() + '-' + purpose)
                .setRecordSerializer(new MessageSerializer(topic))
                .build();
    }

    private long bytes(ConfigOption<MemorySize> option) {
        return serving.get(option).getBytes();
    }
}
