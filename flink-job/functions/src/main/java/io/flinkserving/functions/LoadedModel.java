package io.flinkserving.functions;

import io.flinkserving.model.BoundScorer;
import io.flinkserving.model.Model;
import io.flinkserving.model.ModelToServe;

/** A model that is ready to take over. */
final class LoadedModel<R> {

    /** With digest and version, which a model by location may not have had before. */
    final ModelToServe model;

    final Model compiled;
    final BoundScorer<R> scorer;

    /** What state stores; null when the model comes by location or was stored packed already. */
    final byte[] packed;

    LoadedModel(ModelToServe model, Model compiled, BoundScorer<R> scorer, byte[] packed) {
        this.model = model;
        this.compiled = compiled;
        this.scorer = scorer;
        this.packed = packed;
    }

    void close() {
        try {
            scorer.close();
        } finally {
            compiled.close();
        }
    }
}
