package io.flinkserving.testing;

import com.google.protobuf.ByteString;
import io.flinkserving.data.DataToServe;
import io.flinkserving.data.ProtobufFormat;
import io.flinkserving.data.ProtobufStringField;
import io.flinkserving.data.RecordFormat;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.ModelType;
import io.flinkserving.wire.WineRecord;

/** A record with an identity and the bytes of a WineRecord, and models for it. */
public class Wine {

    public long id;
    public byte[] value;

    public Wine() {}

    public Wine(long id, byte[] value) {
        this.id = id;
        this.value = value;
    }

    /** A valid record. */
    public static Wine of(long id, String type, double alcohol) {
        return new Wine(
                id,
                WineRecord.newBuilder()
                        .setAlcohol(alcohol)
                        .setPH(3)
                        .setDataType(type)
                        .build()
                        .toByteArray());
    }

    /** A linear model in PMML: quality = intercept + 2 * alcohol. */
    public static ModelDescriptor.Builder linear(String type, String name, double intercept) {
        return pmml(
                type,
                name,
                "<PMML xmlns=\"http://www.dmg.org/PMML-4_4\" version=\"4.4\"><Header/>"
                        + "<DataDictionary>"
                        + "<DataField name=\"alcohol\" optype=\"continuous\" dataType=\"double\">"
                        + "<Interval closure=\"closedClosed\" leftMargin=\"0\" rightMargin=\"1000\"/>"
                        + "</DataField>"
                        + "<DataField name=\"quality\" optype=\"continuous\" dataType=\"double\"/>"
                        + "</DataDictionary><RegressionModel functionName=\"regression\">"
                        + "<MiningSchema><MiningField name=\"alcohol\"/>"
                        + "<MiningField name=\"quality\" usageType=\"target\"/></MiningSchema>"
                        + "<RegressionTable intercept=\""
                        + intercept
                        + "\"><NumericPredictor name=\"alcohol\" coefficient=\"2\"/>"
                        + "</RegressionTable></RegressionModel></PMML>");
    }

    public static ModelDescriptor.Builder pmml(String type, String name, String document) {
        return ModelDescriptor.newBuilder()
                .setName(name)
                .setDataType(type)
                .setModeltype(ModelType.PMML)
                .setData(ByteString.copyFromUtf8(document));
    }

    /** How these records are served. */
    public static final class ToServe implements DataToServe<Wine> {

        private static final long serialVersionUID = 1L;

        private final ProtobufStringField type =
                ProtobufStringField.of(WineRecord.DATATYPE_FIELD_NUMBER);

        private final ProtobufFormat<Wine> format =
                ProtobufFormat.of(WineRecord.getDescriptor(), wine -> wine.value);

        @Override
        public String getType(Wine record) {
            return type.read(record.value);
        }

        @Override
        public String getId(Wine record) {
            return String.valueOf(record.id);
        }

        @Override
        public RecordFormat<Wine> format() {
            return format;
        }
    }
}
