package io.flinkserving.model;

import java.io.Serializable;
import java.util.Optional;

/** Which factory makes models of which type. */
public interface ModelFactoriesResolver extends Serializable {

    /**
     * @param modelType number of the type, as in {@code ModelDescriptor.modeltype}; numbers that
     *     the enum does not have are for models written in Java (use 1000 and above)
     * @return empty when there is none: the model is refused
     */
    Optional<ModelFactory> getFactory(int modelType);

    /** This resolver with another factory for one type, in place of what it had for it. */
    default ModelFactoriesResolver with(int modelType, ModelFactory factory) {
        ModelFactoriesResolver others = this;
        return type -> type == modelType ? Optional.of(factory) : others.getFactory(type);
    }
}
