package io.flinkserving.functions;

import io.flinkserving.data.DataToServe;
import io.flinkserving.metrics.ServingMetrics;
import io.flinkserving.model.ModelFactoriesResolver;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingOutcome;
import io.flinkserving.model.ServingResult;
import io.flinkserving.options.ModelServingOptions;
import io.flinkserving.state.ModelToServeStatsSerializer;
import io.flinkserving.state.ServingState;
import io.flinkserving.state.ServingStateSerializer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeutils.base.StringSerializer;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.streaming.api.TimerService;
import org.apache.flink.streaming.api.functions.co.KeyedCoProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Joins records and models by data type: each data type, with its records and models, belongs to
 * one subtask. Errors go to {@link ServingError#TAG}.
 *
 * <p>{@link ModelServing} runs it in an operator of its own, which scores records that wait already
 * in one call of the library, and makes the stats in each checkpoint exact. With {@code
 * connect(...).keyBy(...).process(...)} it works as well, but records are scored one by one, a
 * checkpoint has the stats of the last flush, at most {@code model-serving.stats.flush-interval}
 * old, and loads that go on when the input ends are not waited for.
 */
public final class DataProcessorKeyed<R>
        extends KeyedCoProcessFunction<String, R, ModelToServe, ServingResult> {

    private static final long serialVersionUID = 1L;

    /** Name under which the stats of a data type are found in Flink's queryable state. */
    public static final String STATS_QUERYABLE_NAME = "model-serving-stats";

    private static final long FIRST_POLL_MILLIS = 5;
    private static final long LAST_POLL_MILLIS = 320;

    private final DataToServe<R> dataToServe;
    private final DataTypeKey<R> recordKey;
    private final ModelFactoriesResolver resolver;
    private final Configuration options;
    private final String queryableName;

    private transient ServingTable<R> table;
    private transient ModelCommands<R> commands;
    private transient RecordScoring<R> scoring;
    private transient KeyedStore store;

    private transient RecentSlots<R> recent;

    /** Slots whose counts are not in state yet; more may be in it. */
    private transient Set<Slot<R>> unflushed;

    /**
     * @param options values of {@link ModelServingOptions}
     */
    public DataProcessorKeyed(
            DataToServe<R> dataToServe, ModelFactoriesResolver resolver, ReadableConfig options) {
        this(dataToServe, resolver, options, STATS_QUERYABLE_NAME);
    }

    /**
     * @param queryableName in place of {@link #STATS_QUERYABLE_NAME}, which can occur in a job only
     *     once
     */
    public DataProcessorKeyed(
            DataToServe<R> dataToServe,
            ModelFactoriesResolver resolver,
            ReadableConfig options,
            String queryableName) {
        this.dataToServe = dataToServe;
        this.recordKey = new DataTypeKey<>(dataToServe);
        this.resolver = resolver;
        this.options = ServingSettings.merge(new Configuration(), options);
        this.queryableName = queryableName;
        new ServingSettings(this.options);
    }

    /** Describes the queryable state of a data type, for clients. */
    public static ValueStateDescriptor<ModelToServeStats> statsDescriptor() {
        return new ValueStateDescriptor<>("stats", ModelToServeStatsSerializer.INSTANCE);
    }

    @Override
    @SuppressWarnings("deprecation") // Queryable state: deprecated, without a successor.
    public void open(OpenContext context) {
        ValueStateDescriptor<ModelToServeStats> stats = statsDescriptor();
        stats.setQueryable(queryableName);
        store =
                new KeyedStore(
                        getRuntimeContext()
                                .getState(
                                        new ValueStateDescriptor<ServingState>(
                                                "serving", ServingStateSerializer.INSTANCE)),
                        getRuntimeContext()
                                .getMapState(
                                        new MapStateDescriptor<>(
                                                "model-bytes",
                                                StringSerializer.INSTANCE,
                                                BytePrimitiveArraySerializer.INSTANCE)),
                        getRuntimeContext().getState(stats));
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
        recent = new RecentSlots<>(table, dataToServe, true);
        commands = new ModelCommands<>(table, true);
        scoring = new RecordScoring<>(table, dataToServe, System::currentTimeMillis);
        unflushed = new HashSet<>();
    }

    @Override
    public void processElement1(R record, Context context, Collector<ServingResult> out)
            throws Exception {
        String key = context.getCurrentKey();
        Slot<R> slot = recent.find(key);
        if (slot != null) {
            if (slot.load != null && slot.load.isDone()) {
                pollSlot(slot, context);
            }
            ServingOutcome outcome = scoring.score(slot, record);
            if (outcome instanceof ServingResult) {
                if (!slot.flushArmed) {
                    armFlush(slot, context.timerService());
                }
                out.collect((ServingResult) outcome);
                return;
            }
            if (outcome != null) {
                armFlush(slot, context.timerService());
                context.output(ServingError.TAG, (ServingError) outcome);
                return;
            }
        }
        processInactive(key, record, context, out);
    }

    /** The record's key. */
    String key(R record) {
        return recordKey.getKey(record);
    }

    /** What scores records that were collected. */
    RecordBatch<R> batch(
            RecordInput<?, R> input, OutcomeEmitter emitter, RecordBatch.Alone<R> alone) {
        return new RecordBatch<>(
                dataToServe, scoring, recent, table.settings().batchSize, input, emitter, alone);
    }

    private void processInactive(
            String key, R record, Context context, Collector<ServingResult> out) throws Exception {
        if (key.equals(DataTypeKey.NONE)) {
            context.output(ServingError.TAG, scoring.withoutType(record));
            return;
        }
        Slot<R> slot = table.find(key, store);
        ServingOutcome outcome =
                scoring.scoreInactive(
                        slot, key, record, store, e -> context.output(ServingError.TAG, e));
        if (slot != null) {
            recent.clear();
            if (slot.dirty) {
                armFlush(slot, context.timerService());
            }
            armPoll(slot, context.timerService());
        }
        if (outcome instanceof ServingResult) {
            out.collect((ServingResult) outcome);
        } else {
            context.output(ServingError.TAG, (ServingError) outcome);
        }
    }

    @Override
    public void processElement2(ModelToServe model, Context context, Collector<ServingResult> out)
            throws Exception {
        recent.clear();
        long now = context.timerService().currentProcessingTime();
        commands.apply(model, store, e -> context.output(ServingError.TAG, e), now);
        Slot<R> slot = table.known(model.dataType());
        if (slot != null) {
            armPoll(slot, context.timerService());
        }
    }

    @Override
    public void onTimer(long timestamp, OnTimerContext context, Collector<ServingResult> out)
            throws Exception {
        recent.clear();
        // After a restore this is what makes the loads of a data type without records go on.
        Slot<R> slot = table.find(context.getCurrentKey(), store);
        if (slot == null) {
            return;
        }
        if (timestamp >= slot.pollAt) {
            slot.pollArmed = false;
            pollSlot(slot, context);
            armPoll(slot, context.timerService());
        }
        if (slot.flushArmed && timestamp >= slot.flushAt) {
            flush(slot);
        }
    }

    private void pollSlot(Slot<R> slot, Context context) throws Exception {
        long now = context.timerService().currentProcessingTime();
        table.poll(slot, store, e -> context.output(ServingError.TAG, e), now);
    }

    /** While a model is loaded and no record comes, the load is looked after by a timer. */
    private void armPoll(Slot<R> slot, TimerService service) {
        if (slot.load == null) {
            slot.pollDelay = 0;
        } else if (!slot.pollArmed) {
            slot.pollArmed = true;
            slot.pollDelay =
                    Math.max(FIRST_POLL_MILLIS, Math.min(LAST_POLL_MILLIS, 2 * slot.pollDelay));
            slot.pollAt = service.currentProcessingTime() + slot.pollDelay;
            service.registerProcessingTimeTimer(slot.pollAt);
        }
    }

    private void armFlush(Slot<R> slot, TimerService service) {
        if (!slot.flushArmed) {
            slot.flushArmed = true;
            slot.flushAt = service.currentProcessingTime() + table.settings().flushInterval;
            service.registerProcessingTimeTimer(slot.flushAt);
            unflushed.add(slot);
        }
    }

    private void flush(Slot<R> slot) throws Exception {
        slot.flushArmed = false;
        table.flush(slot, store);
    }

    /** Something that has to happen while the key of a slot is the current one. */
    interface KeySetter {
        void setCurrentKey(Object key);
    }

    /** Writes all counts to state. */
    void flushAll(KeySetter operator) throws Exception {
        for (Slot<R> slot : unflushed) {
            if (slot.dirty && table.has(slot)) {
                operator.setCurrentKey(slot.dataType);
                table.flush(slot, store);
            }
        }
        unflushed.removeIf(slot -> !slot.flushArmed);
    }

    /** The input has ended: waits for the loads that go on, so that their outcome is known. */
    void finishLoads(KeySetter operator, Consumer<ServingError> errors, long now) throws Exception {
        for (Slot<R> slot : new ArrayList<>(table.slots())) {
            operator.setCurrentKey(slot.dataType);
            while (slot.load != null) {
                table.awaitLoad(slot, store, errors, now);
            }
        }
    }

    boolean isLoading() {
        return table.slots().stream().anyMatch(slot -> slot.load != null);
    }

    @Override
    public void close() {
        if (table != null) {
            table.close();
        }
    }
}
