package io.flinkserving.benchmarks;

import com.google.protobuf.ByteString;
import io.flinkserving.data.DataToServe;
import io.flinkserving.data.ProtobufFormat;
import io.flinkserving.data.ProtobufStringField;
import io.flinkserving.data.RecordFormat;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.WineRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.ToDoubleFunction;

/** The wine records and the wine model that benchmarks use. */
public final class Wine {

    /** Data types in random order, so that keyBy has something to do. */
    public static final List<String> DATA_TYPES = List.of("wine-0", "wine-1", "wine-2", "wine-3");

    private static final Map<String, ToDoubleFunction<WineRecord>> FIELDS = fields();

    private Wine() {}

    /** All rows of a CSV file as encoded messages of about 100 bytes. */
    public static byte[][] records(Path csv) throws IOException {
        Random random = new Random(1);
        List<byte[]> records = new ArrayList<>();
        for (String line : Files.readAllLines(csv)) {
            String[] cells = line.split("[;,]");
            if (cells.length < 11 || cells[0].isEmpty() || !Character.isDigit(cells[0].charAt(0))) {
                continue;
            }
            int at = 0;
            records.add(
                    WineRecord.newBuilder()
                            .setFixedAcidity(Double.parseDouble(cells[at++]))
                            .setVolatileAcidity(Double.parseDouble(cells[at++]))
                            .setCitricAcid(Double.parseDouble(cells[at++]))
                            .setResidualSugar(Double.parseDouble(cells[at++]))
                            .setChlorides(Double.parseDouble(cells[at++]))
                            .setFreeSulfurDioxide(Double.parseDouble(cells[at++]))
                            .setTotalSulfurDioxide(Double.parseDouble(cells[at++]))
                            .setDensity(Double.parseDouble(cells[at++]))
                            .setPH(Double.parseDouble(cells[at++]))
                            .setSulphates(Double.parseDouble(cells[at++]))
                            .setAlcohol(Double.parseDouble(cells[at]))
                            .setDataType(DATA_TYPES.get(random.nextInt(DATA_TYPES.size())))
                            .build()
                            .toByteArray());
        }
        if (records.isEmpty()) {
            throw new IOException("no wine records in " + csv);
        }
        return records.toArray(new byte[0][]);
    }

    /** The message that puts a PMML model into service for a data type. */
    public static ModelDescriptor descriptor(Path pmml, String dataType) throws IOException {
        return ModelDescriptor.newBuilder()
                .setName("linear")
                .setDataType(dataType)
                .setModeltype(ModelDescriptor.ModelType.PMML)
                .setData(ByteString.copyFrom(Files.readAllBytes(pmml)))
                .build();
    }

    /**
     * How to read a field of a record.
     *
     * @param name in any case and with any punctuation: {@code fixed acidity}
     */
    static ToDoubleFunction<WineRecord> field(String name) {
        ToDoubleFunction<WineRecord> field = FIELDS.get(plain(name));
        if (field == null) {
            throw new IllegalArgumentException("wine records have no field " + name);
        }
        return field;
    }

    /** How to read the eleven fields, in the order of the models. */
    static List<ToDoubleFunction<WineRecord>> fieldsInOrder() {
        return List.copyOf(FIELDS.values());
    }

    private static Map<String, ToDoubleFunction<WineRecord>> fields() {
        Map<String, ToDoubleFunction<WineRecord>> fields = new LinkedHashMap<>();
        fields.put(plain("fixed_acidity"), WineRecord::getFixedAcidity);
        fields.put(plain("volatile_acidity"), WineRecord::getVolatileAcidity);
        fields.put(plain("citric_acid"), WineRecord::getCitricAcid);
        fields.put(plain("residual_sugar"), WineRecord::getResidualSugar);
        fields.put(plain("chlorides"), WineRecord::getChlorides);
        fields.put(plain("free_sulfur_dioxide"), WineRecord::getFreeSulfurDioxide);
        fields.put(plain("total_sulfur_dioxide"), WineRecord::getTotalSulfurDioxide);
        fields.put(plain("density"), WineRecord::getDensity);
        fields.put(plain("pH"), WineRecord::getPH);
        fields.put(plain("sulphates"), WineRecord::getSulphates);
        fields.put(plain("alcohol"), WineRecord::getAlcohol);
        return fields;
    }

    private static String plain(String name) {
        return name.replaceAll("[^A-Za-z0-9]", "").toLowerCase(Locale.ROOT);
    }

    /** Wine records as a user of the library describes them. */
    public static final class ToServe implements DataToServe<byte[]> {

        private static final long serialVersionUID = 1L;

        private final ProtobufStringField dataType =
                ProtobufStringField.of(WineRecord.DATATYPE_FIELD_NUMBER);
        private final ProtobufFormat<byte[]> format = ProtobufFormat.of(WineRecord.getDescriptor());

        @Override
        public String getType(byte[] record) {
            return dataType.read(record);
        }

        @Override
        public RecordFormat<byte[]> format() {
            return format;
        }
    }
}
