package io.flinkserving.benchmarks.pipeline;

import io.flinkserving.benchmarks.JpmmlScorer;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.WineRecord;
import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;

/** What a peer's operator does with a record. */
abstract class Peer implements Serializable {

    private static final long serialVersionUID = 1L;

    void model(byte[] message) throws Exception {}

    abstract Object record(byte[] record) throws Exception;

    /** The least that an operator can do. */
    static final class Identity extends Peer {

        private static final long serialVersionUID = 1L;

        @Override
        Object record(byte[] record) {
            return record;
        }
    }

    /** What every operator in Java that looks into the record has to do first. */
    static final class Parse extends Peer {

        private static final long serialVersionUID = 1L;

        @Override
        Object record(byte[] record) throws Exception {
            return WineRecord.parseFrom(record);
        }
    }

    /** Parses the record and scores it with JPMML-Evaluator. */
    static final class Jpmml extends Peer {

        private static final long serialVersionUID = 1L;

        private transient Map<String, JpmmlScorer> scorers;

        @Override
        void model(byte[] message) throws Exception {
            if (scorers == null) {
                scorers = new HashMap<>();
            }
            ModelDescriptor descriptor = ModelDescriptor.parseFrom(message);
            scorers.put(
                    descriptor.getDataType(), new JpmmlScorer(descriptor.getData().toByteArray()));
        }

        @Override
        Object record(byte[] record) throws Exception {
            WineRecord wine = WineRecord.parseFrom(record);
            JpmmlScorer scorer = scorers == null ? null : scorers.get(wine.getDataType());
            return scorer == null ? null : (Object) scorer.score(wine);
        }
    }
}
