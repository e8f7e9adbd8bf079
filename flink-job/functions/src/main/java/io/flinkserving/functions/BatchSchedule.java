package io.flinkserving.functions;

import java.util.concurrent.RejectedExecutionException;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.operators.ProcessingTimeService;
import org.apache.flink.runtime.execution.Environment;
import org.apache.flink.runtime.io.network.partition.consumer.IndexedInputGate;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.runtime.tasks.StreamTask;

/**
 * Decides when a batch that is not full has waited long enough: as soon as the task has nothing
 * else to read. While a buffer of records waits at the task's inputs, more records are certain to
 * come, and nothing is done for each of them. After the last buffer each record is followed by a
 * look whether another one came, through the task's mailbox, which takes turns with the input.
 */
final class BatchSchedule {

    /**
     * A buffer that waits may hold no record, or only the beginning of one: then this is how long a
     * batch waits at most.
     */
    private static final long LATEST_MILLIS = 10;

    /** Tells whether the task's inputs have more. */
    interface InputAhead {
        boolean isWaiting();
    }

    private final RecordBatch<?> batch;
    private final InputAhead ahead;
    private final MailboxExecutor mailbox;
    private final ProcessingTimeService timers;

    /** Records that were added so far. */
    private long added;

    private boolean isLooking;
    private long addedAtLastLook;
    private boolean isTimed;
    private long addedAtLastTimer;

    /**
     * @param ahead null: what the gates of the operator's task say
     */
    BatchSchedule(RecordBatch<?> batch, AbstractStreamOperator<?> operator, InputAhead ahead) {
        StreamTask<?, ?> task = operator.getContainingTask();
        this.batch = batch;
        this.ahead = ahead != null ? ahead : ahead(task.getEnvironment());
        this.mailbox =
                task.getMailboxExecutorFactory()
                        .createExecutor(operator.getOperatorConfig().getChainIndex());
        this.timers = operator.getProcessingTimeService();
    }

    private static InputAhead ahead(Environment task) {
        IndexedInputGate[] gates = task.getAllInputGates();
        return () -> {
            for (IndexedInputGate gate : gates) {
                // One that has ended stays available.
                if (gate.isAvailable() && !gate.isFinished()) {
                    return true;
                }
            }
            return false;
        };
    }

    /** A record was added to the batch. */
    void added() {
        added++;
        if (batch.isEmpty()) {
            return;
        }
        if (!isTimed) {
            isTimed = true;
            arm();
        }
        if (!isLooking && !ahead.isWaiting()) {
            isLooking = true;
            // The input has its turn before the second look.
            addedAtLastLook = -1;
            look();
        }
    }

    private void look() {
        try {
            mailbox.execute(this::lookForMore, "look for more records to score");
        } catch (RejectedExecutionException e) {
            // The task ends; finish() has been called or nobody wants the results.
            isLooking = false;
        }
    }

    private void lookForMore() throws Exception {
        if (batch.isEmpty() || ahead.isWaiting()) {
            isLooking = false;
        } else if (added == addedAtLastLook) {
            isLooking = false;
            batch.flush();
        } else {
            addedAtLastLook = added;
            look();
        }
    }

    private void arm() {
        addedAtLastTimer = added;
        timers.registerTimer(timers.getCurrentProcessingTime() + LATEST_MILLIS, time -> onTimer());
    }

    private void onTimer() throws Exception {
        if (added == addedAtLastTimer) {
            isTimed = false;
            batch.flush();
        } else {
            arm();
        }
    }
}
