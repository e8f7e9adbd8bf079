package io.flinkserving.model;

import io.flinkserving.boundary.NativeException;
import io.flinkserving.boundary.NativeLibrary;
import io.flinkserving.boundary.NativeModel;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.wire.ErrorCode;
import java.nio.file.Paths;
import org.apache.flink.configuration.ReadableConfig;

/** Makes models of the native library, which knows the type from the descriptor. */
final class NativeModelFactory implements ModelFactory {

    private static final long serialVersionUID = 1L;

    private transient int maxRecordSize;
    private transient int batchSize;

    @Override
    public void open(ReadableConfig options) {
        long record = options.get(ModelServingOptions.MAX_RECORD_SIZE).getBytes();
        maxRecordSize = (int) Math.min(Integer.MAX_VALUE - 16, record);
        batchSize = options.get(ModelServingOptions.BATCH_SIZE);
        options.getOptional(ModelServingOptions.LIBRARY_PATH)
                .ifPresent(path -> NativeLibrary.load(Paths.get(path)));
        try {
            NativeLibrary.setNativeMemoryLimit(
                    options.get(ModelServingOptions.NATIVE_MEMORY).getBytes());
        } catch (NativeException e) {
            throw new IllegalStateException("the library refuses its memory limit", e);
        }
    }

    @Override
    public Model create(ModelToServe model, byte[] content) throws ModelException {
        try {
            return new NativeServingModel(
                    NativeModel.load(model.stateDescriptor(), content), maxRecordSize, batchSize);
        } catch (NativeException e) {
            throw toModelException(e);
        }
    }

    @Override
    public byte[] pack(ModelToServe model, byte[] content) throws ModelException {
        try {
            return NativeModel.pack(model.stateDescriptor(), content);
        } catch (NativeException e) {
            throw toModelException(e);
        }
    }

    @Override
    public Model restore(ModelToServe model, byte[] bytes) throws ModelException {
        try {
            return new NativeServingModel(NativeModel.restore(bytes), maxRecordSize, batchSize);
        } catch (NativeException e) {
            throw toModelException(e);
        }
    }

    static ModelException toModelException(NativeException e) {
        ErrorCode code = e.getCode();
        return new ModelException(
                code == ErrorCode.UNRECOGNIZED ? ErrorCode.LOADING_CRASHED : code,
                e.getMessage(),
                e);
    }
}
