package io.flinkserving.example.wine;

import io.flinkserving.data.DataToServe;
import io.flinkserving.data.ProtobufFormat;
import io.flinkserving.data.ProtobufStringField;
import io.flinkserving.data.RecordFormat;
import io.flinkserving.kafka.KafkaMessage;
import io.flinkserving.wire.WineRecord;

/**
 * Messages whose value is a {@link WineRecord}. The library reads the fields that a model uses from
 * the message's own bytes; here only the data type is looked at.
 */
public final class WineDataToServe implements DataToServe<KafkaMessage> {

    private static final long serialVersionUID = 1L;

    private final ProtobufStringField dataType =
            ProtobufStringField.of(WineRecord.DATATYPE_FIELD_NUMBER);
    private final ProtobufFormat<KafkaMessage> format =
            ProtobufFormat.of(WineRecord.getDescriptor(), KafkaMessage::value);

    @Override
    public String getType(KafkaMessage record) {
        return dataType.read(record.value());
    }

    @Override
    public String getId(KafkaMessage record) {
        return record.id();
    }

    @Override
    public RecordFormat<KafkaMessage> format() {
        return format;
    }
}
