package io.flinkserving.functions;

import io.flinkserving.model.ModelToServe;
import io.flinkserving.model.ModelToServeStats;
import java.util.ArrayList;
import java.util.List;

/** Brings together what several subtasks counted for one data type. */
final class StatsMerge {

    private StatsMerge() {}

    /**
     * @param parts of the same data type, at least one; of whatever versions, since subtasks change
     *     to a new one at different moments
     * @param current the model that serves, or null
     * @return the counts of the current model; all others are previous ones
     */
    static ModelToServeStats merge(List<ModelToServeStats> parts, ModelToServe current) {
        List<ModelToServeStats> versions = new ArrayList<>();
        for (ModelToServeStats part : parts) {
            add(part.toBuilder().previous(List.of()).build(), versions);
            part.previous().forEach(previous -> add(previous, versions));
        }
        ModelToServeStats serving = null;
        for (ModelToServeStats version : versions) {
            if (current != null
                    && version.name().equals(current.name())
                    && version.version().equals(current.version())) {
                serving = version;
            }
        }
        if (serving == null) {
            String dataType = parts.get(0).dataType();
            serving = ModelToServeStats.builder().dataType(dataType).build();
        } else {
            versions.remove(serving);
        }
        return serving.toBuilder().previous(versions).build();
    }

    private static void add(ModelToServeStats part, List<ModelToServeStats> versions) {
        for (int i = 0; i < versions.size(); i++) {
            if (versions.get(i).isSameVersion(part)) {
                versions.set(i, versions.get(i).plus(part));
                return;
            }
        }
        versions.add(part);
    }
}
