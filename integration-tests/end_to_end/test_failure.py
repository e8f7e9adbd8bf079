"""A TaskManager that is killed costs nothing but time: with exactly-once sinks each record has exactly one result, by the right model."""

import os
import unittest
from collections import Counter

from lib import processes
from lib.flink import FlinkCluster

from . import pmml, services, wire
from .serving import EndToEndTest, Serving

RECORDS, RATE = 6000, 600
# Killed when this many results are committed: well into the traffic, and well before its end.
BEFORE_KILL = RECORDS // 5
EXACTLY_ONCE = ["--exactly-once", "--checkpoint-interval", "500ms"]


class KilledTaskManagerTest(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        restarts = {"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": 1000, "restart-strategy.fixed-delay.delay": "200 ms"}
        cls.flink = FlinkCluster(slots=2, config=restarts).start()
        cls.addClassCleanup(cls.flink.stop)

    def test_keyed(self):
        self.check("keyed")

    def test_flat(self):
        self.check("flat")

    def check(self, join: str) -> None:
        self.serving = serving = Serving(join, self.flink, EXACTLY_ONCE).submit()
        self.addCleanup(serving.stop)
        # Two versions, so that history and order of versions have to survive too; answers tell versions and records apart.
        versions = {"1": pmml.linear(1000.0, {"alcohol": 1.0}), "2": pmml.linear(2000.0, {"alcohol": 1.0})}
        for version, content in versions.items():
            serving.say(wire.model("quality", content, version))
            serving.await_model("quality", version)
        errors = len(serving.errors)

        folder = services.broker().folder
        provider = processes.spawn(
            "DataProvider", serving.provider("--no-models", "--records", RECORDS, "--rate", RATE), folder / f"{serving.name}-provider.log", os.environ, folder
        )
        self.addCleanup(provider.stop)

        def scored():
            return [each for each in serving.results if each["record_id"].isdigit()]

        serving.answers.wait(lambda: len(scored()) >= BEFORE_KILL, "results before the kill")
        self.assertLess(len(scored()), RECORDS // 2, "the kill must come in the middle")
        victim = self.flink.taskmanagers[0]
        # Not `wait`: the next one may as well start before the loss is noticed.
        self.flink.kill_taskmanager(wait=False)
        self.flink.start_taskmanager()
        self.assertNotIn(victim.process.name, self.flink.processes())

        serving.answers.wait(lambda: len(scored()) >= RECORDS, "a result of every record", 120)
        self.assertEqual(provider.wait(30), 0, provider.tail())
        # What follows in the same transactions or later would show records that were scored twice.
        serving.await_model("quality", "2")
        self.assertIn(victim.resource_id, self.flink.rest.root_exception(serving.job), "the job lost a TaskManager, and nothing else failed it")
        self.assertEqual(len(self.flink.rest.exceptions(serving.job)), 1)

        results = scored()
        self.assertEqual(Counter(each["record_id"] for each in results), Counter(str(number) for number in range(RECORDS)))
        self.assertEqual({(each["model"], each["version"]) for each in results}, {("quality", "2")})
        self.assertEqual(serving.errors[errors:], [])
        by_row = {}
        for each in results:
            by_row.setdefault(int(each["record_id"]) % 1000, set()).add(each["outputs"]["quality"])
        self.assertEqual([row for row, answers in by_row.items() if len(answers) != 1], [], "the same record has the same score before and after")
        self.assertTrue(all(2000 < answer < 2020 for answers in by_row.values() for answer in answers))

        # The version before is still there, without its model having been sent again.
        serving.say(wire.command(wire.ROLLBACK, "quality"))
        serving.await_model("quality", "1")
        self.assertEqual(serving.probe()[0]["outputs"], {"quality": 1010.7})
        serving.stop()


if __name__ == "__main__":
    unittest.main()
