#!/usr/bin/env python3
"""Makes tests/external-data: an ONNX model in a folder with its weights, and what the reference implementation of ONNX answers.

  python3 -m venv /tmp/onnx && /tmp/onnx/bin/pip install onnx==1.23.2
  /tmp/onnx/bin/python rust/tensor/tests/make_external_data.py
"""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

HERE = Path(__file__).resolve().parent / "external-data"


def main():
    random = np.random.default_rng(5)
    weights = [
        numpy_helper.from_array(random.normal(size=size).astype(np.float32), name)
        for name, size in (("w1", (3, 8)), ("b1", 8), ("w2", (8, 2)), ("b2", 2))
    ]
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["y"]),
    ]
    inputs, outputs = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size])] for name, size in (("x", 3), ("y", 2)))
    model = helper.make_model(helper.make_graph(nodes, "external", inputs, outputs, weights), opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    rows = np.round(random.normal(size=(6, 3)), 3).astype(np.float32)
    answers = ReferenceEvaluator(model).run(None, {"x": rows})[0]
    folder = HERE / "model"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "weights").mkdir(parents=True)
    onnx.save(model, folder / "model.onnx", save_as_external_data=True, location="weights/all.bin", size_threshold=0)
    # The shortest decimals that read back as the same floats.
    shown = [{"x": [float(str(part)) for part in row], "y": [float(str(part)) for part in answer]} for row, answer in zip(rows, answers)]
    (HERE / "answers.json").write_text(json.dumps(shown) + "\n")


main()
