package io.flinkserving.kafka;

import java.lang.reflect.Type;
import java.util.Map;
import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInfoFactory;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;

/** Type information of {@link KafkaMessage}. */
public final class KafkaMessageType extends TypeInformation<KafkaMessage> {

    private static final long serialVersionUID = 1L;

    public static final KafkaMessageType INSTANCE = new KafkaMessageType();

    private KafkaMessageType() {}

    @Override
    public boolean isBasicType() {
        return false;
    }

    @Override
    public boolean isTupleType() {
        return false;
    }

    @Override
    public int getArity() {
        return 1;
    }

    @Override
    public int getTotalFields() {
        return 1;
    }

    @Override
    public Class<KafkaMessage> getTypeClass() {
        return KafkaMessage.class;
    }

    @Override
    public boolean isKeyType() {
        return false;
    }

    @Override
    public TypeSerializer<KafkaMessage> createSerializer(SerializerConfig config) {
        return KafkaMessageSerializer.INSTANCE;
    }

    /** Abstract in Flink 1.20, gone in Flink 2; so without {@code @Override}. */
    @SuppressWarnings("deprecation")
    public TypeSerializer<KafkaMessage> createSerializer(ExecutionConfig config) {
        return KafkaMessageSerializer.INSTANCE;
    }

    @Override
    public String toString() {
        return "KafkaMessage";
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KafkaMessageType;
    }

    @Override
    public int hashCode() {
        return KafkaMessageType.class.hashCode();
    }

    @Override
    public boolean canEqual(Object other) {
        return other instanceof KafkaMessageType;
    }

    /** For Flink's type extraction. */
    public static final class Factory extends TypeInfoFactory<KafkaMessage> {
        @Override
        public TypeInformation<KafkaMessage> createTypeInfo(
                Type type, Map<String, TypeInformation<?>> parameters) {
            return INSTANCE;
        }
    }
}
