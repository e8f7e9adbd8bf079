"""The PMML models: trained with scikit-learn and statsmodels, written by sklearn2pmml."""

import re
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn2pmml import sklearn2pmml
from sklearn2pmml.pipeline import PMMLPipeline
from sklearn2pmml.statsmodels import StatsModelsRegressor
from statsmodels.api import GLM, families

from example_model import ExampleModel, round_half_up
from wine_records import FIELDS, TARGET

# Double arithmetic on both sides; only the order of a sum may differ.
TOLERANCE = {"rel": 1e-10, "abs": 1e-12}

TIMESTAMP = re.compile(rb"\s*<Timestamp>[^<]*</Timestamp>")


def _pipelines(seed: int) -> dict[str, tuple[str, list]]:
    """Name -> description and steps of each model, untrained."""
    return {
        "linear_regression": (
            "Linear regression by least squares",
            [LinearRegression()],
        ),
        "generalized_linear_regression": (
            "Generalized linear regression, Poisson distribution, logarithmic link",
            [StatsModelsRegressor(GLM, family=families.Poisson())],
        ),
        "decision_tree_classification": (
            "Decision tree classification, depth at most 7",
            [DecisionTreeClassifier(max_depth=7, min_samples_leaf=5, random_state=seed)],
        ),
        "decision_tree_regression": (
            "Decision tree regression, depth at most 6",
            [DecisionTreeRegressor(max_depth=6, min_samples_leaf=5, random_state=seed)],
        ),
        "random_forest_classification": (
            "Random forest classification, 20 trees of depth at most 6",
            [
                RandomForestClassifier(
                    n_estimators=20, max_depth=6, min_samples_leaf=12, random_state=seed
                )
            ],
        ),
        "logistic_regression": (
            "Multinomial logistic regression over standardised fields",
            [StandardScaler(), LogisticRegression(max_iter=5000)],
        ),
        "multilayer_perceptron": (
            "Multilayer perceptron classification over standardised fields, 11-16-12-6, sigmoid",
            [
                StandardScaler(),
                MLPClassifier(
                    hidden_layer_sizes=(16, 12),
                    activation="logistic",
                    alpha=0.1,
                    learning_rate_init=0.01,
                    max_iter=2000,
                    random_state=seed,
                ),
            ],
        ),
    }


def _export(pipeline: PMMLPipeline) -> bytes:
    """The PMML document, without the moment of its export so that it can be made again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pmml"
        sklearn2pmml(pipeline, str(path))
        document = path.read_bytes()
    return TIMESTAMP.sub(b"", document, count=1)


def _answers(pipeline: PMMLPipeline, table: pd.DataFrame) -> tuple[str, np.ndarray, list[dict]]:
    """How to read the quality, the quality of each row, and all outputs of each row."""
    predicted = np.asarray(pipeline.predict(table))
    if not hasattr(pipeline[-1], "predict_proba"):
        outputs = [{TARGET: float(value)} for value in predicted]
        return "round", round_half_up(predicted), outputs
    labels = [int(label) for label in pipeline[-1].classes_]
    outputs = [
        {TARGET: int(label)}
        | {f"probability({name})": float(value) for name, value in zip(labels, row, strict=True)}
        for label, row in zip(predicted, pipeline.predict_proba(table), strict=True)
    ]
    return "label", predicted, outputs


def make(features: np.ndarray, qualities: np.ndarray, seed: int):
    """Trains and exports one model after the other; yields an `ExampleModel` for each."""
    table = pd.DataFrame(features, columns=list(FIELDS))
    target = pd.Series(qualities, name=TARGET)
    for name, (description, steps) in _pipelines(seed).items():
        pipeline = PMMLPipeline([(f"step_{index}", step) for index, step in enumerate(steps)])
        pipeline.fit(table, target)
        read, answered, outputs = _answers(pipeline, table)
        package = "statsmodels" if isinstance(steps[-1], StatsModelsRegressor) else "scikit-learn"
        yield ExampleModel(
            name=name,
            file=f"{name}.pmml",
            type="PMML",
            description=description,
            content=_export(pipeline),
            quality={"output": TARGET, "read": read},
            right_answers=int(np.sum(answered == qualities)),
            tool=f"{package} {version(package)}",
            tolerance=TOLERANCE,
            outputs=outputs,
        )
