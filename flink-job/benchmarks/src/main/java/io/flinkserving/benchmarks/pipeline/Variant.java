package io.flinkserving.benchmarks.pipeline;

import io.flinkserving.benchmarks.Wine;
import io.flinkserving.functions.ModelServing;
import io.flinkserving.functions.ServedStream;
import io.flinkserving.wire.ModelDescriptor;
import java.util.Locale;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.api.java.typeutils.GenericTypeInfo;
import org.apache.flink.streaming.api.datastream.ConnectedStreams;
import org.apache.flink.streaming.api.datastream.DataStream;

/** What stands between records and sink. */
enum Variant {
    SERVING(null),
    IDENTITY(new Peer.Identity()),
    PARSE(new Peer.Parse()),
    JPMML(new Peer.Jpmml());

    private final Peer peer;

    Variant(Peer peer) {
        this.peer = peer;
    }

    String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    void build(DataStream<byte[]> records, DataStream<byte[]> models, boolean keyed) {
        if (peer == null) {
            buildServing(records, models, keyed);
        } else {
            (keyed ? keyed(records, models) : partitioned(records, models))
                    .sinkTo(new CountingSink<>());
        }
    }

    private static void buildServing(
            DataStream<byte[]> records, DataStream<byte[]> models, boolean keyed) {
        ModelServing<byte[]> serving =
                ModelServing.of(records).withModelDescriptors(models, new Wine.ToServe());
        ServedStream served = (keyed ? serving.keyed() : serving.partitioned()).predict();
        served.results().sinkTo(new CountingSink<>());
        served.errors().sinkTo(new ErrorSink<>());
    }

    private DataStream<Object> keyed(DataStream<byte[]> records, DataStream<byte[]> models) {
        Wine.ToServe wine = new Wine.ToServe();
        KeySelector<byte[], String> recordKey = wine::getType;
        KeySelector<byte[], String> modelKey =
                message -> ModelDescriptor.parseFrom(message).getDataType();
        ConnectedStreams<byte[], byte[]> connected =
                records.connect(models).keyBy(recordKey, modelKey, Types.STRING);
        return connected.process(new PeerKeyed(peer), new GenericTypeInfo<>(Object.class));
    }

    private DataStream<Object> partitioned(DataStream<byte[]> records, DataStream<byte[]> models) {
        return records.connect(models.broadcast())
                .flatMap(new PeerMap(peer), new GenericTypeInfo<>(Object.class));
    }
}
