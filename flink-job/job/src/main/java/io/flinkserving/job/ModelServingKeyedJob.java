package io.flinkserving.job;

import io.flinkserving.example.wine.WineDataToServe;

/**
 * Scores wine records where each data type is served by one subtask, which has its models and their
 * stats in keyed state: they can be queried while the job runs.
 */
public final class ModelServingKeyedJob {

    private ModelServingKeyedJob() {}

    public static void main(String[] arguments) throws Exception {
        ServingJob.run(
                "ModelServingKeyedJob", ServingJob.Join.KEYED, new WineDataToServe(), arguments);
    }
}
