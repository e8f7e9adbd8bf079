package io.flinkserving.functions;

import io.flinkserving.boundary.NativeLibraryException;
import io.flinkserving.data.DataToServe;
import io.flinkserving.model.BoundScorer;
import io.flinkserving.model.Model;
import io.flinkserving.model.ModelException;
import io.flinkserving.model.ModelFactoriesResolver;
import io.flinkserving.model.ModelFactory;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.configuration.ReadableConfig;

/** Makes a model and its scorer from what state or a location holds. Any thread may call it. */
final class ModelLoader<R> {

    private final DataToServe<R> dataToServe;
    private final ModelFactoriesResolver resolver;
    private final ReadableConfig options;
    private final ModelLocations locations;
    private final Map<Integer, ModelFactory> factories = new HashMap<>();

    ModelLoader(
            DataToServe<R> dataToServe,
            ModelFactoriesResolver resolver,
            ReadableConfig options,
            ModelLocations locations) {
        this.dataToServe = dataToServe;
        this.resolver = resolver;
        this.options = options;
        this.locations = locations;
    }

    /** Where the bytes of a model are. */
    static final class Source {
        private final byte[] bytes;
        private final boolean packed;

        private Source(byte[] bytes, boolean packed) {
            this.bytes = bytes;
            this.packed = packed;
        }

        static Source raw(byte[] content) {
            return new Source(content, false);
        }

        static Source packed(byte[] stored) {
            return new Source(stored, true);
        }

        /** At the location that the model names. */
        static Source location() {
            return new Source(null, false);
        }
    }

    /**
     * @throws ModelException why the model can't be taken
     * @throws NativeLibraryException the installation is broken, which no model is to blame for
     */
    LoadedModel<R> load(ModelToServe model, Source source) throws ModelException {
        Model compiled = null;
        LoadedModel<R> loaded = null;
        try {
            ModelFactory factory = factory(model.type());
            ModelToServe known = model;
            byte[] content = source.bytes;
            if (content == null) {
                content = locations.read(model.location());
                known = model.withContentDigest(content);
            }
            byte[] packed = null;
            if (source.packed) {
                compiled = factory.restore(known, content);
            } else {
                compiled = factory.create(known, content);
                packed = source.bytes == null ? null : factory.pack(known, content);
            }
            BoundScorer<R> scorer = new BoundScorer<>(compiled.open(known, dataToServe), known);
            loaded = new LoadedModel<>(known.withoutContent(), compiled, scorer, packed);
            return loaded;
        } catch (NativeLibraryException e) {
            throw e;
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
            throw new ModelException(
                    ErrorCode.LOADING_CRASHED, "loading model " + model.name() + ": " + e, e);
        } finally {
            if (loaded == null && compiled != null) {
                compiled.close();
            }
        }
    }

    /** Another scorer of a model that is compiled. */
    BoundScorer<R> open(ModelToServe model, Model compiled) throws ModelException {
        try {
            return new BoundScorer<>(compiled.open(model, dataToServe), model);
        } catch (RuntimeException e) {
            throw new ModelException(
                    ErrorCode.LOADING_CRASHED, "opening model " + model.name() + ": " + e, e);
        }
    }

    private synchronized ModelFactory factory(int type) throws ModelException {
        ModelFactory known = factories.get(type);
        if (known == null) {
            known = resolver.getFactory(type).orElse(null);
            if (known == null) {
                boolean standard = ModelType.forNumber(type) != null;
                throw new ModelException(
                        standard ? ErrorCode.MODEL_TYPE_UNSUPPORTED : ErrorCode.MODEL_TYPE_UNKNOWN,
                        "no factory for models of type "
                                + (standard ? ModelType.forNumber(type) : String.valueOf(type)));
            }
            known.open(options);
            factories.put(type, known);
        }
        return known;
    }
}
