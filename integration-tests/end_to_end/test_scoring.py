"""Records are scored as the tools say that made the models; every record leaves one answer, and every answer names its version."""

import hashlib
import json
import unittest
from collections import Counter
from typing import Any, Dict, List, Mapping

from lib import paths, wine_report

from . import services, wire
from .serving import EndToEndTest, Json, Serving

MANIFEST = json.loads((wine_report.EXAMPLE / "models.json").read_text(encoding="utf-8"))
EXPECTED = {model["name"]: json.loads((wine_report.EXAMPLE / model["expected"]).read_text(encoding="utf-8")) for model in MANIFEST["models"]}
ROWS = MANIFEST["data"]["rows"]
# Enough for each model to serve for a second, begun where the rows with expected answers come in the middle of that.
RECORDS, FIRST, RATE = 8 * ROWS, ROWS // 2, 2000


def close(actual: Any, expected: Any, tolerance: Mapping[str, float]) -> bool:
    """Class labels may be numbers or strings of them."""
    if isinstance(expected, list):
        return isinstance(actual, list) and len(actual) == len(expected) and all(close(a, e, tolerance) for a, e in zip(actual, expected))
    if expected is None or actual is None:
        return expected is actual
    return abs(float(actual) - float(expected)) <= tolerance["abs"] + tolerance["rel"] * abs(float(expected))


def argmax(values: List[float]) -> int:
    return values.index(max(values))


class _Scoring:
    join: str
    serving: Serving

    @classmethod
    def setUpClass(cls):
        cls.serving = Serving(cls.join, services.cluster()).submit()
        cls.addClassCleanup(cls.serving.stop)

    def assert_outputs(self, answer: Json, expected: Mapping[str, Any], tolerance: Mapping[str, float], what: str) -> None:
        self.assertIn("outputs", answer, what)
        for name, value in expected.items():
            self.assertIn(name, answer["outputs"], what)
            self.assertTrue(close(answer["outputs"][name], value, tolerance), f"{what}: {name} is {answer['outputs'][name]}, not {value}")

    def assert_as_trained(self, answer: Json, row: int) -> None:
        reference = EXPECTED[answer["model"]]
        self.assert_outputs(answer, reference["outputs"][row], reference["tolerance"], f"{answer['model']}, row {row}")
        probabilities = answer["outputs"].get("quality_probabilities")
        if probabilities:
            self.assertEqual(answer["outputs"]["quality"], argmax(probabilities))

    def test_all_example_models_while_records_flow(self):
        """DataProvider publishes records and, in turn, the models of the jar."""
        data_type, serving = "flowing", self.serving
        early = serving.ask({f"early-{at}": wire.wine(EXPECTED["linear_regression"]["inputs"][at], data_type) for at in range(10)})
        self.assertEqual({answer.get("code") for answer in early.values()}, {"NO_MODEL"})

        serving.provide("--data-type", data_type, "--records", RECORDS, "--first", FIRST, "--rate", RATE)
        wanted = {str(number) for number in range(FIRST, FIRST + RECORDS)}

        def of_provider(answers: List[Json]) -> List[Json]:
            return [each for each in answers if each["data_type"] == data_type and each["record_id"] in wanted]

        serving.answers.wait(lambda: len(of_provider(serving.results)) + len(of_provider(serving.errors)) >= RECORDS, "an answer to every record")
        results, errors = of_provider(serving.results), of_provider(serving.errors)
        self.assertEqual(Counter(each["record_id"] for each in results + errors), Counter(wanted), "each record has exactly one answer")
        self.assertEqual({each["code"] for each in errors} - {"NO_MODEL"}, set())
        if errors:
            # Each partition is in order, so only its first records can have come before the first model.
            first_scored = min(int(each["record_id"]) for each in results)
            self.assertLess(max(int(each["record_id"]) for each in errors), first_scored + RATE)
        self.assertEqual({(each["model"], each["version"]) for each in results}, {(model["name"], model["version"]) for model in MANIFEST["models"]})
        self.assertEqual({each["type"] for each in results}, {"PMML", "TENSORFLOW"})
        known = len(EXPECTED["linear_regression"]["inputs"])
        compared = Counter()
        for each in results:
            row = int(each["record_id"]) % ROWS
            self.assertGreater(each["duration_nanos"], 0)
            if row < known:
                self.assert_as_trained(each, row)
                compared[each["model"]] += 1
        self.assertGreater(len(compared), 1, compared)

        # All rows with all models, whatever the pace above: rolled back from the last model to the first.
        for model in reversed(MANIFEST["models"]):
            name = model["name"]
            serving.await_model(name, model["version"], data_type)
            rows = EXPECTED[name]["inputs"]
            answers = serving.ask({f"{name}-{row}": wire.wine(values, data_type) for row, values in enumerate(rows)})
            for row in range(len(rows)):
                answer = answers[f"{name}-{row}"]
                self.assertEqual((answer.get("model"), answer.get("version")), (name, model["version"]), answer)
                self.assert_as_trained(answer, row)
            if model is not MANIFEST["models"][0]:
                serving.say(wire.command(wire.ROLLBACK, name, data_type))
        self.assert_never_restarted(serving)

    def test_wine_models_of_the_shared_folder(self):
        """Seven PMML models and a TensorFlow graph, on the whole of the red wine file."""
        folder = paths.shared() / "data" / "wine"
        if not folder.is_dir():
            self.skipTest(f"SKIPPED: there is no {folder}; set FLINK_SERVING_SHARED")
        data_type, serving = "red", self.serving
        lines = (folder / "winequality_red.csv").read_text(encoding="utf-8").split()
        wines = [[float(cell) for cell in line.split(";")[:11]] for line in lines]
        self.assertEqual(len(wines), 1599)
        files = sorted(folder.glob("*.pmml"))
        self.assertEqual(len(files), 7)
        for file in [folder / "optimized_WineQuality.pb", *files]:
            with self.subTest(file=file.name):
                content = file.read_bytes()
                version = hashlib.sha256(content).hexdigest()[:12]
                kind = wire.PMML if file.suffix == ".pmml" else wire.TENSORFLOW
                serving.say(wire.model(file.stem, content, data_type=data_type, model_type=kind))
                serving.await_model(file.stem, version, data_type)
                answers = serving.ask({f"{file.stem}-{row}": wire.wine(wine, data_type) for row, wine in enumerate(wines)})
                self.assertEqual({(each.get("model"), each.get("version")) for each in answers.values()}, {(file.stem, version)})
                if kind == wire.PMML:
                    self.assertEqual([each for each in answers.values() if each["outputs"]["quality"] is None], [])
                    self.check_reference(file.stem, data_type)
                else:
                    outputs = [next(iter(each["outputs"].values())) for each in answers.values()]
                    self.assertEqual(Counter(map(argmax, outputs)), {5: 792, 6: 789, 7: 18})

    def check_reference(self, name: str, data_type: str) -> None:
        """The rows for which the reference tool's answers are there."""
        case = paths.shared() / "cases" / "pmml" / f"flinkml-{name}"
        if not case.is_dir():
            self.skipTest(f"SKIPPED: there is no {case}")
        description, rows, expected = (json.loads((case / file).read_text(encoding="utf-8")) for file in ("case.json", "input.json", "expected.json"))
        # A wine record has no way to leave a field out, so only rows that have what the model uses.
        records: Dict[str, bytes] = {
            f"{name}-case-{at}": wire.wine({key.replace(" ", "_"): value for key, value in row.items()}, data_type) for at, row in enumerate(rows)
        }
        self.assertGreaterEqual(len(records), 100)
        answers = self.serving.ask(records)
        for at, wanted in enumerate(expected):
            self.assert_outputs(answers[f"{name}-case-{at}"], wanted, description["tolerance"], f"{name}, case row {at}")


class KeyedScoringTest(_Scoring, EndToEndTest):
    join = "keyed"


class FlatScoringTest(_Scoring, EndToEndTest):
    join = "flat"


if __name__ == "__main__":
    unittest.main()
