package io.flinkserving.job;

import io.flinkserving.example.wine.WineDataToServe;

/**
 * Scores wine records where every subtask has all models and records stay in the partition that
 * they come from: many records of few data types, spread over all subtasks.
 */
public final class ModelServingFlatJob {

    private ModelServingFlatJob() {}

    public static void main(String[] arguments) throws Exception {
        ServingJob.run(
                "ModelServingFlatJob",
                ServingJob.Join.PARTITIONED,
                new WineDataToServe(),
                arguments);
    }
}
