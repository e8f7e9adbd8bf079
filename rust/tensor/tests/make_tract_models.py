#!/usr/bin/env python3
"""Makes the models of tests/tract-data and tests/tract-refused, the former with onnxruntime's answers: those with operators of its own that only tract has here, and ways to hold
rows that an engine must cope with.

  python3 -m venv /tmp/onnx && /tmp/onnx/bin/pip install onnx==1.23.2 onnxruntime==1.32.0
  /tmp/onnx/bin/python rust/tensor/tests/make_tract_models.py [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx.helper import make_node as node

from make_onnx_models import write

HERE = Path(__file__).resolve().parent / "tract-data"
FLOAT = TensorProto.FLOAT
OPSETS = {"": 17, "com.microsoft": 1}


def own(operator, inputs, outputs, **attributes):
    return node(operator, inputs, outputs, outputs[0], domain="com.microsoft", **attributes)


def rows(random, counts, *shape):
    return [{"x": random.normal(size=(count, *shape)).astype(np.float32)} for count in counts]


def encoder(folder):
    """A layer of a transformer as onnxruntime's optimiser writes it: attention of several heads, and sums that are normalised with what is skipped."""
    random = np.random.default_rng(5)
    weights = lambda *shape: (random.normal(size=shape) / 3).astype(np.float32)
    constants = {"wq": weights(8, 8), "wk": weights(8, 8), "wv": weights(8, 8), "b": weights(8), "gamma": weights(8), "beta": weights(8), "w": weights(8, 3)}
    nodes = [
        node("MatMul", ["x", "wq"], ["q"]), node("MatMul", ["x", "wk"], ["k"]), node("MatMul", ["x", "wv"], ["v"]),
        own("MultiHeadAttention", ["q", "k", "v"], ["attended"], num_heads=2),
        own("SkipLayerNormalization", ["attended", "x", "gamma", "beta", "b"], ["normal"], epsilon=1e-5),
        node("MatMul", ["normal", "w"], ["y"]),
    ]
    write(folder, "encoder", nodes, {"x": FLOAT}, {"y": FLOAT}, constants, OPSETS, rows(random, (1, 3, 2), 4, 8))


def shape_of_rows(folder):
    """As TensorFlow's exporter writes it: the number of rows goes through int32, where tract loses sight of it unless it knows it."""
    random = np.random.default_rng(6)
    constants = {"first": np.array([0], np.int64), "end": np.array([1], np.int64), "rest": np.array([6], np.int32), "w": random.normal(size=(6, 2)).astype(np.float32)}
    nodes = [
        node("Shape", ["x"], ["shape"]), node("Cast", ["shape"], ["narrow"], to=TensorProto.INT32), node("Slice", ["narrow", "first", "end"], ["count"]),
        node("Concat", ["count", "rest"], ["joined"], axis=0), node("Cast", ["joined"], ["wide"], to=TensorProto.INT64),
        node("Reshape", ["x", "wide"], ["flat"]), node("MatMul", ["flat", "w"], ["y"]),
    ]
    write(folder, "shape-of-rows", nodes, {"x": FLOAT}, {"y": FLOAT}, constants, OPSETS, rows(random, (1, 40, 17), 2, 3))


def one_row(folder):
    """A file that is written for one row."""
    random = np.random.default_rng(7)
    constants = {"gamma": random.normal(size=4).astype(np.float32)}
    nodes = [own("SkipSimplifiedLayerNormalization", ["x", "x", "gamma"], ["y"], epsilon=1e-5)]
    write(folder, "one-row", nodes, {"x": FLOAT}, {"y": FLOAT}, constants, OPSETS, rows(random, (1, 1, 1), 3, 4), batch=1)


def branches(folder):
    """A branch for each sign, one of them with an operator that only tract has here."""
    random = np.random.default_rng(8)
    output = [helper.make_tensor_value_info("o", FLOAT, None)]
    yes = helper.make_graph([own("SkipSimplifiedLayerNormalization", ["x", "x", "gamma"], ["o"], epsilon=1e-5)], "yes", [], output)
    no = helper.make_graph([node("Neg", ["x"], ["o"])], "no", [], output)
    constants = {"gamma": random.normal(size=4).astype(np.float32), "zero": np.array(0, np.float32)}
    nodes = [
        node("ReduceSum", ["x"], ["sum"], keepdims=0), node("Greater", ["sum", "zero"], ["positive"]),
        node("If", ["positive"], ["y"], then_branch=yes, else_branch=no),
    ]
    records = [{"x": sign * np.abs(random.normal(size=(1, 3, 4))).astype(np.float32)} for sign in (np.float32(1), np.float32(-1))]
    write(folder, "branches", nodes, {"x": FLOAT}, {"y": FLOAT}, constants, OPSETS, records, batch=1)


def refused(folder):
    """What nobody here has: operators of others that share a name with one of ONNX, an input that tract does not take."""
    random = np.random.default_rng(9)
    weights = lambda key, *shape: numpy_helper.from_array(random.normal(size=shape).astype(np.float32), key)
    of = lambda nodes, constants: helper.make_model(
        helper.make_graph(
            nodes, "refused", [helper.make_tensor_value_info("x", FLOAT, ["batch", 4, 8])], [helper.make_tensor_value_info("y", FLOAT, None)], constants),
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in {**OPSETS, "com.example": 1}.items()], ir_version=8)
    operators = [node("Relu", ["x"], ["r"], domain="com.example"), own("Attention", ["r", "w", "b"], ["y"], num_heads=2)]
    bias = [own("MultiHeadAttention", ["x", "x", "x", "b"], ["y"], num_heads=2)]
    doubtful = [node("Celu", ["x"], ["c"]), own("SkipSimplifiedLayerNormalization", ["c", "x", "g"], ["y"], epsilon=1e-5)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "operators.onnx").write_bytes(of(operators, [weights("w", 8, 24), weights("b", 24)]).SerializeToString())
    (folder / "bias.onnx").write_bytes(of(bias, [weights("b", 24)]).SerializeToString())
    (folder / "doubtful.onnx").write_bytes(of(doubtful, [weights("g", 8)]).SerializeToString())


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    refused(target.parent / "tract-refused")
    for make in (encoder, shape_of_rows, one_row, branches):
        make(target)
