"""Small networks over 8 x 8 numbers with random weights, each as ONNX and as a frozen TensorFlow graph that answer the same."""

import math
import random
from typing import Callable, Dict, List, NamedTuple, Sequence

import onnx
from tensorflow_graph import DT_INT32, Graph, Type

SIZE, CLASSES = 8, 10
HIDDEN, HEADS, INNER = 32, 4, 64
CHANNELS = (16, 32)
EPSILON = 1e-5


class Twins(NamedTuple):
    onnx: bytes
    graph: bytes


class Weights:
    """Random tensors; what networks compute does not matter to how fast they are."""

    def __init__(self, seed: int):
        self._draw = random.Random(seed)

    def tensor(self, *shape: int) -> "Tensor":
        """Of a size that keeps values in range when all axes but the last are summed over."""
        inputs = math.prod(shape[:-1]) if len(shape) > 1 else 100
        return Tensor(shape, [self._draw.gauss(0, 1 / math.sqrt(inputs)) for _ in range(math.prod(shape))])


class Tensor(NamedTuple):
    shape: Sequence[int]
    values: List[float]

    def transposed(self, *axes: int) -> "Tensor":
        strides = [math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape))]
        offsets = [0]
        for axis in axes:
            offsets = [offset + index * strides[axis] for offset in offsets for index in range(self.shape[axis])]
        return Tensor([self.shape[axis] for axis in axes], [self.values[offset] for offset in offsets])


class OnnxGraph:
    """Collects nodes; `call` returns the name of the node's output."""

    def __init__(self) -> None:
        self.parts: List[bytes] = []

    def constant(self, name: str, tensor: Tensor) -> str:
        self.parts.append(onnx.constant(name, tensor.shape, tensor.values))
        return name

    def integers(self, name: str, values: Sequence[int]) -> str:
        self.parts.append(onnx.constant(name, [len(values)], values, onnx.INT64))
        return name

    def call(self, name: str, operator: str, *inputs: str, **attributes: onnx.Value) -> str:
        self.parts.append(onnx.node(operator, inputs, [name], **attributes))
        return name

    def classes(self, current: str, weights: Tensor, biases: Tensor) -> None:
        scores = self.dense("classes", current, weights, biases)
        self.call("probabilities", "Softmax", scores, axis=-1)

    def dense(self, name: str, current: str, weights: Tensor, biases: Tensor) -> str:
        product = self.call(f"{name}/product", "MatMul", current, self.constant(f"{name}/weights", weights))
        return self.call(name, "Add", product, self.constant(f"{name}/biases", biases))

    def encode(self, *shape: int) -> bytes:
        return onnx.model(shape, [onnx.Output("probabilities", onnx.FLOAT, [CLASSES])], *self.parts)


def convolutional(seed: int) -> Twins:
    """Two convolutions of 3 x 3 with rectifiers, the largest of 2 x 2 between them, the mean of each channel."""
    draw = Weights(seed)
    first, second = draw.tensor(3, 3, 1, CHANNELS[0]), draw.tensor(3, 3, *CHANNELS)
    biases = draw.tensor(CHANNELS[0]), draw.tensor(CHANNELS[1])
    weights, last = draw.tensor(CHANNELS[1], CLASSES), draw.tensor(CLASSES)

    net = OnnxGraph()
    current = net.call("image", "Transpose", "input", perm=[0, 3, 1, 2])
    for index, (kernel, bias) in enumerate(zip((first, second), biases)):
        constants = net.constant(f"kernel{index}", kernel.transposed(3, 2, 0, 1)), net.constant(f"bias{index}", bias)
        current = net.call(f"convolution{index}", "Conv", current, *constants, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        current = net.call(f"relu{index}", "Relu", current)
        if index == 0:
            current = net.call("pool", "MaxPool", current, kernel_shape=[2, 2], strides=[2, 2])
    current = net.call("mean", "GlobalAveragePool", current)
    net.classes(net.call("flat", "Flatten", current, axis=1), weights, last)

    graph = Graph()
    current = graph.placeholder("input", [SIZE, SIZE, 1])
    for index, (kernel, bias) in enumerate(zip((first, second), biases)):
        name = graph.constant(f"kernel{index}", *kernel)
        current = graph.call(f"convolution{index}", "Conv2D", current, name, strides=[1, 1, 1, 1], padding="SAME")
        current = graph.call(f"sum{index}", "BiasAdd", current, graph.constant(f"bias{index}", *bias))
        current = graph.call(f"relu{index}", "Relu", current)
        if index == 0:
            current = graph.call("pool", "MaxPool", current, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID")
    current = graph.call("mean", "Mean", current, graph.integers("axes", [1, 2]))
    _graph_classes(graph, current, weights, last)
    return Twins(net.encode(SIZE, SIZE, 1), graph.encode())


def recurrent(seed: int) -> Twins:
    """One LSTM over eight steps: a node of its own in ONNX, unrolled in TensorFlow, as their exporters have it."""
    draw = Weights(seed)
    # Gates in ONNX's order: input, output, forget, candidate.
    inputs, states, biases = draw.tensor(SIZE, 4 * HIDDEN), draw.tensor(HIDDEN, 4 * HIDDEN), draw.tensor(4 * HIDDEN)
    weights, last = draw.tensor(HIDDEN, CLASSES), draw.tensor(CLASSES)

    net = OnnxGraph()
    steps = net.call("steps", "Transpose", "input", perm=[1, 0, 2])
    names = [
        net.constant("inputs", Tensor([1, 4 * HIDDEN, SIZE], inputs.transposed(1, 0).values)),
        net.constant("states", Tensor([1, 4 * HIDDEN, HIDDEN], states.transposed(1, 0).values)),
        net.constant("biases", Tensor([1, 8 * HIDDEN], biases.values + [0.0] * 4 * HIDDEN)),
    ]
    net.parts.append(onnx.node("LSTM", [steps, *names], ["all", "state"], hidden_size=HIDDEN))
    net.classes(net.call("flat", "Squeeze", "state", net.integers("axis", [0])), weights, last)

    graph = Graph()
    source = graph.placeholder("input", [SIZE, SIZE])
    graph.call("steps", "Unpack", source, num=SIZE, axis=1)
    axis = graph.integer("axis", 1)
    both = graph.constant("both", [SIZE + HIDDEN, 4 * HIDDEN], inputs.values + states.values)
    alone = graph.constant("alone", *inputs)
    added = graph.constant("biases", *biases)
    state = memory = ""
    for step in range(SIZE):
        record = f"steps:{step}" if step else "steps"
        if state:
            # Before the first step state and memory are zero, and so is what they would add.
            record = graph.call(f"joined{step}", "ConcatV2", record, state, axis, N=2, Tidx=Type(DT_INT32))
        product = graph.call(f"product{step}", "MatMul", record, both if state else alone)
        gates = graph.call(f"gates{step}", "Split", axis, graph.call(f"sum{step}", "BiasAdd", product, added), num_split=4)
        let, show = (graph.call(f"{name}{step}", "Sigmoid", gate) for name, gate in (("let", gates), ("show", f"{gates}:1")))
        new = graph.call(f"new{step}", "Mul", let, graph.call(f"candidate{step}", "Tanh", f"{gates}:3"))
        if memory:
            kept = graph.call(f"kept{step}", "Mul", memory, graph.call(f"keep{step}", "Sigmoid", f"{gates}:2"))
            new = graph.call(f"memory{step}", "AddV2", kept, new)
        memory = new
        state = graph.call(f"state{step}", "Mul", show, graph.call(f"shown{step}", "Tanh", memory))
    _graph_classes(graph, state, weights, last)
    return Twins(net.encode(SIZE, SIZE), graph.encode())


class _Transformer(NamedTuple):
    """The weights of a transformer's one block, its first layer and its last."""

    first: Sequence[Tensor]
    projections: Dict[str, Tensor]
    inner: Sequence[Tensor]
    outer: Sequence[Tensor]
    last: Sequence[Tensor]


def transformer(seed: int) -> Twins:
    """One block over eight steps: attention with four heads, a dense part of two layers, each added to what it had and normalised."""
    draw = Weights(seed)
    weights = _Transformer(
        (draw.tensor(SIZE, HIDDEN), draw.tensor(HIDDEN)),
        {name: draw.tensor(HIDDEN, HIDDEN) for name in ("query", "key", "value", "joined")},
        (draw.tensor(HIDDEN, INNER), draw.tensor(INNER)),
        (draw.tensor(INNER, HIDDEN), draw.tensor(HIDDEN)),
        (draw.tensor(HIDDEN, CLASSES), draw.tensor(CLASSES)),
    )
    return Twins(_onnx_transformer(weights), _graph_transformer(weights))


def _onnx_transformer(weights: _Transformer) -> bytes:
    net = OnnxGraph()
    apart, together = net.integers("apart", [0, SIZE, HEADS, HIDDEN // HEADS]), net.integers("together", [0, SIZE, HIDDEN])
    scale, epsilon = (net.constant(name, Tensor([1], [value])) for name, value in _SCALARS)

    def project(name: str, source: str) -> str:
        return net.call(name, "MatMul", source, net.constant(f"{name}/weights", weights.projections[name]))

    def head(name: str, source: str, axes: List[int]) -> str:
        return net.call(f"{name}/heads", "Transpose", net.call(f"{name}/apart", "Reshape", project(name, source), apart), perm=axes)

    def normalised(name: str, source: str) -> str:
        mean = net.call(f"{name}/mean", "ReduceMean", source, axes=[-1])
        centred = net.call(f"{name}/centred", "Sub", source, mean)
        variance = net.call(f"{name}/variance", "ReduceMean", net.call(f"{name}/square", "Mul", centred, centred), axes=[-1])
        deviation = net.call(f"{name}/deviation", "Sqrt", net.call(f"{name}/positive", "Add", variance, epsilon))
        return net.call(name, "Div", centred, deviation)

    start = net.dense("embedded", "input", *weights.first)
    scores = net.call("scores", "MatMul", head("query", start, [0, 2, 1, 3]), head("key", start, [0, 2, 3, 1]))
    attention = net.call("attention", "Softmax", net.call("scaled", "Mul", scores, scale), axis=-1)
    taken = net.call("taken", "Transpose", net.call("mixed", "MatMul", attention, head("value", start, [0, 2, 1, 3])), perm=[0, 2, 1, 3])
    attended = project("joined", net.call("flat", "Reshape", taken, together))
    middle = normalised("middle", net.call("first", "Add", start, attended))
    inner = net.call("relu", "Relu", net.dense("inner", middle, *weights.inner))
    end = normalised("end", net.call("second", "Add", middle, net.dense("outer", inner, *weights.outer)))
    net.classes(net.call("pooled", "ReduceMean", end, axes=[1], keepdims=0), *weights.last)
    return net.encode(SIZE, SIZE)


def _graph_transformer(weights: _Transformer) -> bytes:
    graph = Graph()
    apart, together = graph.integers("apart", [-1, SIZE, HEADS, HIDDEN // HEADS]), graph.integers("together", [-1, SIZE, HIDDEN])
    scale, epsilon = (graph.constant(name, [], [value]) for name, value in _SCALARS)
    last_axis, order = graph.integers("last", [-1]), graph.integers("order", [0, 2, 1, 3])

    def dense(name: str, source: str, kernel: Tensor, bias: Tensor) -> str:
        product = graph.call(f"{name}/product", "BatchMatMulV2", source, graph.constant(f"{name}/weights", *kernel))
        return graph.call(name, "BiasAdd", product, graph.constant(f"{name}/biases", *bias))

    def project(name: str, source: str) -> str:
        return graph.call(name, "BatchMatMulV2", source, graph.constant(f"{name}/weights", *weights.projections[name]))

    def head(name: str, source: str) -> str:
        return graph.call(f"{name}/heads", "Transpose", graph.call(f"{name}/apart", "Reshape", project(name, source), apart), order)

    def normalised(name: str, source: str) -> str:
        mean = graph.call(f"{name}/mean", "Mean", source, last_axis, keep_dims=True)
        variance = graph.call(f"{name}/variance", "Mean", graph.call(f"{name}/square", "SquaredDifference", source, mean), last_axis, keep_dims=True)
        factor = graph.call(f"{name}/factor", "Rsqrt", graph.call(f"{name}/positive", "AddV2", variance, epsilon))
        return graph.call(name, "Mul", graph.call(f"{name}/centred", "Sub", source, mean), factor)

    start = dense("embedded", graph.placeholder("input", [SIZE, SIZE]), *weights.first)
    scores = graph.call("scores", "BatchMatMulV2", head("query", start), head("key", start), adj_y=True)
    attention = graph.call("attention", "Softmax", graph.call("scaled", "Mul", scores, scale))
    taken = graph.call("taken", "Transpose", graph.call("mixed", "BatchMatMulV2", attention, head("value", start)), order)
    attended = project("joined", graph.call("flat", "Reshape", taken, together))
    middle = normalised("middle", graph.call("first", "AddV2", start, attended))
    inner = graph.call("relu", "Relu", dense("inner", middle, *weights.inner))
    end = normalised("end", graph.call("second", "AddV2", middle, dense("outer", inner, *weights.outer)))
    _graph_classes(graph, graph.call("pooled", "Mean", end, graph.integers("steps", [1])), *weights.last)
    return graph.encode()


_SCALARS = (("scale", 1 / math.sqrt(HIDDEN / HEADS)), ("epsilon", EPSILON))


def _graph_classes(graph: Graph, current: str, weights: Tensor, biases: Tensor) -> None:
    product = graph.call("classes/product", "MatMul", current, graph.constant("classes/weights", *weights))
    scores = graph.call("classes", "BiasAdd", product, graph.constant("classes/biases", *biases))
    graph.call("probabilities", "Softmax", scores)


NETWORKS: Dict[str, Callable[[int], Twins]] = {"cnn": convolutional, "lstm": recurrent, "transformer": transformer}
