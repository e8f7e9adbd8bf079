package io.flinkserving.benchmarks.pipeline;

import io.flinkserving.benchmarks.pipeline.InMemorySource.NoSplit;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.SourceReader;

/** What the two readers do not need. */
abstract class InMemoryReader implements SourceReader<byte[], NoSplit> {

    @Override
    public void start() {}

    @Override
    public List<NoSplit> snapshotState(long checkpoint) {
        return List.of();
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public void addSplits(List<NoSplit> splits) {}

    @Override
    public void notifyNoMoreSplits() {}

    @Override
    public void close() {}
}
