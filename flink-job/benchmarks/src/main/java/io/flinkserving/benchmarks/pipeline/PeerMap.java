package io.flinkserving.benchmarks.pipeline;

import org.apache.flink.streaming.api.functions.co.RichCoFlatMapFunction;
import org.apache.flink.util.Collector;

/** A peer in the place of DataProcessorMap. */
final class PeerMap extends RichCoFlatMapFunction<byte[], byte[], Object> {

    private static final long serialVersionUID = 1L;

    private final Peer peer;

    PeerMap(Peer peer) {
        this.peer = peer;
    }

    @Override
    public void flatMap1(byte[] record, Collector<Object> out) throws Exception {
        emit(peer.record(record), out);
    }

    @Override
    public void flatMap2(byte[] message, Collector<Object> out) throws Exception {
        peer.model(message);
    }

    /** Null, for want of a model, is an error as it is for the operators of the library. */
    static void emit(Object result, Collector<Object> out) {
        if (result == null) {
            Run.countError("no model");
        } else {
            out.collect(result);
        }
    }
}
