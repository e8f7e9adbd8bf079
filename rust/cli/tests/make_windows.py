#!/usr/bin/env python3
"""Makes tests/window-data: a small frozen graph whose input is a window of values, and what TensorFlow answers to a series of them.

  python3 -m venv /tmp/tensorflow && /tmp/tensorflow/bin/pip install tensorflow==2.21.0
  /tmp/tensorflow/bin/python rust/cli/tests/make_windows.py [--cpu-anomaly FOLDER]

With the folder of the CPU anomaly models (`../shared/data/cpu_anomaly`) it makes TensorFlow's answers for those too; the models stay there.
"""

import argparse
import json
import os
import struct
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
HERE = Path(__file__).resolve().parent / "window-data"
MEAN, STD, WIDTH = 0.4, 0.2, 4


def series(seed):
    """CPU utilization: waves, noise, and a few peaks."""
    random = np.random.default_rng(seed)
    time = np.arange(60)
    values = 0.35 + 0.1 * np.sin(time / 7) + random.normal(0, 0.05, time.size)
    values[[20, 21, 45]] = [0.97, 0.99, 0.93]
    return [round(float(value), 4) for value in np.clip(values, 0, 1)]


def windows(values, width, mean, std):
    """Standardised in double precision, then rounded to the graph's type."""
    rows = [values[end - width : end] for end in range(width, len(values) + 1)]
    return [((np.array([row]) - mean) / std).astype(np.float32) for row in rows]


def answers(graph, values, preprocessing):
    with tf.Graph().as_default(), v1.Session() as session:
        v1.import_graph_def(graph, name="")
        feed, fetch = (session.graph.get_tensor_by_name(name + ":0") for name in (preprocessing["input"], preprocessing["output"]))
        rows = windows(values, preprocessing["width"], preprocessing["mean"], preprocessing["std"])
        # The shortest decimal that reads back as the same float.
        return [[float(str(part)) for part in session.run(fetch, {feed: row})[0]] for row in rows]


def small_network():
    random = np.random.default_rng(8)
    with tf.Graph().as_default() as graph:
        window = v1.placeholder(tf.float32, [1, WIDTH], name="window")
        hidden = tf.tanh(tf.matmul(window, random.normal(size=(WIDTH, 6)).astype(np.float32)) + random.normal(size=6).astype(np.float32))
        tf.nn.softmax(tf.matmul(hidden, random.normal(size=(6, 2)).astype(np.float32)), name="anomaly")
    return graph.as_graph_def()


def parts(file):
    """What a file of the speculative example holds: ModelPreprocessing, GraphDef."""
    content, found = file.read_bytes(), []
    at = 8
    for _ in range(2):
        (length,) = struct.unpack(">q", content[at : at + 8])
        found.append(content[at + 8 : at + 8 + length])
        at += 8 + length
    message = found[0]
    # int32 width = 1; double mean = 2, std = 3; string input = 4, output = 5
    assert message[0] == 0x08 and message[2] == 0x11 and message[11] == 0x19
    mean, std = struct.unpack("<d", message[3:11])[0], struct.unpack("<d", message[12:20])[0]
    names = message[20:]
    assert names[0] == 0x22 and names[2 + names[1]] == 0x2A
    graph = v1.GraphDef.FromString(found[1])
    return {"width": message[1], "mean": mean, "std": std, "input": names[2 : 2 + names[1]].decode(), "output": names[4 + names[1] :].decode()}, graph


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cpu-anomaly", type=Path, metavar="FOLDER")
    folder = arguments.parse_args().cpu_anomaly
    HERE.mkdir(exist_ok=True)
    graph, values = small_network(), series(1)
    preprocessing = {"width": WIDTH, "mean": MEAN, "std": STD, "input": "window", "output": "anomaly"}
    (HERE / "model.pb").write_bytes(graph.SerializeToString(deterministic=True))
    write("answers.json", {"preprocessing": preprocessing, "values": values, "answers": answers(graph, values, preprocessing)})
    if folder:
        models, values = {}, series(2)
        for file in sorted(folder.iterdir()):
            preprocessing, graph = parts(file)
            models[file.name] = {"preprocessing": preprocessing, "answers": answers(graph, values, preprocessing)}
        write("cpu_anomaly.json", {"values": values, "models": models})


def write(name, content):
    (HERE / name).write_text(json.dumps({"oracle": f"TensorFlow {tf.__version__}", **content}, indent=None) + "\n")


main()
