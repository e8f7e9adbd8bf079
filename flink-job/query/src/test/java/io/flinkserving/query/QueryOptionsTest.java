package io.flinkserving.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.flinkserving.query.QueryException.Kind;
import java.net.URI;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class QueryOptionsTest {

    @Test
    void defaults() throws QueryException {
        QueryOptions options = QueryOptions.parse();
        assertThat(options.jobManager()).isEqualTo(URI.create("http://localhost:8081"));
        assertThat(options.job()).isNull();
        assertThat(options.proxies()).isEmpty();
        assertThat(options.dataType()).isEqualTo("wine");
        assertThat(options.json()).isFalse();
        assertThat(options.watchMillis()).isZero();
    }

    @Test
    void everythingGiven() throws QueryException {
        QueryOptions options =
                QueryOptions.parse(
                        "--jobmanager=https://flink:443/proxy",
                        "--job",
                        "63AE79FF9AC0AAAAA4BDEDF69A9FFD40",
                        "--proxy",
                        "a:1, b:2",
                        "--data-type",
                        "--json",
                        "--timeout=0.5",
                        "--watch",
                        "2");
        assertThat(options.jobManager()).isEqualTo(URI.create("https://flink:443/proxy"));
        assertThat(options.job()).isEqualTo("63ae79ff9ac0aaaaa4bdedf69a9ffd40");
        assertThat(options.proxies()).hasToString("[a:1, b:2]");
        assertThat(options.dataType()).isEqualTo("--json");
        assertThat(options.timeoutMillis()).isEqualTo(500);
        assertThat(options.watchMillis()).isEqualTo(2000);
        assertThat(options.json()).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "--jobmanagers x, --jobmanagers",
        "--jobmanager, --jobmanager needs a value",
        "--jobmanager ftp://a, --jobmanager",
        "--jobmanager http://, --jobmanager",
        "--job 12, --job",
        "--proxy a, --proxy",
        "--proxy a:0, --proxy",
        "--proxy a:70000, --proxy",
        "--watch 0, --watch",
        "--watch NaN, --watch",
        "--timeout soon, --timeout",
        "--json=1, --json takes no value",
        "wine, wine",
    })
    void whatIsWrongIsNamed(String arguments, String named) {
        assertThatThrownBy(() -> QueryOptions.parse(arguments.split(" ")))
                .isInstanceOfSatisfying(
                        QueryException.class, e -> assertThat(e.kind()).isEqualTo(Kind.USAGE))
                .hasMessageContaining(named);
    }
}
