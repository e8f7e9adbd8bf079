package io.flinkserving.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The wine models that are compared with peers, and what is promised for each. */
enum BenchModel {
    LINEAR("linear", "a_linreg", 8, 1e-13),
    LOGISTIC("logistic", "a_logreg", 12, 1e-12),
    TREE("tree", "b_tree", 12, 0),
    FOREST("forest", "c_rf", 60, 0, 7, 0),
    XGBOOST("xgboost", "d_xgb", 60, 0, 6, 4),
    LIGHTGBM("lightgbm", "d_lgb", 60, 0, 6, 4),
    NETWORK("network", "e_mlp", 50, 1e-12);

    final String label;
    final String file;

    /** How many times as fast as JPMML-Evaluator; 0: no promise. */
    final double timesJpmml;

    /**
     * How far an answer may be from JPMML-Evaluator's, relative to it. Not 0 only where the order
     * of a sum or the exponential function may differ.
     */
    final double tolerance;

    /** How many times as fast as onnxruntime, one record a call. */
    final double timesOnnx;

    /** The same, 64 records a call. */
    final double timesOnnxBatch;

    BenchModel(String label, String file, double timesJpmml, double tolerance) {
        this(label, file, timesJpmml, tolerance, 0, 0);
    }

    BenchModel(
            String label,
            String file,
            double timesJpmml,
            double tolerance,
            double timesOnnx,
            double timesOnnxBatch) {
        this.label = label;
        this.file = file;
        this.timesJpmml = timesJpmml;
        this.tolerance = tolerance;
        this.timesOnnx = timesOnnx;
        this.timesOnnxBatch = timesOnnxBatch;
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

    /** The same kind of model for onnxruntime; it need not be there. */
    Path onnx(Path folder) {
        return folder.resolve(file + ".onnx");
    }
}
