"""ModelStateQuery, a process of its own, reads how a running job serves; where it can't, its exit code says why."""

import json
import re
import subprocess
import unittest
from collections import Counter
from datetime import datetime, timezone
from typing import Dict, List

from lib import processes

from . import pmml, services, wire
from .serving import ROW, EndToEndTest, Serving

FAILED, USAGE, NO_JOB_MANAGER, NO_JOB, NO_PROXY, UNKNOWN_KEY = 1, 2, 3, 4, 5, 6


def run(command: List[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


class QueryTest(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        cls.serving = Serving("keyed", services.cluster()).submit()
        cls.addClassCleanup(cls.serving.stop)

    def assert_fails(self, command: List[str], code: int, *parts: str) -> None:
        done = run(command)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        self.assertRegex(done.stderr, r"^error: [^\n]+\n$", "one line, no stack trace")
        for part in parts:
            self.assertIn(part, done.stderr)
        self.assertEqual(done.stdout, "")

    def query(self, *arguments: object) -> List[str]:
        """Without --job: it finds the job itself."""
        flink = self.serving.flink
        return services.built().query("--jobmanager", flink.url, "--proxy", ",".join(flink.queryable_state_proxies), *arguments)

    def test_current_and_previous_versions(self):
        data_type, serving = "queried", self.serving
        began = datetime.now(timezone.utc)
        for version in ("1", "2", "3"):
            serving.say(wire.model("queried", pmml.linear(float(version), {"pH": 0.0}, "returnInvalid"), version, data_type))
            serving.await_model("queried", version, data_type)
            serving.ask({f"queried-{version}-{at}": wire.wine(ROW, data_type) for at in range(10 * int(version))})
        bad = wire.wine({**dict(zip(wire.FIELDS, ROW)), "pH": float("nan")}, data_type)
        serving.ask({f"queried-bad-{at}": bad for at in range(4)})
        serving.say(wire.model("queried", b"<PMML", "4", data_type))
        serving.await_error("MODEL_UNPARSABLE")
        # Every record is counted once, by the model that its result names.
        used: Dict[str, List[int]] = {}
        for each in serving.results:
            if each["data_type"] == data_type:
                used.setdefault(each["version"], []).append(each["duration_nanos"])
        expected = {version: (len(durations), min(durations), max(durations)) for version, durations in used.items()}

        def complete(stats) -> bool:
            return stats["current"]["records"] == expected["3"][0] and stats["current"]["errors"] == 4 and stats["last_error"] != ""

        serving.query_until(complete, "complete stats", data_type)
        done = run(self.query("--data-type", data_type, "--json"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        stats = json.loads(done.stdout)
        self.assertEqual((stats["job"], stats["job_name"], stats["data_type"]), (serving.job, serving.name, data_type))
        current, previous = stats["current"], stats["previous"]
        self.assertEqual([each["version"] for each in (current, *previous)], ["3", "2", "1"])
        for each in (current, *previous):
            self.assertEqual((each["records"], each["min_nanos"], each["max_nanos"]), expected[each["version"]])
            self.assertAlmostEqual(each["mean_nanos"], sum(used[each["version"]]) / len(used[each["version"]]), delta=1)
            self.assertTrue(each["min_nanos"] <= each["p99_nanos"] <= 1.07 * each["max_nanos"], each)
            self.assertEqual((each["model"], each["type"]), ("queried", "PMML"))
            self.assertGreaterEqual(datetime.fromisoformat(each["since"].replace("Z", "+00:00")).timestamp(), began.timestamp() - 1)
        self.assertEqual([each["errors"] for each in (current, *previous)], [4, 0, 0])
        self.assertEqual({each["status"] for each in previous}, {"RETIRED"})
        # The last model was not taken; that shows, and the one before serves on.
        self.assertEqual(current["status"], "FAILED")
        self.assertRegex(stats["last_error"], "MODEL_UNPARSABLE: .*line 1")

        table = run(self.query("--data-type", data_type)).stdout
        rows = [line.split() for line in table.splitlines() if line.startswith("queried")]
        self.assertEqual(Counter(row[1] for row in rows), Counter("321"))
        self.assertRegex(table, r"model +version +type +status +since +records +errors")
        self.assertIn("MODEL_UNPARSABLE", table)
        self.assertTrue(re.search(rf"^queried +3 +PMML +FAILED .* {expected['3'][0]} +4 ", table, re.MULTILINE), table)

    def test_suspended_model(self):
        data_type, serving = "resting", self.serving
        serving.say(wire.model("resting", pmml.constant(1.0), "1", data_type), wire.command(wire.SUSPEND, "resting", data_type))
        serving.probe_until(lambda answer: answer.get("code") == "MODEL_SUSPENDED", "suspension", data_type)
        stats = serving.query_until(lambda stats: stats["current"]["status"] == "SUSPENDED", "status SUSPENDED", data_type)
        self.assertEqual((stats["current"]["model"], stats["current"]["version"]), ("resting", "1"))

    def test_no_answer_says_why(self):
        flink, job = self.serving.flink, self.serving.job
        free = processes.free_ports(1)[0]
        cases = {
            "unknown data type": (self.query("--data-type", "cheese"), UNKNOWN_KEY, ("cheese",)),
            "unknown option": (self.query("--colour"), USAGE, ("--colour",)),
            "job that is no id": (self.query("--job", "mine"), USAGE, ("mine",)),
            "unknown job": (self.query("--job", "0" * 32), NO_JOB, ("0" * 32,)),
            "no JobManager": (services.built().query("--jobmanager", f"http://127.0.0.1:{free}"), NO_JOB_MANAGER, (str(free),)),
            "no proxy": (services.built().query("--jobmanager", flink.url, "--job", job, "--proxy", f"127.0.0.1:{free}"), NO_PROXY, (str(free),)),
        }
        for what, (command, code, parts) in cases.items():
            with self.subTest(what):
                self.assert_fails(command, code, *parts)


class QueryWithoutJobTest(EndToEndTest):
    def test_no_job(self):
        flink = services.cluster()
        running = [job for job in flink.rest.jobs() if job["state"] == "RUNNING"]
        self.assertEqual(running, [], "other tests clean up")
        done = run(services.built().query("--jobmanager", flink.url))
        self.assertEqual(done.returncode, NO_JOB, done.stderr)
        self.assertIn("no job runs", done.stderr)

    def test_job_that_can_not_be_queried(self):
        self.serving = Serving("flat", services.cluster()).submit()
        self.addCleanup(self.serving.stop)
        done = run(services.built().query("--jobmanager", self.serving.flink.url))
        self.assertEqual(done.returncode, NO_JOB, done.stderr)
        self.assertIn("ModelServingKeyedJob", done.stderr)


if __name__ == "__main__":
    unittest.main()
