package io.flinkserving.boundary;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** After each test nothing is left in native memory. */
final class NoLiveHandles implements AfterEachCallback {

    @Override
    public void afterEach(ExtensionContext context) throws Exception {
        assertThat(NativeLibrary.liveScorers()).as("live scorers").isZero();
        assertThat(NativeLibrary.liveModels()).as("live models").isZero();
        assertThat(NativeLibrary.nativeBytes()).as("native bytes").isZero();
    }
}
