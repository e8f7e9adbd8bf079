package io.flinkserving.functions;

import io.flinkserving.data.DataToServe;
import io.flinkserving.data.RecordBlock;
import java.io.IOException;
import java.util.function.Consumer;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Blocks that are being filled: one for records of all data types, or one for each data type, of
 * which a few are kept. Records of one data type stay in order.
 */
final class RecordBlocks<R> {

    /** A power of two. */
    private static final int KEYED_BLOCKS = 64;

    /** So many places a data type may have its block in. */
    private static final int PLACES = 4;

    private final DataToServe<R> dataToServe;
    private final TypeSerializer<R> serializer;
    private final int mostRecords;
    private final BlockSizes sizes;
    private final Consumer<RecordBlock> output;

    /** By hash of the data type; null: none yet. */
    private final RecordBlockBuilder<R>[] builders;

    /** Blocks that have records. */
    private int begun;

    private int nextVictim;

    /**
     * @param keyed whether all records of a block have to be of one data type
     * @param sizes how large the blocks are to be
     * @param output takes blocks that are valid only while it is called
     */
    @SuppressWarnings("unchecked")
    RecordBlocks(
            DataToServe<R> dataToServe,
            TypeSerializer<R> serializer,
            boolean keyed,
            int mostRecords,
            BlockSizes sizes,
            Consumer<RecordBlock> output) {
        this.dataToServe = dataToServe;
        this.serializer = serializer;
        this.mostRecords = mostRecords;
        this.sizes = sizes;
        this.output = output;
        builders = new RecordBlockBuilder[keyed ? KEYED_BLOCKS : 1];
    }

    boolean isEmpty() {
        return begun == 0;
    }

    void add(String dataType, StreamRecord<R> record) throws IOException {
        RecordBlockBuilder<R> builder = builders.length == 1 ? at(0) : find(dataType);
        if (builder.size() == 0) {
            builder.begin(sizes.next());
        }
        if (!builder.add(dataType, record)) {
            emit(builder);
            builder.begin(sizes.next());
            builder.add(dataType, record);
        }
        if (builder.size() == 1) {
            begun++;
        }
        if (builder.isFull()) {
            emit(builder);
        }
    }

    private RecordBlockBuilder<R> at(int place) {
        if (builders[place] == null) {
            builders[place] = new RecordBlockBuilder<>(dataToServe, serializer, mostRecords);
        }
        return builders[place];
    }

    private RecordBlockBuilder<R> find(String dataType) {
        int first = dataType.hashCode();
        int free = -1;
        for (int i = 0; i < PLACES; i++) {
            int place = first + i & KEYED_BLOCKS - 1;
            RecordBlockBuilder<R> builder = builders[place];
            if (builder == null || builder.size() == 0) {
                free = free < 0 ? place : free;
            } else if (dataType.equals(builder.dataType())) {
                return builder;
            }
        }
        if (free < 0) {
            nextVictim = (nextVictim + 1) % PLACES;
            free = first + nextVictim & KEYED_BLOCKS - 1;
            emit(builders[free]);
        }
        return at(free);
    }

    /** Emits all records. */
    void flush() {
        for (RecordBlockBuilder<R> builder : builders) {
            if (builder != null && builder.size() > 0) {
                emit(builder);
            }
        }
    }

    private void emit(RecordBlockBuilder<R> builder) {
        output.accept(builder.block());
        builder.clear();
        begun--;
    }
}
