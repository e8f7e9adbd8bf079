package io.flinkserving.query;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.model.ModelToServeStats.Status;
import java.util.List;
import org.junit.jupiter.api.Test;

class StatsReportTest {

    private static ModelToServeStats.Builder tree() {
        return ModelToServeStats.builder()
                .dataType("wine")
                .model("tree", "2", 2, "a tree")
                .since(1_700_000_000_000L)
                .counts(4, 1)
                // All four in the bucket of 12 ns.
                .durations(12, 12, 48, new long[] {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4})
                .status(Status.SERVING, "");
    }

    private static ModelToServeStats none() {
        return ModelToServeStats.builder()
                .dataType("wine")
                .status(Status.FAILED, "MODEL_UNPARSABLE: line 3")
                .build();
    }

    @Test
    void aTableHasARowForEachVersion() {
        ModelToServeStats before =
                tree().model("old", "10", 99, "").status(Status.RETIRED, "").build();
        String table = StatsReport.table(tree().previous(List.of(before)).build(), "17 (job)");
        assertThat(table.lines())
                .containsExactly(
                        "data type wine, job 17 (job)",
                        "model  version  type  status   since                 records  errors"
                                + "  min us  mean us  p99 us  max us",
                        "tree   2        PMML  SERVING  2023-11-14T22:13:20Z        4       1"
                                + "    0.01     0.01    0.01    0.01",
                        "old    10       99    RETIRED  2023-11-14T22:13:20Z        4       1"
                                + "    0.01     0.01    0.01    0.01");
    }

    @Test
    void whatIsNotThereIsADashAndTheLastErrorIsShown() {
        String[] lines = StatsReport.table(none(), "17").split("\n");
        assertThat(lines[2].split(" +"))
                .containsExactly("-", "-", "-", "FAILED", "-", "0", "0", "-", "-", "-", "-");
        assertThat(lines[3]).isEqualTo("last model not taken: MODEL_UNPARSABLE: line 3");
    }

    @Test
    void jsonHasTheSameInNanoseconds() {
        JsonObject json =
                JsonParser.parseString(StatsReport.json(tree().build(), "17", "the job"))
                        .getAsJsonObject();
        assertThat(json.get("job_name").getAsString()).isEqualTo("the job");
        JsonObject current = json.getAsJsonObject("current");
        assertThat(current.get("model").getAsString()).isEqualTo("tree");
        assertThat(current.get("records").getAsLong()).isEqualTo(4);
        assertThat(current.get("errors").getAsLong()).isEqualTo(1);
        assertThat(current.get("mean_nanos").getAsDouble()).isEqualTo(12);
        assertThat(current.get("p99_nanos").getAsDouble()).isEqualTo(12);
        assertThat(json.getAsJsonArray("previous")).isEmpty();
    }
}
