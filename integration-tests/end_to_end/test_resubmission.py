"""The same jar, submitted, used and cancelled again and again on one TaskManager, leaves nothing behind in it."""

import re
import shutil
import tempfile
import time
import unittest
from pathlib import Path
from typing import List, NamedTuple

from lib.console import detail
from lib.flink import FlinkCluster

from . import pmml, wire
from .jvm import Handles, Jvm
from .serving import EndToEndTest, Serving

RUNS = 10
# By then everything that a TaskManager loads once is loaded.
SETTLED = 3
# What Flink itself still loads now and then is less than this; a job that stays loaded holds some 15 MB.
METASPACE_ALLOWANCE = 4 << 20
METASPACE_OF_A_JOB = 16 << 20
# Flink's own pools (I/O, RPC, blob transfer) end idle threads late and start them when needed.
THREAD_ALLOWANCE = 6
# A cancelled job's classloader may stay until the next job takes its place in caches of Flink and the JDK.
KEPT_CLASSLOADERS = 1
LINKAGE = re.compile("LinkageError|UnsatisfiedLinkError|NoClassDefFoundError|already loaded in another classloader|NativeLibraryException")


def linkage_errors(log: Path) -> List[str]:
    """Each with the lines around it. What Flink only informs of is that it looked for Hadoop."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()

    def wrong(line: str) -> bool:
        return bool(LINKAGE.search(line)) and " INFO " not in line

    return ["\n".join([str(log), *lines[max(0, at - 3) : at + 12]]) for at, line in enumerate(lines) if wrong(line)]


class Rest(NamedTuple):
    """What a TaskManager holds while no job runs."""

    metaspace: int
    classloaders: int
    libraries: int
    threads: List[str]


class ResubmissionTest(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        scratch = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, scratch, ignore_errors=True)
        cls.flink = FlinkCluster(slots=2).start()
        cls.addClassCleanup(cls.flink.stop)
        cls.jvm = Jvm(cls.flink.taskmanagers[0].process.pid, scratch)

    def at_rest(self) -> Rest:
        """After garbage collections, until they have collected every job: some of it can go only when idle threads have ended."""
        end = time.monotonic() + 30
        while True:
            self.jvm.collect()
            rest = Rest(self.jvm.metaspace(), self.jvm.job_classloaders(), self.jvm.mapped_libraries(), self.jvm.threads())
            if rest.classloaders == rest.libraries == 0 or time.monotonic() > end:
                return rest
            time.sleep(0.5)

    def use(self, serving: Serving, run: int) -> None:
        """With a model of this run's own, after those of all runs before, which the new job reads again."""
        name = f"model-{run}"
        serving.say(wire.model(name, pmml.constant(float(run)), "1"))
        serving.await_model(name, "1")
        answers = serving.ask({f"{run}-{at}": wire.wine([at] * 11) for at in range(50)})
        self.assertEqual({each["outputs"]["quality"] for each in answers.values()}, {float(run)})

    def test_ten_times(self):
        self.serving = serving = Serving("keyed", self.flink)
        self.addCleanup(serving.stop)
        settled, began = None, time.monotonic()
        for run in range(1, RUNS + 1):
            # Both joins take turns.
            serving.join = "keyed" if run % 2 else "flat"
            serving.submit()
            self.use(serving, run)
            if run == 1:
                # What is looked for after each run is seen while one goes on.
                self.assertGreater(min(self.jvm.handles()), 0)
                self.assertGreater(self.jvm.mapped_libraries(), 0)
                self.assertGreater(self.jvm.job_classloaders(), 0)
                self.assertIn("kafka", " ".join(self.jvm.threads()).lower())
            self.assert_never_restarted(serving)
            serving.cancel()
            handles = self.jvm.handles()
            detail(f"run {run}: {time.monotonic() - began:.0f} s, {handles}")
            self.assertEqual(handles, Handles(handles.libraries, 0, 0, 0), f"native handles after run {run}")
            if run == SETTLED:
                settled = self.at_rest()
        last = self.at_rest()
        grown = last.metaspace - settled.metaspace
        detail(f"metaspace {settled.metaspace >> 10} kB after run {SETTLED}, {grown >> 10:+} kB after run {RUNS}")
        detail(f"threads {len(settled.threads)}, {len(last.threads)}; classloaders {settled.classloaders}, {last.classloaders}")
        detail(f"mapped libraries {settled.libraries}, {last.libraries}")
        allowed = METASPACE_ALLOWANCE + max(0, last.classloaders - settled.classloaders) * METASPACE_OF_A_JOB
        self.assertLess(grown, allowed, f"metaspace grew by {grown} bytes in {RUNS - SETTLED} runs")
        self.assertLessEqual(last.classloaders, KEPT_CLASSLOADERS, "classloaders of cancelled jobs")
        self.assertLessEqual(last.libraries, KEPT_CLASSLOADERS, "mapped copies of the library")
        self.assertEqual([name for name in last.threads if "model-loader" in name or "kafka" in name.lower()], [], "threads of cancelled jobs")
        self.assertLessEqual(len(last.threads), len(settled.threads) + THREAD_ALLOWANCE, sorted(set(last.threads) - set(settled.threads)))
        self.assertEqual([excerpt for log in sorted(self.flink.logs.iterdir()) for excerpt in linkage_errors(log)], [])


if __name__ == "__main__":
    unittest.main()
