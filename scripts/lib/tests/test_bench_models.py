"""The models that benchmarks fall back on: training, encoding, and where they come from."""

import contextlib
import io
import shutil
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from unittest import mock

from . import support  # noqa: F401

from lib import bench_models, paths
from lib.console import ScriptError

sys.path.insert(0, str(bench_models.MAKER))

import dense  # noqa: E402
import make_models  # noqa: E402
import networks  # noqa: E402
import onnx  # noqa: E402
import pmml  # noqa: E402
import protobuf  # noqa: E402
import single  # noqa: E402
import trees  # noqa: E402
import wine as wine_records  # noqa: E402

WINE = wine_records.read()
NAMESPACE = {"p": "http://www.dmg.org/PMML-4_4"}


def first_rows(count):
    return WINE._replace(columns=[column[:count] for column in WINE.columns], qualities=WINE.qualities[:count])


class TrainingTest(unittest.TestCase):
    def test_least_squares_finds_the_line_that_data_lie_on(self):
        weights = [0.5 * index - 2 for index in range(len(WINE.fields))]
        exact = [3.0 + sum(weight * value for weight, value in zip(weights, WINE.row(row))) for row in range(WINE.rows)]
        layer = dense.least_squares(WINE._replace(qualities=exact))
        for found, weight in zip(layer.weights[0], weights):
            self.assertAlmostEqual(weight, found, places=6)
        self.assertAlmostEqual(3.0, layer.biases[0], places=4)

    def test_a_tree_without_limits_knows_the_records_it_has_seen(self):
        wine = first_rows(200)
        (tree,) = trees.classifiers(wine, 1, depth=99, fields=len(wine.fields), bootstrap=False, number=float, seed=1)
        for row in range(wine.rows):
            counts = trees.answer(tree, wine.row(row))
            self.assertEqual(wine.qualities[row], wine.classes[max(range(len(counts)), key=counts.__getitem__)])

    def test_boosting_comes_nearer_with_every_tree(self):
        wine = first_rows(200)

        def error(count):
            ensemble = trees.boosted(wine, count, depth=3, number=float, seed=1)
            answers = [ensemble.base + sum(trees.answer(tree, wine.row(row))[0] for tree in ensemble.trees) for row in range(wine.rows)]
            return sum((quality - answer) ** 2 for quality, answer in zip(wine.qualities, answers))

        self.assertLess(error(40), error(10))
        self.assertLess(error(10), error(0))

    def test_network_learns(self):
        wine = first_rows(200)
        untrained, trained = (dense.network(wine, [8], epochs=epochs, seed=1) for epochs in (0, 20))

        def right(layers):
            hidden = lambda row: [max(value, 0.0) for value in layers[0].apply(wine.row(row))]  # noqa: E731
            answers = [dense.softmax(layers[1].apply(hidden(row))) for row in range(wine.rows)]
            return sum(wine.classes[answer.index(max(answer))] == quality for answer, quality in zip(answers, wine.qualities))

        self.assertGreater(right(trained), right(untrained))


class EncodingTest(unittest.TestCase):
    def test_protobuf(self):
        # The examples of protobuf's own description of its encoding.
        self.assertEqual(bytes.fromhex("089601"), protobuf.number(1, 150))
        self.assertEqual(bytes.fromhex("120774657374696e67"), protobuf.message(2, "testing"))
        self.assertEqual(bytes.fromhex("3206038e029ea705"), protobuf.numbers(6, [3, 270, 86942]))
        self.assertEqual(b"\x08" + b"\xff" * 9 + b"\x01", protobuf.number(1, -1))

    def test_shortest_single_precision_decimals(self):
        self.assertEqual("0.1", single.shortest(single.nearest(0.1)))
        self.assertEqual("16777216", single.shortest(16777216.0))
        for value in (1 / 3, 5.6360226, 1e-30, -2.5e10, 0.0):
            self.assertEqual(single.nearest(value), single.nearest(float(single.shortest(value))))

    def test_compact_trees_answer_as_the_tree_does(self):
        wine = first_rows(200)
        ensemble = trees.boosted(wine, 3, depth=4, number=single.nearest, seed=1)
        root = ElementTree.fromstring(pmml.boosted(wine, ensemble, "float"))
        segments = root.findall(".//p:Segment/p:TreeModel/p:Node", NAMESPACE)
        self.assertEqual(3, len(segments))
        for tree, node in zip(ensemble.trees, segments):
            for row in range(wine.rows):
                record = dict(zip(wine.fields, map(single.nearest, wine.row(row))))
                self.assertEqual(trees.answer(tree, list(record.values()))[0], single.nearest(self.score(node, record)))

    def score(self, node, record):
        """PMML's rule: the first child whose predicate holds, else (returnLastPrediction) the node itself."""
        for child in node.findall("p:Node", NAMESPACE):
            predicate = child.find("p:SimplePredicate", NAMESPACE)
            if record[predicate.get("field")] < single.nearest(float(predicate.get("value"))):
                return self.score(child, record)
        return float(node.get("score"))

    def test_axes_of_a_tensor_change_places(self):
        tensor = networks.Tensor([2, 3], [1, 2, 3, 4, 5, 6])
        self.assertEqual(networks.Tensor([3, 2], [1, 4, 2, 5, 3, 6]), tensor.transposed(1, 0))

    def test_the_same_bytes_again(self):
        wine = first_rows(100)

        def twins():
            grown = trees.classifiers(wine, 2, depth=4, fields=3, bootstrap=True, number=single.nearest, seed=7)
            return pmml.forest(wine, grown), onnx.forest(wine, grown)

        self.assertEqual(twins(), twins())


class FolderTest(unittest.TestCase):
    def setUp(self):
        self.root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        quiet = contextlib.redirect_stderr(io.StringIO())
        quiet.__enter__()
        self.addCleanup(quiet.__exit__, None, None, None)

    def test_a_folder_that_is_not_there_is_named(self):
        with self.assertRaisesRegex(ScriptError, "nowhere"):
            bench_models.folder(self.root / "nowhere")

    def test_the_shared_folder_comes_first(self):
        (self.root / "bench-models").mkdir()
        with mock.patch.object(paths, "shared", return_value=self.root):
            self.assertEqual(self.root / "bench-models", bench_models.folder(None))

    def test_models_are_made_once_for_each_version_of_the_script(self):
        target, runs = self.root / "made", []

        def run(label, command, log):
            runs.append(command)
            target.mkdir(exist_ok=True)

        with mock.patch.object(bench_models, "run_logged", run), mock.patch.object(paths, "shared", return_value=self.root):
            with mock.patch.object(bench_models, "MADE", target):
                self.assertEqual(target, bench_models.folder(None))
                bench_models.folder(None)
                self.assertEqual(1, len(runs))
                with mock.patch.object(bench_models, "_version", return_value="another"):
                    bench_models.folder(None)
        self.assertEqual(2, len(runs))
        self.assertIn(str(target), map(str, runs[0]))

    def test_networks_come_with_those_of_the_shared_folder(self):
        case = self.root / "shared" / "cases" / "onnx" / "net-cnn-digits"
        case.mkdir(parents=True)
        (case / "model.onnx").write_bytes(b"exported")
        with mock.patch.object(paths, "shared", return_value=self.root / "shared"), mock.patch.object(bench_models, "NETWORKS", self.root / "nets"):
            made = bench_models.networks()
            names = {file.name for file in made.iterdir()} - {bench_models.STAMP}
            self.assertEqual({f"{name}{suffix}" for name in networks.NETWORKS for suffix in (".onnx", ".pb")} | {"digits-cnn.onnx"}, names)
            shutil.rmtree(case)
            bench_models.networks()
        self.assertFalse((made / "digits-cnn.onnx").exists())

    def test_every_file_that_the_benchmarks_look_for_is_made(self):
        source = paths.REPOSITORY / "flink-job/benchmarks/src/main/java/io/flinkserving/benchmarks/BenchModel.java"
        text = source.read_text(encoding="utf-8")
        for name in make_models.MODELS:
            self.assertIn(f'"{name}"', text)


if __name__ == "__main__":
    unittest.main()
