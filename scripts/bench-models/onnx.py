"""Writes models as ONNX (operators of ai.onnx 15 and ai.onnx.ml 2), in single precision: the twins of the PMML documents."""

from typing import Dict, List, NamedTuple, Sequence, Union

import protobuf
from dense import Layer
from trees import Boosted, Leaf, Split, Tree
from wine import Wine

FLOAT, INT64 = 1, 7
ML = "ai.onnx.ml"
IR_VERSION, OPSETS = 8, {"": 15, ML: 2}

Value = Union[int, float, str, Sequence[int], Sequence[float], Sequence[str]]


def attribute(name: str, value: Value) -> bytes:
    """Numbers of the attribute's type and of the field that holds its value: onnx.proto, AttributeProto."""
    several = isinstance(value, (list, tuple))
    kind = type(value[0] if several else value)
    content, number = {
        (float, False): lambda: (protobuf.real(2, value), 1),
        (int, False): lambda: (protobuf.number(3, value), 2),
        (str, False): lambda: (protobuf.message(4, value), 3),
        (float, True): lambda: (protobuf.reals(7, value), 6),
        (int, True): lambda: (protobuf.numbers(8, value), 7),
        (str, True): lambda: (b"".join(protobuf.message(9, text) for text in value), 8),
    }[kind, several]()
    return protobuf.message(5, protobuf.message(1, name), content, protobuf.number(20, number))


def node(operator: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = "", **attributes: Value) -> bytes:
    return protobuf.message(
        1, *(protobuf.message(1, name) for name in inputs), *(protobuf.message(2, name) for name in outputs),
        protobuf.message(3, outputs[0]), protobuf.message(4, operator), *(attribute(*pair) for pair in attributes.items()),
        protobuf.message(7, domain),
    )


def constant(name: str, shape: Sequence[int], values: Sequence[float], kind: int = FLOAT) -> bytes:
    """A tensor of floats or, with `kind`, of 64-bit integers."""
    data = protobuf.reals(4, values) if kind == FLOAT else protobuf.numbers(7, map(int, values))
    return protobuf.message(5, protobuf.numbers(1, shape), protobuf.number(2, kind), data, protobuf.message(8, name))


def value(field: int, name: str, kind: int, shape: Sequence[int]) -> bytes:
    """An input or output of the graph; its first axis is the batch."""
    axes = [protobuf.message(1, protobuf.message(2, "batch")), *(protobuf.message(1, protobuf.number(1, size)) for size in shape)]
    return protobuf.message(
        field, protobuf.message(1, name), protobuf.message(2, protobuf.message(1, protobuf.number(1, kind), protobuf.message(2, *axes)))
    )


class Output(NamedTuple):
    name: str
    kind: int
    shape: Sequence[int]


LABEL = Output("label", INT64, ())


def model(inputs: Sequence[int], outputs: Sequence[Output], *parts: bytes) -> bytes:
    """`inputs`: shape of the one input of a row; `parts`: nodes and constants."""
    graph = protobuf.message(
        7, *parts, protobuf.message(2, "bench"), value(11, "input", FLOAT, inputs), *(value(12, *output) for output in outputs)
    )
    opsets = (protobuf.message(8, protobuf.message(1, domain), protobuf.number(2, version)) for domain, version in OPSETS.items())
    return protobuf.number(1, IR_VERSION) + protobuf.message(2, "scripts/bench-models") + graph + b"".join(opsets)


def _flat(rows: Sequence[Sequence[float]]) -> List[float]:
    return [number for row in rows for number in row]


def regression(wine: Wine, layer: Layer) -> bytes:
    linear = node("LinearRegressor", ["input"], ["variable"], ML, coefficients=layer.weights[0], intercepts=layer.biases)
    return model([len(wine.fields)], [Output("variable", FLOAT, [1])], linear)


def logistic(wine: Wine, layer: Layer) -> bytes:
    linear = node(
        "LinearClassifier", ["input"], ["label", "probabilities"], ML, coefficients=_flat(layer.weights), intercepts=layer.biases,
        classlabels_ints=wine.classes, multi_class=1, post_transform="SOFTMAX",
    )
    return model([len(wine.fields)], [LABEL, Output("probabilities", FLOAT, [len(wine.classes)])], linear)


class _Nodes:
    """The columns of a tree ensemble: of its nodes, and of what its leaves add to which class or target."""

    def __init__(self, mode: str):
        self.mode = mode
        self.nodes: Dict[str, list] = {
            key: [] for key in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")
        }
        self.leaves: Dict[str, list] = {key: [] for key in ("treeids", "nodeids", "ids", "weights")}

    def add(self, index: int, grown: Tree, share: float) -> None:
        self._add(index, [0], grown, share)

    def _add(self, index: int, used: List[int], grown: Tree, share: float) -> int:
        number = used[0]
        used[0] += 1
        if isinstance(grown, Leaf):
            self._row(index, number, 0, 0.0, "LEAF")
            # Of classes a part, of boosted trees the number itself.
            total = sum(grown.values) if len(grown.values) > 1 else 1.0
            for target, answer in enumerate(grown.values):
                if answer:
                    for column, cell in zip(self.leaves.values(), (index, number, target, float(answer) / total * share)):
                        column.append(cell)
            return number
        at = self._row(index, number, grown.field, float(grown.threshold), self.mode)
        self.nodes["truenodeids"][at] = self._add(index, used, grown.low, share)
        self.nodes["falsenodeids"][at] = self._add(index, used, grown.high, share)
        return number

    def _row(self, index: int, number: int, field: int, threshold: float, mode: str) -> int:
        for column, cell in zip(self.nodes.values(), (index, number, field, threshold, mode, 0, 0)):
            column.append(cell)
        return len(self.nodes["modes"]) - 1

    def attributes(self, leaves: str) -> Dict[str, Value]:
        return {
            **{f"nodes_{key}": column for key, column in self.nodes.items()},
            **{f"{leaves}_{key}": column for key, column in self.leaves.items()},
            "post_transform": "NONE",
        }


def forest(wine: Wine, trees: Sequence[Tree]) -> bytes:
    nodes = _Nodes("BRANCH_LEQ")
    for index, grown in enumerate(trees):
        nodes.add(index, grown, 1.0 / len(trees))
    ensemble = node(
        "TreeEnsembleClassifier", ["input"], ["label", "probabilities"], ML, classlabels_int64s=wine.classes, **nodes.attributes("class")
    )
    return model([len(wine.fields)], [LABEL, Output("probabilities", FLOAT, [len(wine.classes)])], ensemble)


def boosted(wine: Wine, ensemble: Boosted, mode: str) -> bytes:
    """`mode`: BRANCH_LT or BRANCH_LEQ."""
    nodes = _Nodes(mode)
    for index, grown in enumerate(ensemble.trees):
        nodes.add(index, grown, 1.0)
    regressor = node(
        "TreeEnsembleRegressor", ["input"], ["variable"], ML, n_targets=1, base_values=[ensemble.base], **nodes.attributes("target")
    )
    return model([len(wine.fields)], [Output("variable", FLOAT, [1])], regressor)


def network(wine: Wine, layers: Sequence[Layer]) -> bytes:
    parts, current = [], "input"
    for number, layer in enumerate(layers):
        inputs = len(layer.weights[0])
        transposed = _flat(list(zip(*layer.weights)))
        parts += [
            constant(f"weights{number}", [inputs, len(layer.biases)], transposed),
            constant(f"biases{number}", [len(layer.biases)], layer.biases),
            node("MatMul", [current, f"weights{number}"], [f"product{number}"]),
            node("Add", [f"product{number}", f"biases{number}"], [f"sum{number}"]),
        ]
        current = f"sum{number}"
        if number < len(layers) - 1:
            parts.append(node("Relu", [current], [f"hidden{number}"]))
            current = f"hidden{number}"
    parts += [
        node("Softmax", [current], ["probabilities"], axis=1),
        # The label as exporters of classifiers write it.
        node("ArgMax", ["probabilities"], ["index"], axis=1),
        constant("classes", [len(wine.classes)], wine.classes, INT64),
        node("ArrayFeatureExtractor", ["classes", "index"], ["labels"], ML),
        constant("column", [1], [-1], INT64),
        node("Reshape", ["labels", "column"], ["label"]),
    ]
    return model([len(wine.fields)], [LABEL, Output("probabilities", FLOAT, [len(wine.classes)])], *parts)
