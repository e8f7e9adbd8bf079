package io.flinkserving.functions;

import io.flinkserving.data.DataToServe;
import io.flinkserving.metrics.ServingMetrics;
import io.flinkserving.model.ModelFactoriesResolver;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.model.ModelWithType;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingOutcome;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.state.ModelToServeStatsSerializer;
import io.flinkserving.state.ModelWithTypeSerializer;
import io.flinkserving.state.ServingState;
import io.flinkserving.state.ServingStateSerializer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.co.RichCoFlatMapFunction;
import org.apache.flink.util.Collector;

/**
 * Scores records where they are: each subtask has all models, which must come broadcast and in the
 * same order to all. It emits results and errors; {@link OutcomeSplitter} separates them.
 *
 * <p>{@link ModelServing} runs it in an operator of its own, which scores records that wait already
 * in one call of the library, takes a loaded model over even when no record comes, and waits for
 * loads when the input ends. With {@code connect(...).flatMap(...)} records are scored one by one,
 * and a loaded model is taken over at the next record.
 *
 * <p>A checkpoint holds each model once: the first subtask writes them, and all read them. Stats
 * are those of each subtask; their sum over the subtasks is what a data type has, also after
 * rescaling.
 */
public final class DataProcessorMap<R>
        extends RichCoFlatMapFunction<R, ModelToServe, ServingOutcome>
        implements CheckpointedFunction {

    private static final long serialVersionUID = 1L;

    private final DataToServe<R> dataToServe;
    private final ModelFactoriesResolver resolver;
    private final Configuration options;

    private transient ServingTable<R> table;
    private transient ModelCommands<R> commands;
    private transient RecordScoring<R> scoring;
    private transient Map<String, PartitionedStore> stores;
    private transient ListState<ServingState> servingState;
    private transient ListState<ModelWithType> modelState;
    private transient ListState<ModelToServeStats> statsState;

    private transient RecentSlots<R> recent;

    /**
     * @param options values of {@link ModelServingOptions}
     */
    public DataProcessorMap(
            DataToServe<R> dataToServe, ModelFactoriesResolver resolver, ReadableConfig options) {
        this.dataToServe = dataToServe;
        this.resolver = resolver;
        this.options = ServingSettings.merge(new Configuration(), options);
        new ServingSettings(this.options);
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
        servingState =
                context.getOperatorStateStore()
                        .getUnionListState(
                                new ListStateDescriptor<>(
                                        "serving", ServingStateSerializer.INSTANCE));
        modelState =
                context.getOperatorStateStore()
                        .getUnionListState(
                                new ListStateDescriptor<>(
                                        "models", ModelWithTypeSerializer.INSTANCE));
        statsState =
                context.getOperatorStateStore()
                        .getListState(
                                new ListStateDescriptor<>(
                                        "stats", ModelToServeStatsSerializer.INSTANCE));
        stores = new HashMap<>();
        if (context.isRestored()) {
            for (ServingState state : servingState.get()) {
                store(state.dataType()).serving(state);
            }
            for (ModelWithType model : modelState.get()) {
                store(model.dataType()).bytes(model.key(), model.bytes());
            }
            restoreStats();
        }
    }

    private void restoreStats() throws Exception {
        Map<String, List<ModelToServeStats>> byType = new HashMap<>();
        for (ModelToServeStats stats : statsState.get()) {
            byType.computeIfAbsent(stats.dataType(), any -> new ArrayList<>()).add(stats);
        }
        byType.forEach(
                (dataType, parts) -> {
                    PartitionedStore store = stores.get(dataType);
                    if (store != null) {
                        store.stats(StatsMerge.merge(parts, store.serving().current()));
                    }
                });
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
        List<ServingState> states = new ArrayList<>();
        List<ModelWithType> models = new ArrayList<>();
        List<ModelToServeStats> stats = new ArrayList<>();
        boolean first = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() == 0;
        for (Map.Entry<String, PartitionedStore> entry : stores.entrySet()) {
            PartitionedStore store = entry.getValue();
            table.flush(entry.getKey(), store);
            if (store.stats() != null) {
                stats.add(store.stats());
            }
            if (first && store.serving() != null) {
                states.add(store.serving());
                store.allBytes()
                        .forEach(
                                (key, bytes) ->
                                        models.add(new ModelWithType(entry.getKey(), key, bytes)));
            }
        }
        servingState.update(states);
        modelState.update(models);
        statsState.update(stats);
    }

    @Override
    public void open(OpenContext context) throws Exception {
        ServingSettings settings = new ServingSettings(options);
        ServingMetrics metrics =
                new ServingMetrics(getRuntimeContext().getMetricGroup(), settings.metricsMaxModels);
        table =
                new ServingTable<>(
                        getRuntimeContext().getTaskInfo().getTaskNameWithSubtasks(),
                        dataToServe,
                        resolver,
                        options,
                        metrics);
        recent = new RecentSlots<>(table, dataToServe, false);
        commands = new ModelCommands<>(table, false);
        scoring = new RecordScoring<>(table, dataToServe, System::currentTimeMillis);
        for (Map.Entry<String, PartitionedStore> entry : stores.entrySet()) {
            if (!entry.getValue().serving().pending().isEmpty()) {
                table.find(entry.getKey(), entry.getValue());
            }
        }
    }

    @Override
    public void flatMap1(R record, Collector<ServingOutcome> out) throws Exception {
        String type;
        try {
            type = dataToServe.getType(record);
        } catch (RuntimeException e) {
            type = null;
        }
        if (type == null || type.isEmpty()) {
            out.collect(scoring.withoutType(record));
            return;
        }
        Slot<R> slot = recent.find(type);
        ServingOutcome outcome = null;
        if (slot != null) {
            if (slot.load != null && slot.load.isDone()) {
                poll(slot, out);
            }
            outcome = scoring.score(slot, record);
        }
        out.collect(outcome == null ? scoreInactive(type, record, out) : outcome);
    }

    /** What scores records that were collected. */
    RecordBatch<R> batch(
            RecordInput<?, R> input, OutcomeEmitter emitter, RecordBatch.Alone<R> alone) {
        return new RecordBatch<>(
                dataToServe, scoring, recent, table.settings().batchSize, input, emitter, alone);
    }

    private ServingOutcome scoreInactive(String type, R record, Collector<ServingOutcome> out)
            throws Exception {
        PartitionedStore store = stores.get(type);
        Slot<R> slot = store == null ? null : table.find(type, store);
        return scoring.scoreInactive(slot, type, record, store, out::collect);
    }

    @Override
    public void flatMap2(ModelToServe model, Collector<ServingOutcome> out) throws Exception {
        recent.clear();
        PartitionedStore store = store(model.dataType());
        commands.apply(model, store, errorsOnce(out), System.currentTimeMillis());
        if (store.serving() == null) {
            stores.remove(model.dataType());
        }
    }

    private PartitionedStore store(String dataType) {
        return stores.computeIfAbsent(dataType, any -> new PartitionedStore());
    }

    private void poll(Slot<R> slot, Collector<ServingOutcome> out) throws Exception {
        table.poll(slot, stores.get(slot.dataType), errorsOnce(out), System.currentTimeMillis());
    }

    /** Takes all finished loads over; whether others go on. */
    boolean poll(Collector<ServingOutcome> out) throws Exception {
        recent.clear();
        boolean loading = false;
        for (Slot<R> slot : new ArrayList<>(table.slots())) {
            poll(slot, out);
            loading |= slot.load != null;
        }
        return loading;
    }

    /** The input has ended: waits for the loads that go on, so that their outcome is known. */
    void finishLoads(Collector<ServingOutcome> out) throws Exception {
        for (Slot<R> slot : new ArrayList<>(table.slots())) {
            while (slot.load != null) {
                table.awaitLoad(
                        slot,
                        stores.get(slot.dataType),
                        errorsOnce(out),
                        System.currentTimeMillis());
            }
        }
    }

    /** All subtasks get each model message; the first reports those that were not taken. */
    private java.util.function.Consumer<ServingError> errorsOnce(Collector<ServingOutcome> out) {
        return getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() == 0
                ? out::collect
                : error -> {};
    }

    boolean isLoading() {
        return table.slots().stream().anyMatch(slot -> slot.load != null);
    }

    /** Stats of this subtask, for tests. */
    ModelToServeStats stats(String dataType) throws Exception {
        PartitionedStore store = stores.get(dataType);
        Slot<R> slot = table.find(dataType, store);
        table.flush(slot, store);
        return store.stats();
    }

    @Override
    public void close() {
        if (table != null) {
            table.close();
        }
    }
}
