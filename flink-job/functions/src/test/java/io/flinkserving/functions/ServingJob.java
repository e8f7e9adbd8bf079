package io.flinkserving.functions;

import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.testing.Wine;
import io.flinkserving.wire.ModelDescriptor;
import java.time.Duration;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Parts of the jobs that the integration tests run. */
final class ServingJob {

    /** Which join, on which state backend. */
    enum Kind {
        KEYED_HEAP("hashmap", true),
        KEYED_ROCKSDB("rocksdb", true),
        PARTITIONED("hashmap", false);

        private final String backend;
        private final boolean keyed;

        Kind(String backend, boolean keyed) {
            this.backend = backend;
            this.keyed = keyed;
        }
    }

    final StreamExecutionEnvironment environment;
    private final Kind kind;

    ServingJob(Kind kind, Configuration more, int parallelism, int restarts) {
        this.kind = kind;
        Configuration configuration = new Configuration();
        configuration.set(PipelineOptions.GENERIC_TYPES, false);
        configuration.set(StateBackendOptions.STATE_BACKEND, kind.backend);
        configuration.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, restarts);
        configuration.set(
                RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofMillis(10));
        configuration.set(ModelServingOptions.MAX_RECORD_SIZE, MemorySize.parse("64kb"));
        configuration.set(ModelServingOptions.MAX_MODEL_SIZE, MemorySize.parse("1mb"));
        configuration.addAll(more);
        environment = StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        environment.setParallelism(parallelism);
    }

    /** Records, by number, so many per second. */
    DataStream<Wine> records(GeneratorFunction<Long, Wine> record, long count, int perSecond) {
        return environment
                .fromSource(
                        new DataGeneratorSource<>(
                                record,
                                count,
                                RateLimiterStrategy.perSecond(perSecond),
                                TypeInformation.of(Wine.class)),
                        WatermarkStrategy.noWatermarks(),
                        "records")
                .uid("records");
    }

    /** Messages, one after the other, so many per second; then the stream ends. */
    DataStream<byte[]> models(List<byte[]> messages, double perSecond) {
        return models(messages, messages.size(), perSecond);
    }

    /**
     * Messages, one after the other, so many per second, the last again and again, which changes
     * nothing. A savepoint fails that is triggered in the moment in which a source ends.
     */
    DataStream<byte[]> endlessModels(List<byte[]> messages, double perSecond) {
        return models(messages, Long.MAX_VALUE, perSecond);
    }

    private DataStream<byte[]> models(List<byte[]> messages, long count, double perSecond) {
        byte[][] all = messages.toArray(new byte[0][]);
        return environment
                .fromSource(
                        new DataGeneratorSource<>(
                                number -> all[(int) Math.min(number, all.length - 1)],
                                count,
                                RateLimiterStrategy.perSecond(perSecond),
                                PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO),
                        WatermarkStrategy.noWatermarks(),
                        "models")
                .uid("models")
                .setParallelism(1);
    }

    ServedStream serve(DataStream<Wine> records, DataStream<byte[]> models) {
        ModelServing<Wine> serving =
                ModelServing.of(records).withModelDescriptors(models, new Wine.ToServe());
        return (kind.keyed ? serving.keyed() : serving.partitioned()).predict();
    }

    static byte[] bytes(ModelDescriptor.Builder descriptor) {
        return descriptor.build().toByteArray();
    }
}
