package io.flinkserving.tools;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.OutputValue;
import io.flinkserving.wire.ServingError;
import io.flinkserving.wire.ServingResult;
import io.flinkserving.wire.WineRecord;
import java.time.Instant;
import java.util.Map;

/** The messages of the four topics as JSON. NaN and infinities are strings, as in the library. */
public enum MessageFormat {
    RECORD {
        @Override
        JsonObject read(byte[] value) throws InvalidProtocolBufferException {
            WineRecord record = WineRecord.parseFrom(value);
            JsonObject json = new JsonObject();
            for (FieldDescriptor field : WineRecord.getDescriptor().getFields()) {
                Object content = record.getField(field);
                json.add(
                        field.getName(),
                        content instanceof Double
                                ? number((Double) content)
                                : new JsonPrimitive(content.toString()));
            }
            return json;
        }
    },
    MODEL {
        @Override
        JsonObject read(byte[] value) throws InvalidProtocolBufferException {
            ModelDescriptor model = ModelDescriptor.parseFrom(value);
            JsonObject json = new JsonObject();
            json.addProperty("action", nameOf(model.getAction(), model.getActionValue()));
            json.addProperty("name", model.getName());
            json.addProperty("version", model.getVersion());
            json.addProperty("data_type", model.getDataType());
            if (model.getAction() == ModelDescriptor.Action.ADD_OR_UPDATE) {
                json.addProperty("type", nameOf(model.getModeltype(), model.getModeltypeValue()));
                if (model.hasLocation()) {
                    json.addProperty("location", model.getLocation());
                } else {
                    json.addProperty("bytes", model.getData().size());
                    json.addProperty(
                            "sha256",
                            ModelFiles.hex(ModelFiles.sha256(model.getData().toByteArray())));
                }
                json.addProperty("description", model.getDescription());
            }
            json.addProperty("occurred_on", time(model.getOccurredOn()));
            return json;
        }
    },
    RESULT {
        @Override
        JsonObject read(byte[] value) throws InvalidProtocolBufferException {
            ServingResult result = ServingResult.parseFrom(value);
            JsonObject json = new JsonObject();
            json.addProperty("record_id", result.getRecordId());
            json.addProperty("data_type", result.getDataType());
            json.addProperty("model", result.getModelName());
            json.addProperty("version", result.getModelVersion());
            json.addProperty("type", nameOf(result.getModelType(), result.getModelTypeValue()));
            json.addProperty("duration_nanos", result.getDurationNanos());
            JsonObject outputs = new JsonObject();
            result.getOutputsList()
                    .forEach(output -> outputs.add(output.getName(), output(output)));
            json.add("outputs", outputs);
            return json;
        }
    },
    ERROR {
        @Override
        JsonObject read(byte[] value) throws InvalidProtocolBufferException {
            ServingError error = ServingError.parseFrom(value);
            JsonObject json = new JsonObject();
            json.addProperty("code", nameOf(error.getCode(), error.getCodeValue()));
            json.addProperty("message", error.getMessage());
            json.addProperty("record_id", error.getRecordId());
            json.addProperty("data_type", error.getDataType());
            json.addProperty("model", error.getModelName());
            json.addProperty("version", error.getModelVersion());
            json.addProperty("occurred_on", time(error.getOccurredOn()));
            json.addProperty("input_bytes", error.getInput().size());
            return json;
        }
    };

    abstract JsonObject read(byte[] value) throws InvalidProtocolBufferException;

    /** The message, or {"unreadable": reason, "bytes": size}. */
    public JsonObject toJson(byte[] value) {
        String reason = "no value";
        if (value != null) {
            try {
                return read(value);
            } catch (InvalidProtocolBufferException e) {
                reason = e.getMessage();
            }
        }
        JsonObject json = new JsonObject();
        json.addProperty("unreadable", reason);
        json.addProperty("bytes", value == null ? 0 : value.length);
        return json;
    }

    /** "key value, key value", without what is empty. */
    public static String toText(JsonObject message) {
        StringBuilder text = new StringBuilder();
        for (Map.Entry<String, JsonElement> entry : message.entrySet()) {
            JsonElement value = entry.getValue();
            if (value.isJsonPrimitive() && value.getAsString().isEmpty()) {
                continue;
            }
            if (text.length() > 0) {
                text.append(", ");
            }
            text.append(entry.getKey()).append(' ');
            if (value.isJsonPrimitive()) {
                text.append(value.getAsString());
            } else if (value.isJsonObject()) {
                text.append('{').append(toText(value.getAsJsonObject())).append('}');
            } else {
                text.append(value);
            }
        }
        return text.toString();
    }

    private static JsonElement output(OutputValue output) {
        switch (output.getValueCase()) {
            case DOUBLE_VALUE:
                return number(output.getDoubleValue());
            case FLOAT_VALUE:
                float single = output.getFloatValue();
                return Float.isFinite(single)
                        ? new JsonPrimitive(single)
                        : new JsonPrimitive(Float.toString(single));
            case LONG_VALUE:
                return new JsonPrimitive(output.getLongValue());
            case BOOLEAN_VALUE:
                return new JsonPrimitive(output.getBooleanValue());
            case STRING_VALUE:
                return new JsonPrimitive(output.getStringValue());
            case TENSOR_VALUE:
                JsonArray values = new JsonArray();
                output.getTensorValue().getValuesList().forEach(value -> values.add(number(value)));
                return values;
            default:
                return JsonNull.INSTANCE;
        }
    }

    private static JsonPrimitive number(double value) {
        return Double.isFinite(value)
                ? new JsonPrimitive(value)
                : new JsonPrimitive(Double.toString(value));
    }

    private static String nameOf(Enum<?> value, int number) {
        return value.name().equals("UNRECOGNIZED") ? Integer.toString(number) : value.name();
    }

    private static String time(long millis) {
        return millis == 0 ? "" : Instant.ofEpochMilli(millis).toString();
    }
}
