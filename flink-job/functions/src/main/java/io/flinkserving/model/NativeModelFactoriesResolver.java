package io.flinkserving.model;

import io.flinkserving.wire.ModelDescriptor.ModelType;
import java.util.Optional;

/** The factories of the native library: PMML, TensorFlow graph, SavedModel, PFA and ONNX. */
public final class NativeModelFactoriesResolver implements ModelFactoriesResolver {

    private static final long serialVersionUID = 1L;

    @Override
    public Optional<ModelFactory> getFactory(int modelType) {
        ModelType type = ModelType.forNumber(modelType);
        return type == null || type == ModelType.UNRECOGNIZED
                ? Optional.empty()
                : Optional.of(new NativeModelFactory());
    }
}
