package io.flinkserving.benchmarks.pipeline;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.HashMap;
import java.util.Map;

/** Time that the threads of Flink's tasks have spent on a processor, by task name. */
final class TaskThreads {

    /** Flink calls the thread of a task after it: {@code Source: records (1/1)#0}. */
    private static final String SUBTASK = " (1/1)#";

    private final Map<String, Long> nanos = new HashMap<>();

    private TaskThreads() {}

    static TaskThreads now() {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        TaskThreads times = new TaskThreads();
        for (ThreadInfo thread : threads.getThreadInfo(threads.getAllThreadIds())) {
            if (thread != null && thread.getThreadName().contains(SUBTASK)) {
                long time = threads.getThreadCpuTime(thread.getThreadId());
                times.nanos.merge(thread.getThreadName(), time, Long::sum);
            }
        }
        return times;
    }

    /**
     * Time since then of the task that took most: it limits the job when there are enough
     * processors.
     */
    long busiestSince(TaskThreads earlier) {
        return nanos.entrySet().stream()
                .mapToLong(task -> task.getValue() - earlier.nanos.getOrDefault(task.getKey(), 0L))
                .max()
                .orElse(0);
    }

    /** Time since then of the tasks whose name begins so. */
    long since(TaskThreads earlier, String prefix) {
        return nanos.entrySet().stream()
                .filter(task -> task.getKey().startsWith(prefix))
                .mapToLong(task -> task.getValue() - earlier.nanos.getOrDefault(task.getKey(), 0L))
                .sum();
    }
}
