#!/usr/bin/env python3
"""Makes those ONNX models of tests/onnx-data that no exporter made, with onnxruntime's answers.

  python3 -m venv /tmp/onnx && /tmp/onnx/bin/pip install onnx==1.23.2 onnxruntime==1.32.0
  /tmp/onnx/bin/python rust/tensor/tests/make_onnx_models.py [FOLDER]
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent / "onnx-data"


def as_json(array):
    """The shortest decimals that read back as the same numbers; what is no number is a string."""
    if isinstance(array, str):
        return array
    if array.ndim:
        return [as_json(part) for part in array]
    value = array.item() if array.dtype != np.float32 else float(str(array))
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def write(folder, name, nodes, inputs, outputs, constants, opsets, records, batch="batch"):
    """Writes a model with the answers to records; inputs and outputs are types by name, the first axis is the batch."""
    info = lambda all_: [helper.make_tensor_value_info(key, kind, None) for key, kind in all_.items()]
    first = lambda key, kind: helper.make_tensor_value_info(key, kind, [batch, *records[0][key].shape[1:]])
    graph = helper.make_graph(
        nodes, name, [first(key, kind) for key, kind in inputs.items()], info(outputs), [numpy_helper.from_array(value, key) for key, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(domain, version) for domain, version in opsets.items()], ir_version=8)
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    (target / "model.onnx").write_bytes(model.SerializeToString())
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    answers = [dict(zip(outputs, session.run(list(outputs), record))) for record in records]
    case = {
        "name": name,
        "format": "onnx",
        "model": "model.onnx",
        "source": {"origin": "generated", "exporter": f"onnx {onnx.__version__}"},
        "tolerance": {"rel": 1e-5, "abs": 1e-6},
        "sets": [{"input": "input.json", "expected": "expected.json", "rows": len(records), "oracle": f"onnxruntime {onnxruntime.__version__}"}],
    }
    files = {"case.json": case}
    for file, content in (("input.json", records), ("expected.json", answers)):
        files[file] = [{key: as_json(np.asarray(value)) for key, value in record.items()} for record in content]
    for file, content in files.items():
        (target / file).write_text(json.dumps(content, indent=1) + "\n")


def quantised(folder):
    """What onnxruntime's quantisation writes of its own."""
    random = np.random.default_rng(3)
    scalar = lambda value, kind: np.array(value, kind)
    constants = {
        "sx": scalar(0.05, np.float32), "zx": scalar(120, np.uint8),
        "sy": scalar(0.11, np.float32), "zy": scalar(99, np.uint8),
        "s1": scalar(1 / 256, np.float32), "z1": scalar(0, np.uint8),
        "w": random.integers(-127, 128, (6, 4)).astype(np.int8), "sw": scalar(0.02, np.float32), "zw": scalar(0, np.int8),
        "turned": random.integers(-127, 128, (4, 6)).astype(np.int8),
        "columns": random.uniform(0.01, 0.03, 4).astype(np.float32), "zeros": np.zeros(4, np.int8),
        "bias": random.integers(-3000, 3000, 4).astype(np.int32), "real": random.normal(size=4).astype(np.float32),
        "s16": scalar(0.0001, np.float32), "z16": scalar(1000, np.uint16),
        "shape": np.array([-1, 2, 1, 3], np.int64), "points": random.normal(size=(5, 6)).astype(np.float32),
    }
    own = lambda operator, inputs, output, **attributes: helper.make_node(operator, inputs, [output], output, domain="com.microsoft", **attributes)
    x, y = ["q", "sx", "zx"], ["sy", "zy"]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "sx", "zx"], ["q"], "q"),
        own("QLinearAdd", [*x, "q", "sx", "zx", *y], "add"),
        own("QLinearMul", [*x, "q", "sx", "zx", *y], "mul"),
        own("QLinearSigmoid", [*x, "s1", "z1"], "sigmoid"),
        own("QLinearLeakyRelu", [*x, *y], "leaky", alpha=0.1),
        own("QLinearSoftmax", [*x, "s1", "z1"], "softmax", axis=-1, opset=13),
        own("QLinearConcat", [*y, *x, "add", *y], "concat", axis=1),
        own("QGemm", [*x, "w", "sw", "zw", "bias", *y], "gemm"),
        own("QGemm", [*x, "w", "columns", "zeros", "bias"], "gemm_real"),
        own("MatMulIntegerToFloat", ["q", "w", "sx", "columns", "zx", "zeros", "real"], "product"),
        own("DynamicQuantizeMatMul", ["x", "w", "sw", "zw", "real"], "dynamic"),
        own("QuantizeLinear", ["x", "s16", "z16"], "q16"),
        own("DequantizeLinear", ["q16", "s16", "z16"], "real16"),
        own("QGemm", [*x, "turned", "columns", "zeros", "bias", *y], "gemm_turned", transB=1),
        own("CDist", ["x", "points"], "distance", metric="euclidean"),
        helper.make_node("Reshape", ["q", "shape"], ["image"]),
        own("QLinearGlobalAveragePool", ["image", "sx", "zx", "sx", "zx"], "pooled", channels_last=0),
        own("QLinearAveragePool", ["image", "sx", "zx", "sx", "zx"], "averaged", kernel_shape=[1, 2], channels_last=0),
    ]
    bytes_ = dict.fromkeys(["add", "mul", "sigmoid", "leaky", "softmax", "concat", "gemm", "gemm_turned", "pooled", "averaged"], TensorProto.UINT8)
    reals = dict.fromkeys(["gemm_real", "product", "dynamic", "real16", "distance"], TensorProto.FLOAT)
    records = [{"x": random.normal(size=(rows, 6)).astype(np.float32) * 2} for rows in (1, 3)]
    write(folder, "quantised", nodes, {"x": TensorProto.FLOAT}, {**bytes_, **reals}, constants, {"": 17, "com.microsoft": 1}, records)


def silences(folder):
    """Where the specification is silent: several weights of a leaf for the one target, leaves of several nodes, and what is not a number among keys."""
    tree = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["leaf"], "leaf", domain="ai.onnx.ml", n_targets=1,
        nodes_treeids=[0, 0, 0, 1], nodes_nodeids=[0, 1, 2, 0], nodes_featureids=[0, 0, 0, 0], nodes_values=[0.5, 0.0, 0.0, 0.0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF", "LEAF"], nodes_truenodeids=[1, 0, 0, 0], nodes_falsenodeids=[2, 0, 0, 0], nodes_hitrates=[1.0] * 4,
        target_treeids=[0, 0, 0, 0, 1, 1], target_nodeids=[1, 1, 2, 2, 0, 0], target_ids=[0] * 6, target_weights=[1.0, 2.0, 3.0, 4.0, 10.0, 20.0])
    # Several nodes, each of which asks for one category, lead to one leaf.
    shared = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["shared"], "shared", domain="ai.onnx.ml", n_targets=1,
        nodes_treeids=[0] * 5, nodes_nodeids=[0, 1, 2, 3, 4], nodes_featureids=[0] * 5, nodes_values=[1.0, 2.5, 0.3, 0.0, 0.0],
        nodes_modes=["BRANCH_EQ", "BRANCH_EQ", "BRANCH_LEQ", "LEAF", "LEAF"], nodes_truenodeids=[3, 3, 3, 0, 0], nodes_falsenodeids=[1, 2, 4, 0, 0], nodes_hitrates=[1.0] * 5,
        target_treeids=[0, 0], target_nodeids=[3, 4], target_ids=[0, 0], target_weights=[1.5, -2.0])
    keys = [1.0, float("nan"), 2.5]
    encoder = helper.make_node("LabelEncoder", ["x"], ["code"], "code", domain="ai.onnx.ml", keys_floats=keys, values_int64s=[7, 8, 9], default_int64=-3)
    records = [{"x": np.array([[value]], np.float32)} for value in (0.25, 1.0, 2.5, 0.75, np.nan)]
    outputs = {"leaf": TensorProto.FLOAT, "shared": TensorProto.FLOAT, "code": TensorProto.INT64}
    write(folder, "silences", [tree, shared, encoder], {"x": TensorProto.FLOAT}, outputs, {}, {"": 17, "ai.onnx.ml": 2}, records)


def hashes(folder):
    """Hashes of texts, as a FeatureHasher needs them."""
    own = lambda output, **attributes: helper.make_node("MurmurHash3", ["text"], [output], output, domain="com.microsoft", **attributes)
    nodes = [own("signed", seed=0, positive=0), own("positive", seed=7, positive=1)]
    records = [{"text": np.array([text], object)} for text in ("", "a", "bäume", "viereckig")]
    outputs = {"signed": TensorProto.INT32, "positive": TensorProto.UINT32}
    write(folder, "hashes", nodes, {"text": TensorProto.STRING}, outputs, {}, {"": 17, "com.microsoft": 1}, records)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    quantised(target)
    silences(target)
    hashes(target)
