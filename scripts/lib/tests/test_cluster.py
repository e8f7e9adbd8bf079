"""Flink and Kafka as real processes. Takes about a minute once everything is downloaded."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid
from pathlib import Path
from unittest import mock

from .support import SCRIPTS, commands_with, eventually

from lib import paths
from lib.console import ScriptError
from lib.flink import FlinkCluster, flink_home
from lib.kafka import KafkaBroker, KafkaError, libraries

HERE = Path(__file__).resolve().parent
FOREVER = str(2**62)


def report(what: str, began: float) -> None:
    print(f"    {what}: {time.monotonic() - began:.1f} s", file=sys.stderr)


def counting_job(folder: Path) -> Path:
    """The jar of CountingJob, compiled against the distribution."""
    classes, jar = folder / "classes", folder / "counting.jar"
    class_path = f"{flink_home()}/lib/*"
    subprocess.run(
        ["javac", "--release", "11", "-cp", class_path, "-d", classes, HERE / "CountingJob.java"], check=True
    )
    subprocess.run(["jar", "--create", "--file", jar, "-C", classes, "."], check=True)
    return jar


class FlinkTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        cls.jar = counting_job(cls.scratch)
        began = time.monotonic()
        cls.flink = FlinkCluster(
            config={
                "execution.checkpointing.interval": "300 ms",
                "restart-strategy.type": "fixed-delay",
                "restart-strategy.fixed-delay.attempts": 100,
                "restart-strategy.fixed-delay.delay": "200 ms",
                "env.java.opts.taskmanager": "-Dflinkserving.test=reached -Xss1m",
            }
        ).start()
        cls.addClassCleanup(cls.flink.stop)
        report("Flink: start of JobManager and TaskManager", began)

    def test_processes_are_apart(self):
        running = self.flink.processes()
        self.assertIn("jobmanager", running)
        self.assertEqual(len(running), 2)
        self.assertEqual(len(set(running.values())), 2)

    def test_options_reach_the_taskmanager_only(self):
        with_option = commands_with("-Dflinkserving.test=reached -Xss1m")
        pids = [int(line.split()[0]) for line in with_option]
        self.assertEqual(pids, [self.flink.taskmanagers[0].process.pid])

    def test_web_ui_answers(self):
        self.assertEqual(self.flink.rest.get("/config")["flink-version"], "1.20.5")
        self.assertTrue(self.flink.rest.get("/config")["features"]["web-cancel"])

    def test_queryable_state_proxy_listens(self):
        name = self.flink.taskmanagers[0].resource_id
        log = self.flink.logs / f"flink-{name}-taskexecutor-0-local.log"
        self.assertIn("Started Queryable State Proxy Server", log.read_text())
        self.assertRegex(self.flink.queryable_state_proxies[0], r"^127\.0\.0\.1:\d+$")

    def test_job_survives_killed_taskmanager_and_restarts_from_savepoint(self):
        rest = self.flink.rest
        began = time.monotonic()
        job = self.flink.run(self.jar, "CountingJob", [FOREVER])
        rest.wait_for_job(job)
        report("Flink: submission until all tasks run", began)
        self.assertTrue(eventually(lambda: rest.completed_checkpoints(job) >= 2))
        vertex = next(vertex for name, vertex in rest.vertices(job).items() if name.startswith("counter"))
        self.assertTrue(eventually(lambda: self.vertex_metric(job, vertex, "numRecordsIn") > 0))

        began = time.monotonic()
        killed = self.flink.kill_taskmanager()
        self.assertNotIn(killed.process.name, self.flink.processes())
        self.assertTrue(eventually(lambda: rest.restarts(job) >= 1))
        report("Flink: kill -9 until noticed", began)
        began = time.monotonic()
        started = self.flink.start_taskmanager()
        report("Flink: start of another TaskManager", began)
        self.assertEqual(started.proxy_port, killed.proxy_port)
        rest.wait_for_job(job)
        self.assertTrue(eventually(lambda: rest.checkpoints(job)["latest"]["restored"] is not None))
        self.assertFalse(rest.checkpoints(job)["latest"]["restored"]["is_savepoint"])
        self.assertNotEqual(rest.exceptions(job), [])

        savepoint = rest.stop_with_savepoint(job)
        self.assertIn(str(self.flink.savepoint_folder), savepoint)
        second = self.flink.run(self.jar, "CountingJob", [FOREVER], savepoint=savepoint, parallelism=1)
        rest.wait_for_job(second)
        self.assertTrue(rest.checkpoints(second)["latest"]["restored"]["is_savepoint"])
        self.assertEqual({entry["parallelism"] for entry in rest.job(second)["vertices"]}, {1})
        rest.cancel(second)
        self.assertEqual({entry["state"] for entry in rest.jobs()}, {"FINISHED", "CANCELED"})

    def test_failed_submission_says_why(self):
        with self.assertRaisesRegex(ScriptError, "NumberFormatException"):
            self.flink.run(self.jar, "CountingJob", ["no number"])
        with self.assertRaisesRegex(ScriptError, "NoSuchJob"):
            self.flink.run(self.jar, "NoSuchJob")

    def vertex_metric(self, job, vertex, name):
        return self.flink.rest.vertex_metrics(job, vertex, [name]).get(name, 0)


class KafkaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        libraries()
        began = time.monotonic()
        cls.kafka = KafkaBroker()
        # In base 64 this begins with a hyphen.
        with mock.patch("lib.kafka.uuid.uuid4", return_value=uuid.UUID(bytes=b"\xfb" + os.urandom(15))):
            cls.kafka.start()
        cls.addClassCleanup(cls.kafka.stop)
        report("Kafka: start of the broker", began)

    def test_topics_are_made_and_removed(self):
        self.kafka.create_topic("made", partitions=3, config={"max.message.bytes": 64 << 20})
        self.assertEqual(self.kafka.topics()["made"], 3)
        self.assertEqual(self.kafka.end_offsets("made"), {0: 0, 1: 0, 2: 0})
        self.kafka.create_topic("made", exist_ok=True)
        with self.assertRaisesRegex(KafkaError, "already exists"):
            self.kafka.create_topic("made")
        self.kafka.delete_topic("made")
        self.assertNotIn("made", self.kafka.topics())

    def test_bad_requests_name_the_reason(self):
        with self.assertRaisesRegex(KafkaError, "Unknown topic config name: nonsense"):
            self.kafka.create_topic("bad", config={"nonsense": 1})
        with self.assertRaisesRegex(KafkaError, "unknown topic"):
            self.kafka.end_offsets("never-made")

    def test_transactions_work_on_one_node(self):
        self.kafka.create_topic("transactional")
        subprocess.run(
            [
                "java",
                "-cp",
                f"{libraries()}/*",
                HERE / "TransactionalProducer.java",
                self.kafka.bootstrap,
                "transactional",
                "5",
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
        # Five records, the marker of their commit, five records of the open transaction.
        self.assertEqual(self.kafka.end_offsets("transactional"), {0: 11})
        self.assertEqual(self.kafka.end_offsets("transactional", committed=True), {0: 6})


class NothingIsLeftTest(unittest.TestCase):
    """A script that is killed cannot clean up. Its clusters are gone all the same."""

    # What runs in the background of a shell has SIGINT ignored; at a terminal it is not.
    SCRIPT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, sys.argv[1])
from lib.flink import FlinkCluster
from lib.kafka import KafkaBroker
flink = FlinkCluster().start(wait=False)
kafka = KafkaBroker().start(wait=False)
print(flink.folder, kafka.folder, flush=True)
time.sleep(600)
"""

    def test_after_sigkill(self):
        self.assert_nothing_left_after(signal.SIGKILL)

    def test_after_ctrl_c(self):
        folders = self.assert_nothing_left_after(signal.SIGINT)
        self.assertEqual([folder for folder in folders if Path(folder).exists()], [])

    def assert_nothing_left_after(self, number):
        script = subprocess.Popen(
            [sys.executable, "-c", self.SCRIPT, SCRIPTS], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        with script:
            folders = script.stdout.readline().split()
            self.assertEqual(len(folders), 2)
            for folder in folders:
                self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
                self.assertTrue(eventually(lambda folder=folder: commands_with(folder) != []))
            script.send_signal(number)
            try:
                script.wait(30)
            finally:
                script.kill()
        for folder in folders:
            self.assertTrue(eventually(lambda folder=folder: commands_with(folder) == []), commands_with(folder))
        return folders


class ClusterScriptTest(unittest.TestCase):
    def test_start_status_stop(self):
        if (paths.TARGET / "cluster" / "state.json").exists():
            self.skipTest("SKIPPED: scripts/cluster is in use")
        self.addCleanup(self.cluster, "stop")
        self.assertEqual(self.cluster("status").returncode, 3)
        self.assertEqual(self.cluster("start").returncode, 0)
        status = self.cluster("status", "--json")
        self.assertEqual(status.returncode, 0, status.stderr)
        self.assertEqual([part["alive"] for part in json.loads(status.stdout)["processes"]], [True, True, True])
        self.assertEqual(self.cluster("topic", "tried", "--partitions", "2").returncode, 0)
        with tempfile.TemporaryDirectory() as scratch:
            jar = counting_job(Path(scratch))
            job = self.cluster("run", jar, "-c", "CountingJob", "-p", "1", "--", FOREVER)
            self.assertEqual(job.returncode, 0, job.stderr)
            self.assertIn(f"job {job.stdout.strip()}", self.cluster("status").stdout)
        self.assertEqual(self.cluster("stop").returncode, 0)
        self.assertEqual(self.cluster("status").returncode, 3)
        self.assertEqual(commands_with(f"{paths.TARGET / 'cluster'}/"), [])

    def cluster(self, *arguments):
        return subprocess.run([SCRIPTS / "cluster", *arguments], capture_output=True, text=True, timeout=180)


if __name__ == "__main__":
    unittest.main()
