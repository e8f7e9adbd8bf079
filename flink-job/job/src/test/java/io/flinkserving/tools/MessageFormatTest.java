package io.flinkserving.tools;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.flinkserving.wire.Doubles;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.OutputValue;
import io.flinkserving.wire.ServingError;
import io.flinkserving.wire.ServingResult;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MessageFormatTest {

    @ParameterizedTest
    @EnumSource(MessageFormat.class)
    void whatCanNotBeReadIsShownAsSuch(MessageFormat format) {
        JsonObject broken = format.toJson(new byte[] {(byte) 0xff, 1});
        assertThat(broken.get("unreadable").getAsString()).isNotEmpty();
        assertThat(broken.get("bytes").getAsInt()).isEqualTo(2);
        assertThat(format.toJson(null).get("unreadable").getAsString()).isEqualTo("no value");
        assertThat(format.toJson(new byte[0]).has("unreadable")).isFalse();
    }

    @Test
    void outputsOfEveryKind() {
        ServingResult result =
                ServingResult.newBuilder()
                        .addOutputs(OutputValue.newBuilder().setName("d").setDoubleValue(0.1))
                        .addOutputs(OutputValue.newBuilder().setName("f").setFloatValue(0.1f))
                        .addOutputs(OutputValue.newBuilder().setName("l").setLongValue(1L << 60))
                        .addOutputs(OutputValue.newBuilder().setName("b").setBooleanValue(true))
                        .addOutputs(OutputValue.newBuilder().setName("s").setStringValue("x"))
                        .addOutputs(OutputValue.newBuilder().setName("none"))
                        .addOutputs(
                                OutputValue.newBuilder().setName("nan").setDoubleValue(Double.NaN))
                        .addOutputs(
                                OutputValue.newBuilder()
                                        .setName("t")
                                        .setTensorValue(
                                                Doubles.newBuilder()
                                                        .addAllValues(
                                                                List.of(
                                                                        1.5,
                                                                        Double.NEGATIVE_INFINITY))))
                        .build();
        assertThat(MessageFormat.RESULT.toJson(result.toByteArray()).get("outputs"))
                .hasToString(
                        "{\"d\":0.1,\"f\":0.1,\"l\":1152921504606846976,\"b\":true,\"s\":\"x\","
                                + "\"none\":null,\"nan\":\"NaN\",\"t\":[1.5,\"-Infinity\"]}");
    }

    @Test
    void numbersThatThisVersionHasNoNameForAreShown() {
        ServingError error = ServingError.newBuilder().setCodeValue(999).build();
        assertThat(MessageFormat.ERROR.toJson(error.toByteArray()).get("code").getAsString())
                .isEqualTo("999");
        ModelDescriptor model = ModelDescriptor.newBuilder().setModeltypeValue(1000).build();
        assertThat(MessageFormat.MODEL.toJson(model.toByteArray()).get("type").getAsString())
                .isEqualTo("1000");
    }

    @Test
    void textLeavesOutWhatIsEmpty() {
        ServingError error =
                ServingError.newBuilder()
                        .setCode(ErrorCode.NO_MODEL)
                        .setMessage("none yet")
                        .setRecordId("17")
                        .build();
        assertThat(MessageFormat.toText(MessageFormat.ERROR.toJson(error.toByteArray())))
                .isEqualTo("code NO_MODEL, message none yet, record_id 17, input_bytes 0");
    }
}
