package io.flinkserving.functions;

import io.flinkserving.data.DataToServe;
import org.apache.flink.api.java.functions.KeySelector;

/** Key of a record: its data type, or the empty string when it has none or can't be read. */
final class DataTypeKey<R> implements KeySelector<R, String> {

    private static final long serialVersionUID = 1L;

    static final String NONE = "";

    private final DataToServe<R> dataToServe;

    DataTypeKey(DataToServe<R> dataToServe) {
        this.dataToServe = dataToServe;
    }

    @Override
    public String getKey(R record) {
        try {
            String type = dataToServe.getType(record);
            return type == null ? NONE : type;
        } catch (RuntimeException e) {
            // The processor asks again and reports it; a key selector has no other way out.
            return NONE;
        }
    }
}
