package io.flinkserving.boundary;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flinkserving.wire.FieldType;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.PackedField;
import io.flinkserving.wire.PackedLayout;
import io.flinkserving.wire.ScorerOptions;
import io.flinkserving.wire.WineRecord;

/**
 * Models small enough to know the answers; coefficients are exact in binary, so answers are too.
 */
final class TestModels {

    /** {@code quality = 3 + 0.5 alcohol - 2 volatile_acidity}. */
    static final String TWO_FIELDS =
            regression(
                    3,
                    new String[] {"alcohol", "volatile_acidity"},
                    new double[] {0.5, -2},
                    "optype=\"continuous\" dataType=\"double\"");

    /** The six fields that the linear wine model of FLIP-23 uses. */
    static final String LINEAR_WINE =
            regression(
                    3.25,
                    new String[] {
                        "fixed_acidity",
                        "volatile_acidity",
                        "chlorides",
                        "total_sulfur_dioxide",
                        "sulphates",
                        "alcohol"
                    },
                    new double[] {0.0625, -1, -0.25, -0.0078125, 0.5, 0.25},
                    "optype=\"continuous\" dataType=\"double\"");

    /** Softmax over {@code alcohol - 10} for {@code good} and 0 for {@code bad}. */
    static final String TWO_CLASSES =
            String.join(
                    "\n",
                    "<PMML xmlns=\"http://www.dmg.org/PMML-4_3\" version=\"4.3\">",
                    " <Header/>",
                    " <DataDictionary>",
                    "  <DataField name=\"taste\" optype=\"categorical\" dataType=\"string\">",
                    "   <Value value=\"good\"/><Value value=\"bad\"/>",
                    "  </DataField>",
                    "  <DataField name=\"alcohol\" optype=\"continuous\" dataType=\"double\"/>",
                    " </DataDictionary>",
                    " <RegressionModel functionName=\"classification\""
                            + " normalizationMethod=\"softmax\">",
                    "  <MiningSchema>",
                    "   <MiningField name=\"taste\" usageType=\"target\"/>",
                    "   <MiningField name=\"alcohol\"/>",
                    "  </MiningSchema>",
                    "  <Output>",
                    "   <OutputField name=\"probability_good\" feature=\"probability\""
                            + " value=\"good\" optype=\"continuous\" dataType=\"double\"/>",
                    "   <OutputField name=\"probability_bad\" feature=\"probability\""
                            + " value=\"bad\" optype=\"continuous\" dataType=\"double\"/>",
                    "  </Output>",
                    "  <RegressionTable intercept=\"-10\" targetCategory=\"good\">",
                    "   <NumericPredictor name=\"alcohol\" coefficient=\"1\"/>",
                    "  </RegressionTable>",
                    "  <RegressionTable intercept=\"0\" targetCategory=\"bad\"/>",
                    " </RegressionModel>",
                    "</PMML>");

    /** {@code quality = 1 + alcohol + (colour = "weiß" ? 8 : 0) + (colour = "red" ? 4 : 0)}. */
    static final String COLOURS =
            String.join(
                    "\n",
                    "<PMML xmlns=\"http://www.dmg.org/PMML-4_3\" version=\"4.3\">",
                    " <Header/>",
                    " <DataDictionary>",
                    "  <DataField name=\"quality\" optype=\"continuous\" dataType=\"double\"/>",
                    "  <DataField name=\"alcohol\" optype=\"continuous\" dataType=\"double\"/>",
                    "  <DataField name=\"colour\" optype=\"categorical\" dataType=\"string\"/>",
                    " </DataDictionary>",
                    " <RegressionModel functionName=\"regression\">",
                    "  <MiningSchema>",
                    "   <MiningField name=\"quality\" usageType=\"target\"/>",
                    "   <MiningField name=\"alcohol\"/>",
                    "   <MiningField name=\"colour\"/>",
                    "  </MiningSchema>",
                    "  <RegressionTable intercept=\"1\">",
                    "   <NumericPredictor name=\"alcohol\" coefficient=\"1\"/>",
                    "   <CategoricalPredictor name=\"colour\" value=\"red\" coefficient=\"4\"/>",
                    "   <CategoricalPredictor name=\"colour\" value=\"wei\u00df\""
                            + " coefficient=\"8\"/>",
                    "  </RegressionTable>",
                    " </RegressionModel>",
                    "</PMML>");

    private TestModels() {}

    static NativeModel load(String pmml) throws NativeException {
        return NativeModel.load(descriptor(), pmml.getBytes(UTF_8));
    }

    static ModelDescriptor descriptor() {
        return ModelDescriptor.newBuilder()
                .setName("test")
                .setDataType("wine")
                .setModeltype(ModelDescriptor.ModelType.PMML)
                .build();
    }

    static ScorerOptions wineRecords(int capacity) {
        return ScorerOptions.newBuilder()
                .setProtobuf(ProtobufLayouts.of(WineRecord.getDescriptor()))
                .setCapacity(capacity)
                .build();
    }

    /** Fields by name and type, in the order given: "alcohol", FIELD_DOUBLE, ... */
    static ScorerOptions packed(int capacity, Object... namesAndTypes) {
        PackedLayout.Builder layout = PackedLayout.newBuilder();
        for (int i = 0; i < namesAndTypes.length; i += 2) {
            layout.addFields(
                    PackedField.newBuilder()
                            .setName((String) namesAndTypes[i])
                            .setType((FieldType) namesAndTypes[i + 1]));
        }
        return ScorerOptions.newBuilder().setPacked(layout).setCapacity(capacity).build();
    }

    static WineRecord wine(double alcohol, double volatileAcidity) {
        return WineRecord.newBuilder()
                .setAlcohol(alcohol)
                .setVolatileAcidity(volatileAcidity)
                .setFixedAcidity(7.5)
                .setDataType("wine")
                .build();
    }

    private static String regression(
            double intercept, String[] fields, double[] coefficients, String type) {
        StringBuilder dictionary = new StringBuilder();
        StringBuilder schema = new StringBuilder();
        StringBuilder predictors = new StringBuilder();
        for (int i = 0; i < fields.length; i++) {
            dictionary.append(String.format("  <DataField name=\"%s\" %s/>%n", fields[i], type));
            schema.append(String.format("   <MiningField name=\"%s\"/>%n", fields[i]));
            predictors.append(
                    String.format(
                            "   <NumericPredictor name=\"%s\" coefficient=\"%s\"/>%n",
                            fields[i], coefficients[i]));
        }
        return String.join(
                "\n",
                "<PMML xmlns=\"http://www.dmg.org/PMML-4_3\" version=\"4.3\">",
                " <Header/>",
                " <DataDictionary>",
                "  <DataField name=\"quality\" " + type + "/>",
                dictionary + " </DataDictionary>",
                " <RegressionModel functionName=\"regression\">",
                "  <MiningSchema>",
                "   <MiningField name=\"quality\" usageType=\"target\"/>",
                schema + "  </MiningSchema>",
                "  <RegressionTable intercept=\"" + intercept + "\">",
                predictors + "  </RegressionTable>",
                " </RegressionModel>",
                "</PMML>");
    }
}
