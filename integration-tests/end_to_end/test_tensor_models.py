"""Models of tensors as folders, as archives and with windows of values: scored as TensorFlow and ONNX say, in a running job and in one that is restored."""

import io
import json
import math
import shutil
import tarfile
import unittest
from pathlib import Path
from typing import Any, Dict, List, Sequence

from lib import paths

from . import services, wire
from .serving import EndToEndTest, Serving
from .test_scoring import close

TESTS = paths.REPOSITORY / "rust"
# Two signatures, variables in two shards, an asset; answers of TensorFlow.
SAVED_MODEL = TESTS / "tensor" / "tests" / "saved-model-data" / "graph-variables"
# A model whose weights lie in a file beside it; answers of the reference implementation of ONNX.
EXTERNAL = TESTS / "tensor" / "tests" / "external-data"
# A graph whose input is a window of values; answers of TensorFlow.
WINDOWS = TESTS / "cli" / "tests" / "window-data"
FEATURES = ("volatile_acidity", "citric_acid", "chlorides", "sulphates")
TOLERANCE = {"rel": 1e-5, "abs": 1e-6}


def load(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def tar_of(folder: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(folder, arcname="export/1")
    return packed.getvalue()


class TensorModelTest(EndToEndTest):
    def setUp(self):
        self.folder = services.broker().folder / services.unique("models")
        shutil.copytree(SAVED_MODEL / "saved_model", self.folder / "saved")
        shutil.copytree(EXTERNAL / "model", self.folder / "external")
        self.addCleanup(shutil.rmtree, self.folder)
        rows, answers = load(SAVED_MODEL / "input.json"), load(SAVED_MODEL / "expected.json")
        self.classes = [
            (row, {"best": best, "scores": scores})
            for record, answer in zip(rows, answers)
            for row, best, scores in zip(record["features"], answer["best"], answer["scores"])
        ]
        self.asked = 0

    def test_folders_and_archives_before_and_after_a_savepoint(self):
        for join in ("keyed", "flat"):
            with self.subTest(join=join):
                self.serving = serving = Serving(join, services.cluster(), ["--model-serving.allowed-locations", str(self.folder)]).submit(parallelism=1)
                chosen = wire.inputs("features", FEATURES) + wire.signature("classify")
                external = load(EXTERNAL / "answers.json")
                bound = wire.inputs("x", FEATURES[: len(external[0]["x"])])
                serving.say(
                    wire.model("saved", version="1", data_type="folder", model_type=wire.TENSORFLOWSAVED, location=str(self.folder / "saved"), more=chosen),
                    wire.model("saved", tar_of(self.folder / "saved"), "2", "inline", wire.TENSORFLOWSAVED, more=chosen),
                    wire.model("onnx", version="3", data_type="external", model_type=wire.ONNX, location=str(self.folder / "external"), more=bound),
                    wire.model("onnx", tar_of(self.folder / "external"), "4", "external-inline", wire.ONNX, more=bound),
                )
                expected = {
                    "folder": ("1", self.classes),
                    "inline": ("2", self.classes),
                    "external": ("3", [(each["x"], {"y": each["y"]}) for each in external]),
                    "external-inline": ("4", [(each["x"], {"y": each["y"]}) for each in external]),
                }
                for data_type, (version, _) in expected.items():
                    serving.await_model("saved" if version in "12" else "onnx", version, data_type)
                self.check(expected)
                savepoint = serving.flink.rest.stop_with_savepoint(serving.job)
                published = services.broker().end_offsets(serving.models)
                serving.submit(2, savepoint)
                # At once: nobody sends the models again, and no record finds that there is none.
                self.check(expected)
                self.assertEqual(services.broker().end_offsets(serving.models), published)
                self.assert_never_restarted(serving)
                serving.stop()

    def check(self, expected: Dict[str, Any]) -> None:
        for data_type, (version, rows) in expected.items():
            self.asked += 1
            answers = self.serving.ask({f"{data_type}-{self.asked}-{at}": wire.wine(dict(zip(FEATURES, row)), data_type) for at, (row, _) in enumerate(rows)})
            for at, (_, wanted) in enumerate(rows):
                answer = answers[f"{data_type}-{self.asked}-{at}"]
                self.assertEqual(answer.get("version"), version, answer)
                for name, value in wanted.items():
                    self.assertTrue(close(answer["outputs"][name], value, TOLERANCE), f"{data_type}, row {at}: {name} is {answer['outputs'][name]}, not {value}")

    def test_a_window_of_values_goes_on_after_a_savepoint(self):
        case = load(WINDOWS / "answers.json")
        values, answers, width = case["values"][:16], case["answers"], case["preprocessing"]["width"]
        self.serving = serving = Serving("keyed", services.cluster()).submit(parallelism=1)
        self.addCleanup(serving.stop)
        for data_type, field in (("cpu", 23), ("older", 7)):
            window = wire.preprocessing(width, case["preprocessing"]["mean"], case["preprocessing"]["std"], "window", field)
            content = (WINDOWS / "model.pb").read_bytes()
            more = window + wire.inputs("window", ["alcohol"])
            serving.say(wire.model("anomaly", content, "1", data_type, wire.TENSORFLOW, more=more))
            self.await_window(data_type)
        seen = {data_type: self.one_by_one(data_type, values[:6]) for data_type in ("cpu", "older")}
        savepoint = serving.flink.rest.stop_with_savepoint(serving.job)
        serving.submit(2, savepoint)
        for data_type, before in seen.items():
            after = self.one_by_one(data_type, values[6:])
            for at, answer in enumerate(before + after):
                if at < width - 1:
                    self.assertEqual(answer.get("code"), "WINDOW_INCOMPLETE", answer)
                else:
                    wanted = answers[at - width + 1]
                    self.assertTrue(close(answer["outputs"]["anomaly:0"], wanted, TOLERANCE), f"value {at}: {answer['outputs']}, not {wanted}")
        self.assert_never_restarted(serving)

    def await_window(self, data_type: str) -> None:
        """Asks with what is no number, which comes into no window."""
        nothing = wire.wine({"alcohol": math.nan}, data_type)
        for attempt in range(500):
            if self.serving.ask({f"{data_type}-nothing-{attempt}": nothing})[f"{data_type}-nothing-{attempt}"]["code"] == "FIELD_INVALID":
                return
        self.fail(f"no model serves {data_type}")

    def one_by_one(self, data_type: str, values: Sequence[float]) -> List[Any]:
        """Records go to two partitions: only one that has its answer is certain to be before the next."""
        found = []
        for value in values:
            self.asked += 1
            key = f"{data_type}-{self.asked}"
            found.append(self.serving.ask({key: wire.wine({"alcohol": value}, data_type)})[key])
        return found


if __name__ == "__main__":
    unittest.main()
