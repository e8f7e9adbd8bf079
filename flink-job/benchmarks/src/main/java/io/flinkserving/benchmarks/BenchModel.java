package io.flinkserving.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The wine models that are compared with peers, and what is promised for each. */
enum BenchModel {
    LINEAR("linear", "a_linreg", 1e-13, Map.of("to-jpmml", 8.0)),
    LOGISTIC("logistic", "a_logreg", 1e-12, Map.of("to-jpmml", 12.0)),
    TREE("tree", "b_tree", 0, Map.of("to-jpmml", 12.0)),
    FOREST("forest", "c_rf", 0, ensemble(7, 0)),
    XGBOOST("xgboost", "d_xgb", 0, ensemble(6, 4)),
    LIGHTGBM("lightgbm", "d_lgb", 0, ensemble(6, 4)),
    NETWORK(
            "network",
            "e_mlp",
            1e-12,
            Map.of(
                    "to-jpmml", 50.0,
                    "onnx-to-onnxruntime", 20.0,
                    "onnx-to-onnxruntime-batch-64", 1.0));

    final String label;
    final String file;

    /**
     * How far an answer may be from JPMML-Evaluator's, relative to it. Not 0 only where the order
     * of a sum or the exponential function may differ.
     */
    final double tolerance;

    /** What each ratio must be at least, by the name of its line; others have no goal. */
    final Map<String, Double> goals;

    BenchModel(String label, String file, double tolerance, Map<String, Double> goals) {
        this.label = label;
        this.file = file;
        this.tolerance = tolerance;
        this.goals = goals;
    }

    /**
     * The goals of an ensemble. As ONNX it takes at most 15 % more time than as PMML.
     *
     * @param batch 0: none
     */
    private static Map<String, Double> ensemble(double onnxruntime, double batch) {
        return Map.of(
                "to-jpmml",
                60.0,
                "to-onnxruntime",
                onnxruntime,
                "to-onnxruntime-batch-64",
                batch,
                "onnx-to-pmml",
                0.87);
    }

    /** Those that the folder holds. */
    static List<BenchModel> in(Path folder) throws IOException {
        List<BenchModel> found = new ArrayList<>();
        for (BenchModel model : values()) {
            if (Files.isRegularFile(model.pmml(folder))) {
                found.add(model);
            }
        }
        if (found.isEmpty()) {
            throw new IOException("no models in " + folder);
        }
        return found;
    }

    Path pmml(Path folder) {
        return folder.resolve(file + ".pmml");
    }

    /** The same kind of model as ONNX; it need not be there. */
    Path onnx(Path folder) {
        return folder.resolve(file + ".onnx");
    }
}
