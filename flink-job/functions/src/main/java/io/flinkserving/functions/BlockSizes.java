package io.flinkserving.functions;

import io.flinkserving.state.RecordBlockSerializer;
import java.io.IOException;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.streaming.runtime.streamrecord.StreamElement;
import org.apache.flink.streaming.runtime.streamrecord.StreamElementSerializer;

/**
 * How large blocks are to be on the network, so that none lies in two of its buffers: Flink copies
 * such a block once more, into memory that it makes for that. Full blocks are as large as a half of
 * a buffer, whose default is 32 kB. One that had to leave before it was full is made up for by the
 * next.
 */
final class BlockSizes {

    /** In smaller blocks each data type has so few records that calls cost more. */
    static final int ENOUGH_BYTES = 16 << 10;

    private static final int LEAST_BYTES = ENOUGH_BYTES / 4;

    /** Flink's own before each element. */
    private static final int LENGTH_BYTES = 4;

    private final boolean isOneStream;
    private final DataOutputSerializer out = new DataOutputSerializer(64);
    private final StreamElementSerializer<?> elements =
            new StreamElementSerializer<>(RecordBlockSerializer.INSTANCE);

    /** Bytes since the beginning of a half of a buffer. */
    private int position;

    /**
     * @param isOneStream whether all elements come through the same buffers, one after the other:
     *     else it is not known how far these are filled
     */
    BlockSizes(boolean isOneStream) {
        this.isOneStream = isOneStream;
    }

    /** Bytes of the next block on the network. */
    int next() {
        int rest = ENOUGH_BYTES - position;
        return rest < LEAST_BYTES ? rest + ENOUGH_BYTES : rest;
    }

    /** A block went to the network. */
    void sent(int bytes) {
        if (isOneStream) {
            position = (position + bytes) % ENOUGH_BYTES;
        }
    }

    /** The same for anything that is not a record. */
    void sent(StreamElement element) throws IOException {
        if (isOneStream) {
            out.clear();
            elements.serialize(element, out);
            sent(LENGTH_BYTES + out.length());
        }
    }

    /** A barrier goes to the network: what follows it begins a buffer. */
    void barrier() {
        position = 0;
    }
}
