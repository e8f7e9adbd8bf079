"""Writes models as PMML 4.4, in the shape that exporters give them: classifiers report all probabilities, single precision models say so."""

import xml.etree.ElementTree as ElementTree
from typing import Callable, List, Sequence

import single
from dense import Layer
from trees import Boosted, Leaf, Split, Tree
from wine import Wine

Element = ElementTree.Element
Text = Callable[[float], str]


def _add(parent: Element, name: str, /, **attributes: object) -> Element:
    return ElementTree.SubElement(parent, name, {key: str(value) for key, value in attributes.items()})


class Document:
    """A document with the wine fields, of which the model is still to be added. `kind`: data type of the fields."""

    def __init__(self, wine: Wine, kind: str, classification: bool):
        self.wine = wine
        self.kind = kind
        self.function = "classification" if classification else "regression"
        self.root = Element("PMML", {"xmlns": "http://www.dmg.org/PMML-4_4", "version": "4.4"})
        _add(_add(self.root, "Header"), "Application", name="scripts/bench-models")
        dictionary = _add(self.root, "DataDictionary")
        if classification:
            target = _add(dictionary, "DataField", name=wine.target, optype="categorical", dataType="integer")
            for label in wine.classes:
                _add(target, "Value", value=label)
        else:
            _add(dictionary, "DataField", name=wine.target, optype="continuous", dataType=kind)
        for field in wine.fields:
            _add(dictionary, "DataField", name=field, optype="continuous", dataType=kind)

    def model(self, name: str, **attributes: object) -> Element:
        model = _add(self.root, name, functionName=self.function, **attributes)
        self.mining_schema(model, target=True)
        if self.function == "classification":
            output = _add(model, "Output")
            for label in self.wine.classes:
                _add(output, "OutputField", name=f"probability({label})", optype="continuous", dataType="double", feature="probability", value=label)
        return model

    def mining_schema(self, parent: Element, target: bool) -> None:
        schema = _add(parent, "MiningSchema")
        if target:
            _add(schema, "MiningField", name=self.wine.target, usageType="target")
        for field in self.wine.fields:
            _add(schema, "MiningField", name=field)

    def encode(self) -> bytes:
        ElementTree.indent(self.root, "\t")
        return ElementTree.tostring(self.root, encoding="utf-8", xml_declaration=True)


def regression(wine: Wine, layer: Layer) -> bytes:
    document = Document(wine, "double", classification=False)
    _table(document.model("RegressionModel"), wine, layer.weights[0], layer.biases[0])
    return document.encode()


def logistic(wine: Wine, layer: Layer) -> bytes:
    document = Document(wine, "double", classification=True)
    model = document.model("RegressionModel", normalizationMethod="softmax")
    for label, weights, bias in zip(wine.classes, layer.weights, layer.biases):
        _table(model, wine, weights, bias, targetCategory=label)
    return document.encode()


def _table(model: Element, wine: Wine, weights: Sequence[float], bias: float, **attributes: object) -> None:
    table = _add(model, "RegressionTable", intercept=repr(bias), **attributes)
    for field, weight in zip(wine.fields, weights):
        _add(table, "NumericPredictor", name=field, coefficient=repr(weight))


def tree(wine: Wine, grown: Tree) -> bytes:
    document = Document(wine, "float", classification=True)
    _classes(document.model("TreeModel", missingValueStrategy="nullPrediction"), wine, grown)
    return document.encode()


def forest(wine: Wine, trees: Sequence[Tree]) -> bytes:
    document = Document(wine, "float", classification=True)
    segmentation = _add(document.model("MiningModel"), "Segmentation", multipleModelMethod="average")
    for index, grown in enumerate(trees):
        model = _segment(document, segmentation, index, missingValueStrategy="nullPrediction")
        _classes(model, wine, grown)
    return document.encode()


def _segment(document: Document, segmentation: Element, index: int, **attributes: object) -> Element:
    segment = _add(segmentation, "Segment", id=index + 1)
    _add(segment, "True")
    model = _add(segment, "TreeModel", functionName=document.function, **attributes)
    document.mining_schema(model, target=False)
    return model


def _classes(model: Element, wine: Wine, grown: Tree) -> None:
    root = _add(model, "Node")
    _add(root, "True")
    _class_nodes(root, wine, grown)


def _class_nodes(node: Element, wine: Wine, grown: Tree) -> None:
    """Each split is a node with a predicate and one for all others."""
    if isinstance(grown, Leaf):
        label = max(zip(grown.values, (-label for label in wine.classes)))[1]
        node.set("score", str(-label))
        node.set("recordCount", str(sum(grown.values)))
        for value, count in zip(wine.classes, grown.values):
            _add(node, "ScoreDistribution", value=value, recordCount=count)
        return
    low = _add(node, "Node")
    _add(low, "SimplePredicate", field=wine.fields[grown.field], operator="lessOrEqual", value=single.shortest(grown.threshold))
    _class_nodes(low, wine, grown.low)
    high = _add(node, "Node")
    _add(high, "True")
    _class_nodes(high, wine, grown.high)


def boosted(wine: Wine, ensemble: Boosted, kind: str) -> bytes:
    """`kind` float: the sum too is taken in single precision, and a value at the threshold goes up; double: it goes down."""
    document = Document(wine, kind, classification=False)
    precision = {"x-mathContext": "float"} if kind == "float" else {}
    text: Text = single.shortest if kind == "float" else repr
    model = document.model("MiningModel", **precision)
    _add(_add(model, "Targets"), "Target", field=wine.target, rescaleConstant=text(ensemble.base))
    segmentation = _add(model, "Segmentation", multipleModelMethod="sum")
    operator = "lessThan" if kind == "float" else "lessOrEqual"
    for index, grown in enumerate(ensemble.trees):
        member = _segment(document, segmentation, index, noTrueChildStrategy="returnLastPrediction", **precision)
        root = _add(member, "Node")
        _add(root, "True")
        _number_nodes(root, wine.fields, grown, operator, text)
    return document.encode()


def _number_nodes(node: Element, fields: Sequence[str], grown: Tree, operator: str, text: Text) -> None:
    """The compact form that exporters write: what no child takes is the node's own answer, so that only low sides need nodes."""
    while isinstance(grown, Split):
        low = _add(node, "Node")
        _add(low, "SimplePredicate", field=fields[grown.field], operator=operator, value=text(grown.threshold))
        _number_nodes(low, fields, grown.low, operator, text)
        grown = grown.high
    node.set("score", text(grown.values[0]))


def network(wine: Wine, layers: Sequence[Layer]) -> bytes:
    document = Document(wine, "double", classification=True)
    model = document.model("NeuralNetwork", activationFunction="rectifier")
    inputs = _add(model, "NeuralInputs")
    before: List[str] = []
    for index, field in enumerate(wine.fields):
        before.append(f"0/{index}")
        derived = _add(_add(inputs, "NeuralInput", id=before[-1]), "DerivedField", optype="continuous", dataType="double")
        _add(derived, "FieldRef", field=field)
    for number, layer in enumerate(layers, 1):
        last = {"activationFunction": "identity", "normalizationMethod": "softmax"} if number == len(layers) else {}
        parent = _add(model, "NeuralLayer", **last)
        for index, (weights, bias) in enumerate(zip(layer.weights, layer.biases)):
            neuron = _add(parent, "Neuron", id=f"{number}/{index}", bias=repr(bias))
            for source, weight in zip(before, weights):
                _add(neuron, "Con", **{"from": source, "weight": repr(weight)})
        before = [f"{number}/{index}" for index in range(len(layer.biases))]
    outputs = _add(model, "NeuralOutputs")
    for neuron_id, label in zip(before, wine.classes):
        derived = _add(_add(outputs, "NeuralOutput", outputNeuron=neuron_id), "DerivedField", optype="categorical", dataType="integer")
        _add(derived, "NormDiscrete", field=wine.target, value=label)
    return document.encode()
