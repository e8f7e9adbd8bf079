package io.flinkserving.state;

import io.flinkserving.data.RecordBlock;
import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ModelToServeStats;
import io.flinkserving.model.ModelWithType;
import io.flinkserving.model.ServingError;
import io.flinkserving.model.ServingOutcome;
import io.flinkserving.model.ServingResult;
import java.lang.reflect.Type;
import java.util.Map;
import org.apache.flink.api.common.typeinfo.TypeInfoFactory;
import org.apache.flink.api.common.typeinfo.TypeInformation;

/** Type information of everything that travels or is stored. Flink also finds it by itself. */
public final class ServingTypes {

    public static final TypeInformation<ModelToServe> MODEL =
            new ServingTypeInfo<>(ModelToServe.class, ModelToServeSerializer.INSTANCE);

    public static final TypeInformation<ModelToServeStats> STATS =
            new ServingTypeInfo<>(ModelToServeStats.class, ModelToServeStatsSerializer.INSTANCE);

    public static final TypeInformation<ModelWithType> MODEL_WITH_TYPE =
            new ServingTypeInfo<>(ModelWithType.class, ModelWithTypeSerializer.INSTANCE);

    public static final TypeInformation<ServingResult> RESULT =
            new ServingTypeInfo<>(ServingResult.class, ServingResultSerializer.INSTANCE);

    public static final TypeInformation<ServingError> ERROR =
            new ServingTypeInfo<>(ServingError.class, ServingErrorSerializer.INSTANCE);

    public static final TypeInformation<ServingOutcome> OUTCOME =
            new ServingTypeInfo<>(ServingOutcome.class, ServingOutcomeSerializer.INSTANCE);

    public static final TypeInformation<RecordBlock> RECORD_BLOCK =
            new ServingTypeInfo<>(RecordBlock.class, RecordBlockSerializer.INSTANCE);

    private ServingTypes() {}

    /** For Flink's type extraction. */
    public static final class OfModel extends TypeInfoFactory<ModelToServe> {
        @Override
        public TypeInformation<ModelToServe> createTypeInfo(
                Type type, Map<String, TypeInformation<?>> parameters) {
            return MODEL;
        }
    }

    /** For Flink's type extraction. */
    public static final class OfStats extends TypeInfoFactory<ModelToServeStats> {
        @Override
        public TypeInformation<ModelToServeStats> createTypeInfo(
                Type type, Map<String, TypeInformation<?>> parameters) {
            return STATS;
        }
    }

    /** For Flink's type extraction. */
    public static final class OfModelWithType extends TypeInfoFactory<ModelWithType> {
        @Override
        public TypeInformation<ModelWithType> createTypeInfo(
                Type type, Map<String, TypeInformation<?>> parameters) {
            return MODEL_WITH_TYPE;
        }
    }

    /** For Flink's type extraction. */
    public static final class OfResult extends TypeInfoFactory<ServingResult> {
        @Override
        public TypeInformation<ServingResult> createTypeInfo(
                Type type, Map<String, TypeInformation<?>> parameters) {
            return RESULT;
        }
    }

    /** For Flink's type extraction. */
    public static final class OfError extends TypeInfoFactory<ServingError> {
        @Override
        public TypeInformation<ServingError> createTypeInfo(
                Type type, Map<String, TypeInformation<?>> parameters) {
            return ERROR;
        }
    }

    /** For Flink's type extraction. */
    public static final class OfOutcome extends TypeInfoFactory<ServingOutcome> {
        @Override
        public TypeInformation<ServingOutcome> createTypeInfo(
                Type type, Map<String, TypeInformation<?>> parameters) {
            return OUTCOME;
        }
    }
}
