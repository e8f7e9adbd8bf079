"""A job that is stopped with a savepoint and restored with another parallelism has the same models, the same history and the same counts."""

import unittest
from typing import Dict, List

from . import pmml, services, wire
from .serving import ROW, EndToEndTest, Json, Serving

# What does not depend on when a query is made.
COUNTED = ("model", "version", "type", "records", "errors", "min_nanos", "max_nanos", "mean_nanos", "since")
DATA_TYPES = ("red", "white", "rose")


def counts(version: Json) -> Json:
    return {name: version[name] for name in COUNTED}


class SavepointTest(EndToEndTest):
    def test_keyed_from_one_to_two_and_back(self):
        """Several data types, so that there are some in each of two subtasks."""
        self.start("keyed")
        for number, data_type in enumerate(DATA_TYPES):
            for version in ("1", "2"):
                self.add(data_type, version, 10 * number + int(version))
                self.score(data_type, f"{version}-before", 20 + number)
            # The model fails on this one, which is counted too.
            self.serving.ask({f"{data_type}-bad": wire.wine({**dict(zip(wire.FIELDS, ROW)), "pH": float("nan")}, data_type)})
        before = {data_type: self.settled(data_type) for data_type in DATA_TYPES}
        for data_type, stats in before.items():
            self.assertEqual(stats["current"]["version"], "2")
            self.assertEqual(stats["current"]["errors"], 1)
            self.assertEqual([each["version"] for each in stats["previous"]], ["1"])

        self.restore(parallelism=2)
        after = {data_type: self.serving.query(data_type) for data_type in DATA_TYPES}
        for data_type in DATA_TYPES:
            self.assertEqual(counts(after[data_type]["current"]), counts(before[data_type]["current"]))
            self.assertEqual([counts(each) for each in after[data_type]["previous"]], [counts(each) for each in before[data_type]["previous"]])
        for number, data_type in enumerate(DATA_TYPES):
            self.assert_serves(data_type, "2", 10 * number + 2)
            self.score(data_type, "after", 30)
        more = {data_type: self.settled(data_type) for data_type in DATA_TYPES}
        for data_type in DATA_TYPES:
            self.assertGreater(more[data_type]["current"]["records"], before[data_type]["current"]["records"] + 30)
            self.assertEqual(more[data_type]["current"]["errors"], 1)

        self.restore(parallelism=1)
        for number, data_type in enumerate(DATA_TYPES):
            self.assertEqual(counts(self.serving.query(data_type)["current"]), counts(more[data_type]["current"]))
            self.roll_back(data_type, 10 * number + 1)
            self.assertEqual(self.serving.query(data_type)["previous"][0]["version"], "2")

    def test_flat_from_one_to_two_and_back(self):
        """All subtasks have all models after it."""
        self.start("flat")
        for number, data_type in enumerate(DATA_TYPES):
            for version in ("1", "2"):
                self.add(data_type, version, 10 * number + int(version))
        self.restore(parallelism=2)
        for number, data_type in enumerate(DATA_TYPES):
            self.assert_serves(data_type, "2", 10 * number + 2)
        self.restore(parallelism=1)
        for number, data_type in enumerate(DATA_TYPES):
            self.assert_serves(data_type, "2", 10 * number + 2)
            self.roll_back(data_type, 10 * number + 1)

    def start(self, join: str) -> None:
        self.serving = Serving(join, services.cluster()).submit(parallelism=1)
        self.addCleanup(self.serving.stop)

    def restore(self, parallelism: int) -> None:
        serving = self.serving
        savepoint = serving.flink.rest.stop_with_savepoint(serving.job)
        errors, published = len(serving.errors), services.broker().end_offsets(serving.models)
        serving.submit(parallelism, savepoint)
        self.assertTrue(serving.flink.rest.checkpoints(serving.job)["latest"]["restored"]["is_savepoint"])
        self.assertEqual({each["parallelism"] for each in serving.flink.rest.job(serving.job)["vertices"] if "serve" in each["name"]}, {parallelism})
        self.assertEqual(services.broker().end_offsets(serving.models), published, "nobody sends the models again")
        self.assertEqual(serving.errors[errors:], [])

    def add(self, data_type: str, version: str, quality: int) -> None:
        model = pmml.linear(float(quality), {"pH": 0.0}, "returnInvalid")
        self.serving.say(wire.model(f"model-{data_type}", model, version, data_type))
        self.serving.await_model(f"model-{data_type}", version, data_type)

    def score(self, data_type: str, label: str, count: int) -> None:
        answers = self.serving.ask({f"{data_type}-{label}-{at}": wire.wine(ROW, data_type) for at in range(count)})
        self.assertEqual([each for each in answers.values() if "outputs" not in each], [])

    def assert_serves(self, data_type: str, version: str, quality: int) -> None:
        """At once: a restored job has its models before its first record."""
        answers: List[Json] = self.serving.probe(data_type)
        self.assertEqual([(each.get("version"), each.get("outputs")) for each in answers], [(version, {"quality": float(quality)})] * 2, answers)

    def roll_back(self, data_type: str, quality: int) -> None:
        self.serving.say(wire.command(wire.ROLLBACK, f"model-{data_type}", data_type))
        self.serving.await_model(f"model-{data_type}", "1", data_type)
        self.assert_serves(data_type, "1", quality)

    def settled(self, data_type: str) -> Json:
        """The stats once they have all that came to the results topic."""
        scored: Dict[str, int] = {}
        for each in self.serving.results:
            if each["data_type"] == data_type:
                scored[each["version"]] = scored.get(each["version"], 0) + 1
        return self.serving.query_until(lambda stats: stats["current"]["records"] == scored[stats["current"]["version"]], f"stats of {data_type}", data_type)


if __name__ == "__main__":
    unittest.main()
