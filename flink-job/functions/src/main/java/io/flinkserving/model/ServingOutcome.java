package io.flinkserving.model;

import io.flinkserving.state.ServingTypes;
import org.apache.flink.api.common.typeinfo.TypeInfo;

/** What a record, or a model message, leaves: a {@link ServingResult} or a {@link ServingError}. */
@TypeInfo(ServingTypes.OfOutcome.class)
public abstract class ServingOutcome {

    ServingOutcome() {}

    /** Identity of the record, or null. */
    public abstract String recordId();

    /** Data type, or null where it is not known. */
    public abstract String dataType();
}
