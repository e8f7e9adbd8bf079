#!/usr/bin/env python3
"""Makes the SavedModels of tests/saved-model-data, with TensorFlow's answers.

  python3 -m venv /tmp/tensorflow && /tmp/tensorflow/bin/pip install tensorflow==2.21.0
  /tmp/tensorflow/bin/python rust/tensor/tests/make_saved_models.py [FOLDER]

What TensorFlow writes is not the same byte for byte in every run (fingerprints, order of maps); weights, answers and structure are.
`--large FOLDER` makes a model of 100 MB instead, for measurements of memory.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
HERE = Path(__file__).resolve().parent / "saved-model-data"


def numbers(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def as_json(tensor):
    value = np.asarray(tensor)
    if value.dtype.kind in "SO":
        return np.char.decode(value.astype(bytes), "utf-8").tolist()
    # The shortest decimal that reads back as the same number of this width.
    return json.loads(json.dumps(value.tolist() if value.dtype != np.float32 else shortest(value)))


def shortest(value):
    return [shortest(part) for part in value] if value.ndim else float(str(value))


def write(folder, name, signature, save, records):
    """Saves a model, calls its signature with every record, and writes down what comes out."""
    target = folder / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    save(str(target / "saved_model"))
    called = tf.saved_model.load(str(target / "saved_model")).signatures[signature]
    answers = [called(**{key: tf.constant(value) for key, value in record.items()}) for record in records]
    texts = {
        "input.json": [{key: as_json(value) for key, value in record.items()} for record in records],
        "expected.json": [{key: as_json(value) for key, value in answer.items()} for answer in answers],
        "case.json": {
            "name": name,
            "model": "saved_model",
            "signature": signature,
            "tolerance": {"rel": 1e-5, "abs": 1e-6},
            "sets": [{"input": "input.json", "expected": "expected.json", "rows": len(records), "oracle": f"TensorFlow {tf.__version__}"}],
        },
    }
    for file, value in texts.items():
        (target / file).write_text(json.dumps(value, indent=1) + "\n")


def graph_variables(path):
    """TensorFlow 1: variables of both kinds, one in parts, two signatures, an asset, and weights of several shards."""
    graph = tf.Graph()
    with graph.as_default(), v1.Session(config=v1.ConfigProto(device_count={"CPU": 2})) as session:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        v1.disable_resource_variables()
        with v1.variable_scope("reference"):
            weights = v1.get_variable("weights", initializer=tf.constant(numbers(4, 6)), use_resource=False)
        with v1.variable_scope("resource"):
            bias = v1.get_variable("bias", initializer=tf.constant(numbers(6, seed=2)), use_resource=True)
        with v1.variable_scope("parts", partitioner=v1.fixed_size_partitioner(3)):
            table = v1.get_variable("table", [8, 3], initializer=v1.random_uniform_initializer(-1, 1, seed=7))
        with tf.device("/cpu:1"), v1.variable_scope("columns", partitioner=v1.fixed_size_partitioner(2, axis=1)):
            columns = v1.get_variable("matrix", [6, 5], initializer=v1.random_uniform_initializer(-1, 1, seed=8))
        hidden = tf.nn.relu(tf.matmul(x, weights) + bias)
        scores = tf.nn.softmax(tf.matmul(hidden, tf.convert_to_tensor(columns)), name="scores")
        row = v1.placeholder(tf.int32, [None], name="row")
        found = tf.gather(tf.convert_to_tensor(table), row, name="found")
        asset = Path(path).parent / "words.txt"
        asset.write_text("one\ntwo\n")
        name = tf.constant(str(asset), name="words")
        v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, name)
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(path)
        info = v1.saved_model.build_tensor_info
        signatures = {
            "classify": v1.saved_model.build_signature_def(
                {"features": info(x)}, {"scores": info(scores), "best": info(tf.argmax(scores, 1, name="best"))}, "tensorflow/serving/predict"),
            "find": v1.saved_model.build_signature_def({"row": info(row)}, {"found": info(found)}, "tensorflow/serving/predict"),
        }
        builder.add_meta_graph_and_variables(
            session, ["serve"], signatures, assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS), clear_devices=True, saver=v1.train.Saver(sharded=True))
        builder.save()
        asset.unlink()


class Twins(tf.Module):
    """Variables that all have the same name, one that nothing uses, a half-precision and an integer one."""

    def __init__(self):
        super().__init__()
        self.first = tf.Variable(numbers(3, 3, seed=3))
        self.second = tf.Variable(numbers(3, 3, seed=4))
        self.unused = tf.Variable(numbers(5))
        self.half = tf.Variable(numbers(3, seed=5).astype(np.float16), name="half")
        self.count = tf.Variable(np.arange(3), name="half")

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
    def serve(self, x):
        product = tf.matmul(tf.tanh(tf.matmul(x, self.first)), self.second)
        return {"product": product + tf.cast(self.half, tf.float32), "nearest": tf.gather(self.count, tf.argmax(product, 1))}


class Control(tf.Module):
    """Functions that call functions; branches, cases and loops of them; a variable that goes through a loop."""

    def __init__(self):
        super().__init__()
        self.weights = tf.Variable(numbers(3, 3, seed=6))

    @tf.function
    def both(self, a, b):
        return a * b, a - b

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x"), tf.TensorSpec([], tf.int32, name="which")])
    def serve(self, x, which):
        product, difference = self.both(x, self.both(x, 2.0)[1])
        power = tf.while_loop(lambda n, value: n < which, lambda n, value: (n + 1, tf.tanh(value @ self.weights)), (0, x))[1]
        rows = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
        for n in tf.range(tf.shape(x)[0]):
            if tf.reduce_sum(x[n]) > 0:
                rows = rows.write(n, tf.linalg.matvec(self.weights, x[n]))
            else:
                rows = rows.write(n, -x[n])
        return {
            "product": product,
            "difference": difference,
            "power": power,
            "rows": rows.stack(),
            "case": tf.switch_case(which, [lambda: x, lambda: tf.exp(x), lambda: tf.nn.softmax(x)]),
            "sums": tf.map_fn(tf.reduce_sum, x),
        }


class Texts(tf.Module):
    """Tables of constants and of a file, and operators on strings."""

    def __init__(self, file):
        super().__init__()
        table = tf.lookup.StaticHashTable
        self.words = table(tf.lookup.KeyValueTensorInitializer(["red", "green", "blue"], tf.constant([10, 20, 30], tf.int64)), -1)
        self.names = table(tf.lookup.KeyValueTensorInitializer(tf.constant([1, 2], tf.int64), ["one", "two"]), "?")
        whole, line = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        self.listed = tf.lookup.StaticVocabularyTable(tf.lookup.TextFileInitializer(file, tf.string, whole, tf.int64, line), 4)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text"), tf.TensorSpec([None], tf.int64, name="number")])
    def serve(self, text, number):
        parts = tf.strings.split(text)
        return {
            "word": self.words.lookup(text),
            "name": self.names.lookup(number),
            "listed": self.listed.lookup(text),
            "parts": parts.to_tensor("-"),
            "pairs": tf.strings.ngrams(parts, 2).to_tensor(""),
            "lower": tf.strings.lower(tf.strings.strip(text)),
            "replaced": tf.strings.regex_replace(text, "([aeiou])(.)", r"<\2\1>"),
            "fast": tf.strings.to_hash_bucket_fast(text, 1_000_003),
            "strong": tf.strings.to_hash_bucket_strong(text, 1_000_003, [7, 9]),
            "number": tf.strings.to_number(tf.strings.as_string(number)),
            "float": tf.strings.join(["=", tf.strings.as_string(tf.cast(number, tf.float32) / 7)]),
            "joined": tf.strings.join([text, text], "+"),
        }


def branches(path):
    """TensorFlow 1: branches within branches, a loop that collects its results, and a table of a file."""
    graph = tf.Graph()
    with graph.as_default(), v1.Session() as session:
        v1.disable_control_flow_v2()
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        word = v1.placeholder(tf.string, [None], name="word")
        training = v1.placeholder_with_default(False, [], name="training")
        low = lambda: v1.cond(v1.reduce_sum(x) < -3, lambda: -x, lambda: v1.ones([v1.shape(x)[0], 3]))
        chosen = v1.cond(v1.reduce_sum(x) > 0, lambda: x * 2, low)
        kept = v1.cond(training, lambda: chosen * 0, lambda: chosen + 1)
        case = v1.case([(v1.reduce_sum(x) > 100, lambda: tf.constant(1.0)), (v1.reduce_sum(x) > 0, lambda: tf.constant(2.0))], default=lambda: tf.constant(3.0))
        rows = v1.TensorArray(tf.float32, 3).unstack(tf.transpose(x))
        sums = v1.TensorArray(tf.float32, 3)
        step = lambda n, sum_, sums: (n + 1, sum_ + rows.read(n), sums.write(n, sum_))
        _, total, sums = v1.while_loop(lambda n, *_: n < 3, step, (0, tf.zeros_like(x[:, 0]), sums))
        asset = Path(path).parent / "colours.txt"
        asset.write_text("red 5\ngreen 6\n")
        initializer = tf.lookup.TextFileInitializer(str(asset), tf.string, 0, tf.int64, 1, delimiter=" ")
        table = tf.lookup.StaticHashTable(initializer, -1)
        outputs = {"chosen": chosen, "kept": kept, "case": case + tf.zeros([1]), "total": total, "sums": sums.stack(), "colour": table.lookup(word)}
        session.run(v1.tables_initializer())
        builder = v1.saved_model.Builder(path)
        signature = v1.saved_model.predict_signature_def({"x": x, "word": word}, outputs)
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": signature},
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            main_op=v1.tables_initializer(),
            clear_devices=True,
        )
        builder.save()
        asset.unlink()
        v1.enable_control_flow_v2()


def large(path, width=25_000):
    """An embedding of `width` rows of 1000, and as many columns of a dense layer."""

    class Large(tf.Module):
        def __init__(self):
            super().__init__()
            self.table = tf.Variable(numbers(width, 1000))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="row")])
        def embedding(self, row):
            return {"vector": tf.gather(self.table, row)}

        @tf.function(input_signature=[tf.TensorSpec([None, 1000], tf.float32, name="x")])
        def dense(self, x):
            return {"product": tf.matmul(x, self.table, transpose_b=True)}

    model = Large()
    tf.saved_model.save(model, path, signatures={"embedding": model.embedding, "dense": model.dense})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=HERE)
    parser.add_argument("--large", action="store_true")
    arguments = parser.parse_args()
    if arguments.large:
        return large(str(arguments.folder))
    features = {"features": numbers(5, 4, seed=11)}
    write(arguments.folder, "graph-variables", "classify", graph_variables, [features, {"features": numbers(1, 4, seed=12)}])
    model = Twins()
    save = lambda path: tf.saved_model.save(model, path, signatures={"serving_default": model.serve})
    write(arguments.folder, "twins", "serving_default", save, [{"x": numbers(4, 3, seed=13)}, {"x": numbers(1, 3, seed=14)}])
    control = Control()
    save = lambda path: tf.saved_model.save(control, path, signatures=control.serve)
    records = [{"x": numbers(4, 3, seed=15), "which": np.int32(which)} for which in (0, 1, 2, 5)]
    write(arguments.folder, "control", "serving_default", save, records)

    def save_texts(path):
        file = Path(path).parent / "listed.txt"
        file.write_text("x\ny z\ngreen\n")
        texts = Texts(str(file))
        tf.saved_model.save(texts, path, signatures=texts.serve)
        file.unlink()

    texts = np.array(["red", " The green  tree", "y z", "", "Ünïcode bäume sind grün und länger als zweiunddreissig Zeichen"])
    long = np.array(["a" * 16, "ab" * 17 + " b", "abc" * 33 + " c d"])
    records = [{"text": texts, "number": np.array([1, 2, 3])}, {"text": long, "number": np.array([-40, 2])}]
    write(arguments.folder, "texts", "serving_default", save_texts, records)
    records = [{"x": numbers(2, 3, seed=16) + shift, "word": np.array(["green", "pink"])} for shift in (2, 0, -3)]
    write(arguments.folder, "branches", "serving_default", branches, records)


if __name__ == "__main__":
    main()