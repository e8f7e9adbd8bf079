package io.flinkserving.benchmarks.pipeline;

import org.apache.flink.streaming.api.functions.co.KeyedCoProcessFunction;
import org.apache.flink.util.Collector;

/** A peer in the place of DataProcessorKeyed. */
final class PeerKeyed extends KeyedCoProcessFunction<String, byte[], byte[], Object> {

    private static final long serialVersionUID = 1L;

    private final Peer peer;

    PeerKeyed(Peer peer) {
        this.peer = peer;
    }

    @Override
    public void processElement1(byte[] record, Context context, Collector<Object> out)
            throws Exception {
        PeerMap.emit(peer.record(record), out);
    }

    @Override
    public void processElement2(byte[] message, Context context, Collector<Object> out)
            throws Exception {
        peer.model(message);
    }
}
