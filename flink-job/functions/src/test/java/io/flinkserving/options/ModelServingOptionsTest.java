package io.flinkserving.options;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.description.HtmlFormatter;
import org.junit.jupiter.api.Test;

class ModelServingOptionsTest {

    @Test
    void everyOptionIsListedDescribedAndBelowThePrefix() throws Exception {
        List<ConfigOption<?>> declared = new ArrayList<>();
        for (Field field : ModelServingOptions.class.getFields()) {
            if (field.getType() == ConfigOption.class) {
                declared.add((ConfigOption<?>) field.get(null));
            }
        }
        assertThat(ModelServingOptions.all()).containsExactlyInAnyOrderElementsOf(declared);
        for (ConfigOption<?> option : declared) {
            assertThat(option.key()).startsWith(ModelServingOptions.PREFIX).isLowerCase();
            assertThat(new HtmlFormatter().format(option.description())).isNotBlank();
        }
    }

    @Test
    void locationsAreAListInFlinksNotation() {
        Configuration options = new Configuration();
        options.setString("model-serving.allowed-locations", "file:///models;s3://bucket/models");
        assertThat(options.get(ModelServingOptions.ALLOWED_LOCATIONS))
                .containsExactly("file:///models", "s3://bucket/models");
    }
}
