package io.flinkserving.benchmarks.pipeline;

import java.util.concurrent.locks.LockSupport;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.core.io.InputStatus;

/** Cycles over encoded records, as {@link Run} says. */
final class RecordReader extends InMemoryReader {

    private static final long PAUSE_NANOS = 5_000_000;

    private final byte[][] records;

    /** One record per data type. */
    private final byte[][] probes;

    private boolean flowing;
    private int next;
    private long sent;
    private long failedBefore;

    RecordReader(byte[][] records, byte[][] probes) {
        this.records = records;
        this.probes = probes;
    }

    @Override
    public InputStatus pollNext(ReaderOutput<byte[]> output) {
        if (Run.isStopping()) {
            Run.sent(sent);
            return InputStatus.END_OF_INPUT;
        }
        if (!flowing) {
            probe(output);
            return InputStatus.MORE_AVAILABLE;
        }
        output.collect(records[next]);
        sent++;
        if (++next == records.length) {
            next = 0;
        }
        return InputStatus.MORE_AVAILABLE;
    }

    private void probe(ReaderOutput<byte[]> output) {
        long answered = Run.results() + Run.errors();
        if (answered < sent) {
            LockSupport.parkNanos(PAUSE_NANOS);
            return;
        }
        if (sent > 0 && Run.errors() == failedBefore) {
            flowing = true;
            Run.serving().complete(null);
            return;
        }
        if (sent > 0) {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
        failedBefore = Run.errors();
        for (byte[] record : probes) {
            output.collect(record);
            sent++;
        }
    }
}
