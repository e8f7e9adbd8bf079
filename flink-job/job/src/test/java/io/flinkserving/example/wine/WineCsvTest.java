package io.flinkserving.example.wine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.flinkserving.wire.WineRecord;
import java.io.IOException;
import java.io.StringReader;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WineCsvTest {

    private static final String HEADER =
            "\"fixed acidity\",\"volatile acidity\",\"citric acid\",\"residual sugar\",\"chlorides\","
                    + "\"free sulfur dioxide\",\"total sulfur dioxide\",\"density\",\"pH\",\"sulphates\","
                    + "\"alcohol\",\"quality\"";

    private static final WineRecord RECORD =
            WineRecord.newBuilder()
                    .setFixedAcidity(7.4)
                    .setVolatileAcidity(0.7)
                    .setCitricAcid(0)
                    .setResidualSugar(1.9)
                    .setChlorides(0.076)
                    .setFreeSulfurDioxide(11)
                    .setTotalSulfurDioxide(34)
                    .setDensity(0.9978)
                    .setPH(3.51)
                    .setSulphates(0.56)
                    .setAlcohol(9.4)
                    .setDataType("wine")
                    .build();

    private static List<WineRecord> read(String text) throws IOException {
        return WineCsv.read(new StringReader(text), "my.csv", "wine");
    }

    @Test
    void semicolonsWithoutHeader() throws IOException {
        assertThat(read("7.4;0.70;0.00;1.9;0.076;11;34;0.9978;3.51;0.56;9.4;5\n"))
                .containsExactly(RECORD);
    }

    @Test
    void commasWithHeader() throws IOException {
        assertThat(read(HEADER + "\n7.4,0.70,0,1.9,7.6e-2,11,34,.9978,3.51,0.56,9.4,5\n"))
                .containsExactly(RECORD);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "7.4,0.7,0,1.9,0.076,11,34,0.9978,3.51,0.56,9.4",
                "\uFEFF7.4; 0.7 ;0;1.9;0.076;11;34;0.9978;3.51;0.56;9.4\r\n\r\n",
                "id;pH;fixed_acidity;volatile_acidity;citric_acid;residual_sugar;chlorides;"
                        + "free_sulfur_dioxide;total_sulfur_dioxide;density;sulphates;ALCOHOL\n"
                        + "x;3.51;7.4;0.7;0;1.9;0.076;11;34;0.9978;0.56;9.4",
            })
    void variants(String text) throws IOException {
        assertThat(read(text)).containsExactly(RECORD);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "7.4;0.7;zero;1.9;0.076;11;34;0.9978;3.51;0.56;9.4|line 1, column 3 (citric_acid): 'zero'",
                "7.4;0.7;;1.9;0.076;11;34;0.9978;3.51;0.56;9.4|line 1, column 3 (citric_acid): ''",
                "7.4;0.7;0;1.9;0.076;11;34;NaN;3.51;0.56;9.4|column 8 (density): 'NaN'",
                "7.4;0.7;0;1.9;0.076;11;34;1e999;3.51;0.56;9.4|column 8 (density): '1e999'",
                "7.4;0.7;0;1.9;0.076;11;34;0x1p3;3.51;0.56;9.4|column 8 (density): '0x1p3'",
                "7.4;0.7|line 1, column 3 (citric_acid): missing, the line has 2 columns",
                "pH;alcohol|line 1: the header has no column fixed_acidity",
                "''|no records",
            })
    void whatIsWrongIsNamedWithItsPlace(String text, String message) {
        assertThatThrownBy(() -> read(text))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("my.csv")
                .hasMessageContaining(message);
    }

    @Test
    void theLineOfALaterErrorIsRight() {
        String good = "7.4,0.70,0,1.9,0.076,11,34,0.9978,3.51,0.56,9.4,5\n";
        assertThatThrownBy(() -> read(HEADER + "\n" + good + "\n" + good.replace("9.4", "?")))
                .hasMessage("my.csv, line 4, column 11 (alcohol): '?' is not a number");
    }

    @Test
    void aHeaderThatNamesAFieldTwiceIsRefused() {
        assertThatThrownBy(() -> read(HEADER + ",PH\n")).hasMessageContaining("named twice");
    }

    @Test
    void theExampleInTheJarIsComplete() throws IOException {
        assertThat(WineExample.records("wine"))
                .hasSize(1000)
                .allMatch(record -> record.getDataType().equals("wine") && record.getAlcohol() > 8);
    }
}
