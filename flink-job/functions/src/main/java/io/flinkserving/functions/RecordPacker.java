package io.flinkserving.functions;

import io.flinkserving.data.DataToServe;
import io.flinkserving.data.RecordBlock;
import java.util.Arrays;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.ChainingStrategy;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.LatencyMarker;
import org.apache.flink.streaming.runtime.streamrecord.RecordAttributes;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;

/**
 * Packs records into blocks before they cross the network to the operator that scores them. It runs
 * in the task that produces them. No record waits longer than a given time, nor is passed by
 * anything that is not a record: watermarks and checkpoint barriers find no block begun.
 */
final class RecordPacker<R> extends AbstractStreamOperator<RecordBlock>
        implements OneInputStreamOperator<R, RecordBlock> {

    private static final long serialVersionUID = 1L;

    private final DataToServe<R> dataToServe;
    private final TypeSerializer<R> serializer;
    private final boolean keyed;
    private final int mostRecords;
    private final long mostMillis;

    private transient DataTypeKey<R> dataType;
    private transient BlockSizes sizes;
    private transient RecordBlocks<R> blocks;
    private transient boolean isTimed;

    /**
     * @param keyed whether all records of a block have to be of one data type
     * @param mostRecords of a block
     * @param mostMillis how long a record waits for others
     */
    RecordPacker(
            DataToServe<R> dataToServe,
            TypeSerializer<R> serializer,
            boolean keyed,
            int mostRecords,
            long mostMillis) {
        this.dataToServe = dataToServe;
        this.serializer = serializer;
        this.keyed = keyed;
        this.mostRecords = mostRecords;
        this.mostMillis = mostMillis;
        chainingStrategy = ChainingStrategy.ALWAYS;
    }

    @Override
    public void open() throws Exception {
        super.open();
        dataType = new DataTypeKey<>(dataToServe);
        sizes = new BlockSizes(!keyed && hasOneReceiver());
        blocks = new RecordBlocks<>(dataToServe, serializer, keyed, mostRecords, sizes, this::emit);
    }

    /** Whether all elements come through the same network buffers. */
    private boolean hasOneReceiver() {
        return Arrays.stream(getContainingTask().getEnvironment().getAllWriters())
                .allMatch(writer -> writer.getNumberOfSubpartitions() == 1);
    }

    @Override
    public void processElement(StreamRecord<R> record) throws Exception {
        blocks.add(dataType.getKey(record.getValue()), record);
        if (!isTimed && !blocks.isEmpty()) {
            isTimed = true;
            long now = getProcessingTimeService().getCurrentProcessingTime();
            getProcessingTimeService().registerTimer(now + mostMillis, time -> onTimer());
        }
    }

    private void onTimer() {
        isTimed = false;
        blocks.flush();
    }

    private void emit(RecordBlock block) {
        // Flink counts elements: the rest of the records.
        getMetricGroup().getIOMetricGroup().getNumRecordsOutCounter().inc(block.size() - 1);
        output.collect(new StreamRecord<>(block));
        sizes.sent(block.serializedLength());
    }

    @Override
    public void processWatermark(Watermark mark) throws Exception {
        blocks.flush();
        sizes.sent(mark);
        super.processWatermark(mark);
    }

    @Override
    public void processWatermarkStatus(WatermarkStatus status) throws Exception {
        blocks.flush();
        sizes.sent(status);
        super.processWatermarkStatus(status);
    }

    @Override
    public void processLatencyMarker(LatencyMarker marker) throws Exception {
        blocks.flush();
        sizes.sent(marker);
        super.processLatencyMarker(marker);
    }

    @Override
    public void processRecordAttributes(RecordAttributes attributes) throws Exception {
        blocks.flush();
        sizes.sent(attributes);
        super.processRecordAttributes(attributes);
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) throws Exception {
        blocks.flush();
        sizes.barrier();
        super.prepareSnapshotPreBarrier(checkpointId);
    }

    @Override
    public void finish() throws Exception {
        blocks.flush();
        super.finish();
    }
}
