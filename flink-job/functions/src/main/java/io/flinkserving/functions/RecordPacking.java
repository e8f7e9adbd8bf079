package io.flinkserving.functions;

import io.flinkserving.data.DataToServe;
import io.flinkserving.data.RecordBlock;
import io.flinkserving.state.ServingTypes;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.transformations.PhysicalTransformation;

/** Whether and how the records of a job are packed into blocks on their way to the join. */
final class RecordPacking<R> {

    /** Flink's own buffers wait for 100 ms unless told otherwise. */
    private static final long MOST_MILLIS = 5;

    private final DataStream<R> records;
    private final int batchSize;
    private final String prefix;

    RecordPacking(DataStream<R> records, int batchSize, String prefix) {
        this.records = records;
        this.batchSize = batchSize;
        this.prefix = prefix;
    }

    /**
     * Only where the packer becomes part of the task that produces the records. Elsewhere it would
     * add a way through the network.
     */
    boolean isWorthwhile() {
        StreamExecutionEnvironment environment = records.getExecutionEnvironment();
        return batchSize > 1
                && environment.isChainingEnabled()
                && environment.getBufferTimeout() != 0
                && environment.getConfiguration().get(ExecutionOptions.RUNTIME_MODE)
                        == RuntimeExecutionMode.STREAMING
                && records.getTransformation() instanceof PhysicalTransformation;
    }

    /**
     * @param keyed whether all records of a block have to be of one data type
     */
    DataStream<RecordBlock> pack(DataToServe<R> dataToServe, boolean keyed) {
        long timeout = records.getExecutionEnvironment().getBufferTimeout();
        long mostMillis = timeout < 0 ? MOST_MILLIS : Math.min(MOST_MILLIS, timeout);
        SingleOutputStreamOperator<RecordBlock> packed =
                records.transform(
                                prefix + ": pack records",
                                ServingTypes.RECORD_BLOCK,
                                new RecordPacker<>(
                                        dataToServe, serializer(), keyed, batchSize, mostMillis))
                        .uid(prefix + "-pack-records");
        // As the task that produces the records, so that it is the same.
        packed.setParallelism(records.getParallelism());
        int maxParallelism = records.getTransformation().getMaxParallelism();
        if (maxParallelism > 0) {
            packed.setMaxParallelism(maxParallelism);
        }
        return packed;
    }

    /** How the join reads the blocks. */
    RecordInput<RecordBlock, R> input() {
        return RecordInput.ofBlocks(serializer());
    }

    private TypeSerializer<R> serializer() {
        return records.getType()
                .createSerializer(records.getExecutionConfig().getSerializerConfig());
    }
}
