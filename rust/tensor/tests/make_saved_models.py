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
    if value.ndim:
        return [shortest(part) for part in value]
    return "NaN" if np.isnan(value) else float(str(value))


def write(folder, name, signature, save, records, written=None):
    """Saves a model, calls its signature with every record, and writes down what comes out, and the records, or others in place of them."""
    target = folder / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    save(str(target / "saved_model"))
    called = tf.saved_model.load(str(target / "saved_model")).signatures[signature]
    answers = [called(**{key: tf.constant(value) for key, value in record.items()}) for record in records]
    texts = {
        "input.json": [{key: as_json(value) for key, value in record.items()} for record in written or records],
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


class Changeable(tf.Module):
    """Tables whose content is in the checkpoint, and a variable that every call changes."""

    def __init__(self):
        super().__init__()
        mutable, dense = tf.lookup.experimental.MutableHashTable, tf.lookup.experimental.DenseHashTable
        self.calls = tf.Variable(0)
        self.words = mutable(tf.string, tf.int64, -1)
        self.words.insert(tf.constant(["red", "grün", ""]), tf.constant([10, 20, 30], tf.int64))
        self.points = mutable(tf.int64, tf.float32, [0.0, -1.0])
        self.points.insert(tf.constant([1, 7], tf.int64), tf.constant([[0.5, 1.5], [2.5, 3.5]]))
        self.dense = dense(tf.int64, tf.float32, -1.0, empty_key=-1, deleted_key=-2, initial_num_buckets=8)
        self.dense.insert(tf.constant([1, 2, 3], tf.int64), tf.constant([0.5, 1.5, 2.5]))
        self.dense.erase(tf.constant([3], tf.int64))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text"), tf.TensorSpec([None], tf.int64, name="number")])
    def serve(self, text, number):
        self.calls.assign_add(1)
        return {
            "word": self.words.lookup(text),
            "size": tf.reshape(self.words.size(), [1]),
            "point": self.points.lookup(number),
            "sparse": self.dense.lookup(number),
            "left": tf.reshape(self.dense.size(), [1]),
        }

    @tf.function(input_signature=[])
    def count(self):
        return {"calls": self.calls.assign_add(1)}


class Pieces(tf.Module):
    """Rows that are ragged in several axes; entries dealt out and put together."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text"), tf.TensorSpec([None, 2], tf.float32, name="x"), tf.TensorSpec([None], tf.int32, name="part")])
    def serve(self, text, x, part):
        parts = tf.strings.split(tf.strings.split(text, "|"), ",")
        low, high = tf.dynamic_partition(x, part, 2)
        places = tf.dynamic_partition(tf.range(tf.shape(x)[0]), part, 2)
        left, where = tf.raw_ops.ListDiff(x=part, y=[1])
        wide, narrow = tf.cast(x * 100_000, tf.int32), tf.cast(x * 30, tf.int8)
        unique, place = tf.raw_ops.UniqueV2(x=tf.gather(x, [0, 0]), axis=[0])
        return {
            "parts": parts.to_tensor("-"),
            "cut": parts.to_tensor("-", shape=[None, 1, 3]),
            "chosen": tf.gather(parts, [2, 0]).to_tensor(""),
            "joined": tf.strings.reduce_join(parts, axis=-1).to_tensor("."),
            "words": tf.strings.regex_replace(text, r"\w+", "<w>"),
            "others": tf.strings.regex_replace(text, r"[\W\d]+|\bx\b", "_"),
            "brackets": tf.strings.regex_replace(text, r"[[&&|~]|\Q.\E", "^"),
            "high": high,
            "stitched": tf.dynamic_stitch(places, [low * 2, high]),
            "gaps": tf.dynamic_stitch([[[3, 0]], [1]], [[[1, 2]], [3]]),
            "left": left,
            "where": where,
            "wrapped": tf.matmul(wide, wide, transpose_b=True),
            "widened": tf.matmul(narrow, narrow, transpose_b=True, output_type=tf.int32),
            "unique": unique,
            "place": place,
            "top": tf.math.in_top_k(part, x, 1),
            "sparse": tf.sparse.to_dense(tf.strings.split(text, ",").to_sparse(), default_value="?"),
        }


class Examples(tf.Module):
    """Serialised examples with features of fixed and of variable length."""

    def __init__(self):
        super().__init__()
        self.cities = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["Rom", "Köln"], tf.constant([1, 2], tf.int64)), 0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        features = tf.io.parse_example(
            examples,
            {
                "age": tf.io.FixedLenFeature([], tf.float32),
                "size": tf.io.FixedLenFeature([2], tf.float32),
                "count": tf.io.FixedLenFeature([1], tf.int64),
                "city": tf.io.VarLenFeature(tf.string),
                "code": tf.io.VarLenFeature(tf.int64),
                "weight": tf.io.VarLenFeature(tf.float32),
            },
        )
        cities = tf.sparse.to_dense(features["city"], default_value="?")
        return {
            "sum": features["age"] + tf.reduce_sum(features["size"], 1) + tf.cast(features["count"][:, 0], tf.float32),
            "city": tf.reshape(self.cities.lookup(cities), [-1]),
            "code": tf.sparse.to_dense(features["code"], default_value=-7)[:, 0],
            "weight": tf.sparse.to_dense(features["weight"], default_value=0.25)[:, 0],
        }


def example(record, row):
    """A row of a record as a serialised example, without what is missing."""
    features = {}
    for key, value in record.items():
        values = np.asarray(value[row]).reshape(-1).tolist()
        if isinstance(values[0], str):
            features[key] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode() for text in values if text]))
        elif isinstance(values[0], int):
            features[key] = tf.train.Feature(int64_list=tf.train.Int64List(value=[number for number in values if number != -1]))
        else:
            features[key] = tf.train.Feature(float_list=tf.train.FloatList(value=[number for number in values if number == number]))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


class Pictures(tf.Module):
    """Images cut out, resized and coloured, and boxes in them."""

    @tf.function(input_signature=[tf.TensorSpec([None, 5, 6, 3], tf.float32, name="image"), tf.TensorSpec([None, 4], tf.float32, name="box"), tf.TensorSpec([None], tf.float32, name="score")])
    def serve(self, image, box, score):
        owners = tf.zeros_like(tf.cast(score, tf.int32))
        answer = {
            "patches": tf.image.extract_patches(image, [1, 2, 3, 1], [1, 2, 1, 1], [1, 1, 2, 1], "SAME"),
            "inside": tf.image.extract_patches(image, [1, 2, 2, 1], [1, 2, 3, 1], [1, 2, 1, 1], "VALID"),
            "crop": tf.image.crop_and_resize(image, box, owners, [3, 4], extrapolation_value=-1.0),
            "nearest": tf.image.crop_and_resize(image, box, owners, [1, 2], method="nearest"),
            "hsv": tf.image.rgb_to_hsv(image),
            "rgb": tf.image.hsv_to_rgb(image),
            "saturated": tf.image.adjust_saturation(image, 1.7),
            "turned": tf.image.adjust_hue(image, 0.3),
            "contrast": tf.image.adjust_contrast(image, 0.4),
            "cubic": tf.image.resize(image, [7, 9], "bicubic"),
            "aligned": tf.compat.v1.image.resize_bicubic(image, [7, 9], align_corners=True),
            "area": tf.image.resize(image, [3, 8], "area"),
        }
        for kernel in ("lanczos3", "lanczos5", "gaussian", "mitchellcubic"):
            answer[kernel] = tf.image.resize(image, [3, 8], kernel)
        answer["smooth"] = tf.image.resize(image, [2, 3], "bilinear", antialias=True)
        padded = tf.image.non_max_suppression_padded(box, score, 4, 0.3, 0.1, pad_to_max_output_size=True)
        answer["kept"], answer["count"] = padded[0], tf.reshape(padded[1], [1])
        answer["soft"], answer["scores"] = tf.image.non_max_suppression_with_scores(box, score, 5, 0.5, 0.05, soft_nms_sigma=0.4)
        scores = tf.stack([score, 1 - score], 1)[None]
        combined = tf.image.combined_non_max_suppression(box[None, :, None], scores, 3, 5, 0.3, 0.2)
        answer |= {f"combined_{name}": value for name, value in zip(("boxes", "scores", "classes", "valid"), combined)}
        return answer


class Spectra(tf.Module):
    """Fourier transforms, complex numbers on the way, special functions, matrices taken apart."""

    @tf.function(input_signature=[tf.TensorSpec([None, 12], tf.float32, name="x")])
    def serve(self, x):
        spectrum, complex_ = tf.signal.rfft(x), tf.complex(x, x[:, ::-1])
        matrix = tf.reshape(x, [-1, 3, 4])
        singular, left, right = tf.linalg.svd(matrix)
        orthogonal, triangle = tf.linalg.qr(matrix)
        path, cost = tf.nn.ctc_greedy_decoder(tf.transpose(matrix, [1, 0, 2]), tf.fill([tf.shape(x)[0]], 3))
        return {
            "size": tf.abs(spectrum),
            "longer": tf.math.real(tf.signal.rfft(x, [16])),
            "shorter": tf.math.imag(tf.signal.rfft(x, [9])),
            "angle": tf.math.angle(spectrum + tf.cast(0.5, tf.complex64)),
            "back": tf.signal.irfft(spectrum * tf.math.conj(spectrum)),
            "odd": tf.signal.irfft(spectrum, [11]),
            "whole": tf.math.real(tf.signal.fft(complex_)),
            "inverse": tf.math.imag(tf.signal.ifft(tf.reshape(complex_ - tf.exp(complex_), [-1, 2, 6]))),
            "frames": tf.abs(tf.signal.stft(x, 6, 3)),
            "cosines": tf.signal.dct(x),
            "singular": singular,
            "product": tf.matmul(left * singular[:, None], right, adjoint_b=True),
            "orthogonal": orthogonal,
            "triangle": triangle,
            "wide_triangle": tf.linalg.qr(tf.transpose(matrix, [0, 2, 1]), full_matrices=True)[1],
            "eigenvalues": tf.linalg.eigvalsh(tf.matmul(matrix, matrix, transpose_b=True)),
            "path": tf.sparse.to_dense(path[0], default_value=-1),
            "cost": cost,
            "channels": tf.quantization.fake_quant_with_min_max_vars_per_channel(x, tf.linspace(-2.0, -0.1, 12), tf.linspace(0.2, 3.0, 12)),
            "lgamma": tf.math.lgamma(x),
            "digamma": tf.math.digamma(x),
            "erfinv": tf.math.erfinv(tf.tanh(x)),
            "ndtri": tf.math.ndtri(tf.sigmoid(x)),
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


def saved(model):
    """Saves a model with its one signature."""
    return lambda path: tf.saved_model.save(model, path, signatures=model.serve)


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
    records = [{"text": np.array(["red", "grün", "", "?"]), "number": np.array([7, 1, 2, -9])}]
    tables = Changeable()
    save = lambda path: tf.saved_model.save(tables, path, signatures={"serving_default": tables.serve, "count": tables.count})
    write(arguments.folder, "changeable", "serving_default", save, records)
    records = [
        {"text": np.array(["a,b|c", "d", "e,f,g||h,i", ""]), "x": numbers(4, 2, seed=17), "part": np.array([1, 0, 0, 1], np.int32)},
        {"text": np.array(["x äx9é.", "[a&]", "y|z\u00a0~"]), "x": numbers(1, 2, seed=18), "part": np.array([1], np.int32)},
    ]
    write(arguments.folder, "pieces", "serving_default", saved(Pieces()), records)
    features = {
        "age": np.array([30.5, 4.25, 71.0, 0.0], np.float32),
        "size": numbers(4, 2, seed=22),
        "count": np.array([[3], [-4], [5], [0]]),
        "city": np.array([["Köln"], [""], ["Rom"], ["Oslo"]]),
        "code": np.array([[-1], [12], [7], [0]]),
        "weight": np.array([[1.5], [2.5], [np.nan], [0.5]], np.float32),
    }
    written = [features, {key: value[3:] for key, value in features.items()}]
    records = [{"examples": np.array([example(record, row) for row in range(len(record["age"]))], object)} for record in written]
    write(arguments.folder, "examples", "serving_default", saved(Examples()), records, written)
    random = np.random.default_rng(19)
    corners = random.uniform(-0.1, 1.1, (6, 2, 2)).astype(np.float32)
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1)
    image = random.uniform(0, 1, (2, 5, 6, 3)).astype(np.float32)
    records = [{"image": image, "box": boxes, "score": random.uniform(0, 1, 6).astype(np.float32)}]
    write(arguments.folder, "pictures", "serving_default", saved(Pictures()), records)
    write(arguments.folder, "spectra", "serving_default", saved(Spectra()), [{"x": numbers(3, 12, seed=20)}, {"x": numbers(1, 12, seed=21)}])


if __name__ == "__main__":
    main()