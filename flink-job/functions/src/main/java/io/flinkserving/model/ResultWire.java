package io.flinkserving.model;

import io.flinkserving.boundary.CellTag;
import io.flinkserving.wire.Doubles;
import io.flinkserving.wire.FieldType;
import io.flinkserving.wire.OutputValue;
import java.util.ArrayList;
import java.util.List;

/** Results as messages of {@code serving_result.proto}. */
final class ResultWire {

    private ResultWire() {}

    static io.flinkserving.wire.ServingResult toProto(ServingResult result) {
        ServedModel model = result.model();
        io.flinkserving.wire.ServingResult.Builder message =
                io.flinkserving.wire.ServingResult.newBuilder()
                        .setDataType(model.dataType())
                        .setModelName(model.name())
                        .setModelVersion(model.version())
                        .setModelTypeValue(model.type())
                        .setDurationNanos(result.durationNanos());
        if (result.recordId() != null) {
            message.setRecordId(result.recordId());
        }
        for (int slot = 0; slot < model.outputs().size(); slot++) {
            OutputField field = model.outputs().field(slot);
            if (field.width() == 1) {
                message.addOutputs(value(field.name(), result, slot, 0));
            } else if (isText(result, slot)) {
                // The message has tensors of numbers only; the elements go one by one.
                for (int i = 0; i < field.width(); i++) {
                    message.addOutputs(value(field.name() + "[" + i + "]", result, slot, i));
                }
            } else {
                message.addOutputs(tensor(field.name(), result, slot));
            }
        }
        return message.build();
    }

    private static boolean isText(ServingResult result, int slot) {
        for (int i = 0; i < result.outputs().field(slot).width(); i++) {
            byte tag = result.tag(slot, i);
            if (tag == CellTag.TEXT || tag == CellTag.LABEL || tag == CellTag.BOOLEAN) {
                return true;
            }
        }
        return false;
    }

    private static OutputValue tensor(String name, ServingResult result, int slot) {
        Doubles.Builder values = Doubles.newBuilder();
        for (double value : result.getDoubles(slot)) {
            values.addValues(value);
        }
        return OutputValue.newBuilder().setName(name).setTensorValue(values).build();
    }

    private static OutputValue value(String name, ServingResult result, int slot, int element) {
        OutputValue.Builder value = OutputValue.newBuilder().setName(name);
        Object object = result.get(slot, element);
        if (object instanceof Double) {
            value.setDoubleValue((Double) object);
        } else if (object instanceof Float) {
            value.setFloatValue((Float) object);
        } else if (object instanceof Long) {
            value.setLongValue((Long) object);
        } else if (object instanceof Boolean) {
            value.setBooleanValue((Boolean) object);
        } else if (object != null) {
            value.setStringValue((String) object);
        }
        return value.build();
    }

    static ServingResult fromProto(io.flinkserving.wire.ServingResult message) {
        List<OutputField> fields = new ArrayList<>();
        for (OutputValue value : message.getOutputsList()) {
            int width = value.hasTensorValue() ? value.getTensorValue().getValuesCount() : 1;
            fields.add(
                    new OutputField(value.getName(), type(value), Math.max(1, width), List.of()));
        }
        ServedModel model =
                new ServedModel(
                        message.getDataType(),
                        message.getModelName(),
                        message.getModelVersion(),
                        message.getModelTypeValue(),
                        OutputSchema.of(fields));
        Outputs outputs = new Outputs();
        outputs.reset(model.outputs());
        for (int slot = 0; slot < fields.size(); slot++) {
            set(outputs, slot, message.getOutputs(slot));
        }
        String id = message.getRecordId().isEmpty() ? null : message.getRecordId();
        return ServingResult.of(id, model, message.getDurationNanos(), outputs);
    }

    private static FieldType type(OutputValue value) {
        switch (value.getValueCase()) {
            case DOUBLE_VALUE:
            case TENSOR_VALUE:
                return FieldType.FIELD_DOUBLE;
            case FLOAT_VALUE:
                return FieldType.FIELD_FLOAT;
            case LONG_VALUE:
                return FieldType.FIELD_LONG;
            case BOOLEAN_VALUE:
                return FieldType.FIELD_BOOLEAN;
            case STRING_VALUE:
                return FieldType.FIELD_STRING;
            default:
                return FieldType.FIELD_TYPE_UNSPECIFIED;
        }
    }

    private static void set(Outputs outputs, int slot, OutputValue value) {
        switch (value.getValueCase()) {
            case DOUBLE_VALUE:
                outputs.setDouble(slot, value.getDoubleValue());
                break;
            case FLOAT_VALUE:
                outputs.setFloat(slot, value.getFloatValue());
                break;
            case LONG_VALUE:
                outputs.setLong(slot, value.getLongValue());
                break;
            case BOOLEAN_VALUE:
                outputs.setBoolean(slot, value.getBooleanValue());
                break;
            case STRING_VALUE:
                outputs.setString(slot, value.getStringValue());
                break;
            case TENSOR_VALUE:
                for (int i = 0; i < value.getTensorValue().getValuesCount(); i++) {
                    outputs.setDouble(slot, i, value.getTensorValue().getValues(i));
                }
                break;
            default:
                break;
        }
    }
}
