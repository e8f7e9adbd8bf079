package io.flinkserving.benchmarks.pipeline;

import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.core.io.InputStatus;

/** Sends all model messages, then stays open as a topic would, until no more records come. */
final class ModelReader extends InMemoryReader {

    private final byte[][] messages;
    private int next;

    ModelReader(byte[][] messages) {
        this.messages = messages;
    }

    @Override
    public InputStatus pollNext(ReaderOutput<byte[]> output) {
        if (next < messages.length) {
            output.collect(messages[next++]);
            return InputStatus.MORE_AVAILABLE;
        }
        return Run.allSent().isDone() ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        return next < messages.length ? super.isAvailable() : Run.allSent();
    }
}
