package io.flinkserving.model;

import java.io.Serializable;
import org.apache.flink.configuration.ReadableConfig;

/**
 * Makes models of one type. Implement it, with {@link Model} and {@link Scorer}, to serve models
 * written in Java, and add it to a {@link ModelFactoriesResolver}. It runs on loader threads,
 * several at once.
 */
public interface ModelFactory extends Serializable {

    /**
     * Called once in each subtask before anything else.
     *
     * @param options values of {@link io.flinkserving.options.ModelServingOptions}
     */
    default void open(ReadableConfig options) {}

    /**
     * Makes a model, warmed up.
     *
     * @param model name, version, bindings; its own content is not to be used
     * @param content the model as it was published or read from its location
     * @throws ModelException with a code of the models (100 to 199); an unchecked exception counts
     *     as {@code LOADING_CRASHED}
     */
    Model create(ModelToServe model, byte[] content) throws ModelException;

    /**
     * The bytes that a checkpoint holds for this content, without making the model. By default the
     * content itself.
     */
    default byte[] pack(ModelToServe model, byte[] content) throws ModelException {
        return content;
    }

    /**
     * Makes a model from what {@link #pack} or {@link Model#toBytes()} gave. By default the same as
     * {@link #create}.
     */
    default Model restore(ModelToServe model, byte[] bytes) throws ModelException {
        return create(model, bytes);
    }
}
