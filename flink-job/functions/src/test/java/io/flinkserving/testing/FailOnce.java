package io.flinkserving.testing;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.CheckpointListener;

/** Fails once, after a checkpoint and after a record with at least this number. */
public final class FailOnce extends RichMapFunction<Wine, Wine> implements CheckpointListener {

    private static final long serialVersionUID = 1L;

    private static final Map<String, Boolean> FAILED = new ConcurrentHashMap<>();

    private final String test;
    private final long number;
    private transient boolean checkpointed;

    public FailOnce(String test, long number) {
        this.test = test;
        this.number = number;
    }

    public static void arm(String test) {
        FAILED.put(test, false);
    }

    public static boolean hasFailed(String test) {
        return FAILED.get(test);
    }

    @Override
    public void notifyCheckpointComplete(long checkpointId) {
        checkpointed = true;
    }

    @Override
    public Wine map(Wine record) {
        if (checkpointed && record.id >= number && FAILED.replace(test, false, true)) {
            throw new IllegalStateException("the failure that the test asks for");
        }
        return record;
    }
}
