package io.flinkserving.functions;

import static org.assertj.core.api.Assertions.assertThat;

import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.NativeModelFactoriesResolver;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingResult;
import io.flinkserving.testing.OffsetModels;
import io.flinkserving.testing.Reading;
import io.flinkserving.testing.ReadingToServe;
import io.flinkserving.wire.ErrorCode;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.operators.co.KeyedCoProcessOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedTwoInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;

/** The processor in Flink's own operator, as {@code connect(...).process(...)} runs it. */
class PlainProcessTest {

    @Test
    void itServesAndFlushesByTimersAlone() throws Exception {
        ReadingToServe data = new ReadingToServe();
        DataProcessorKeyed<Reading> processor =
                new DataProcessorKeyed<>(
                        data,
                        new NativeModelFactoriesResolver()
                                .with(OffsetModels.TYPE, new OffsetModels()),
                        new Configuration());
        KeyedTwoInputStreamOperatorTestHarness<String, Reading, ModelToServe, ServingResult> job =
                new KeyedTwoInputStreamOperatorTestHarness<>(
                        new KeyedCoProcessOperator<>(processor),
                        data::getType,
                        ModelToServe::dataType,
                        Types.STRING);
        job.open();
        job.processElement1(new StreamRecord<>(new Reading("wine", "1", 10)));
        job.processElement2(
                new StreamRecord<>(KeyedHarness.model(OffsetModels.descriptor("wine", "a", "1"))));
        while (processor.isLoading()) {
            Thread.sleep(1);
            job.setProcessingTime(job.getProcessingTime() + 100);
        }
        job.processElement1(new StreamRecord<>(new Reading("wine", "2", 10)));
        job.setProcessingTime(job.getProcessingTime() + 2000);

        assertThat(job.extractOutputValues())
                .extracting(r -> r.getDouble("sum"))
                .containsExactly(11.0);
        assertThat(job.getSideOutput(ServingError.TAG))
                .extracting(error -> error.getValue().code())
                .containsExactly(ErrorCode.NO_MODEL);
        job.close();
        assertThat(OffsetModels.LIVE_MODELS).hasValue(0);
    }
}
