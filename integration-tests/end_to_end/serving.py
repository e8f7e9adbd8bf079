"""One serving job with topics of its own, and what tests do with it."""

import json
import os
import re
import sys
import time
import unittest
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from lib import artifacts, console, processes
from lib.console import ScriptError
from lib.flink import FlinkCluster

from . import services, wire

JOBS = {"keyed": "ModelServingKeyedJob", "flat": "ModelServingFlatJob"}
PARTITIONS = 2
PROBE = "probe-"
# A record like the example's.
ROW = (8.9, 0.52, 0.30, 1.4, 0.091, 4, 20, 0.99646, 3.31, 0.77, 10.7)

# What a Flink without anything wrong warns of.
_NOISE = re.compile("Name collision|DelegationToken|security.token")

Json = Dict[str, Any]


class Answers:
    """All that comes to a results topic and an errors topic, as DataReader shows it: committed messages only."""

    def __init__(self, results_topic: str, errors_topic: str):
        self.results: List[Json] = []
        self.errors: List[Json] = []
        self._kinds = {results_topic: self.results, errors_topic: self.errors}
        command = services.built().tool(
            "DataReader", "--bootstrap-servers", services.broker().bootstrap, "--from-beginning", "--follow", "--json",
            "--data-topic", "not-shown", "--models-topic", "not-shown-either",
            "--results-topic", results_topic, "--errors-topic", errors_topic,
        )
        folder = services.broker().folder
        self._log = folder / f"{results_topic}.json"
        self._process = processes.spawn(f"DataReader of {results_topic}", command, self._log, os.environ, folder)
        self._file = open(self._log, encoding="utf-8")
        self._rest = ""

    def poll(self) -> None:
        self._rest += self._file.read()
        *lines, self._rest = self._rest.split("\n")
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError as error:
                raise ScriptError(f"DataReader says what is no JSON: {line}") from error
            self._kinds[message["topic"]].append({**message["value"], "key": message["key"]})

    def wait(self, condition: Callable[[], bool], what: str, timeout: float = 60) -> None:
        def ready() -> bool:
            self.poll()
            return condition()

        try:
            processes.wait_until(ready, timeout, what, [self._process], interval=0.02)
        except ScriptError as error:
            errors = "\n".join(map(str, self.errors[-5:]))
            raise ScriptError(f"{str(error)[:300]}\n{len(self.results)} results, {len(self.errors)} errors, the last of them\n{errors}") from None

    def close(self) -> None:
        self._process.stop()
        self._file.close()


class Serving:
    """`options` are arguments of the job; `join` is keyed or flat."""

    def __init__(self, join: str, flink: FlinkCluster, options: Sequence[str] = ()):
        self.join = join
        self.flink = flink
        self.options = list(options)
        self.name = services.unique(f"e2e-{join}")
        self.data, self.models, self.results_topic, self.errors_topic = (
            f"{self.name}-{kind}" for kind in ("data", "models", "results", "errors")
        )
        for topic, partitions in ((self.data, PARTITIONS), (self.models, 1), (self.results_topic, PARTITIONS), (self.errors_topic, 1)):
            services.broker().create_topic(topic, partitions, {"max.message.bytes": services.MAX_MESSAGE})
        self.job = ""
        self.answers = Answers(self.results_topic, self.errors_topic)
        self._probes = 0

    @property
    def results(self) -> List[Json]:
        return self.answers.results

    @property
    def errors(self) -> List[Json]:
        return self.answers.errors

    def submit(self, parallelism: int = 2, savepoint: Optional[str] = None) -> "Serving":
        """`flink run`; returns when all tasks run."""
        arguments = ["--bootstrap-servers", services.broker().bootstrap, "--group-id", self.name, "--job-name", self.name]
        arguments += ["--data-topic", self.data, "--models-topic", self.models]
        arguments += ["--results-topic", self.results_topic, "--errors-topic", self.errors_topic, *self.options]
        self.job = self.flink.run(
            services.built().job_jar, f"io.flinkserving.job.{JOBS[self.join]}", arguments, parallelism=parallelism, savepoint=savepoint
        )
        self.flink.rest.wait_for_job(self.job)
        return self

    def stop(self) -> None:
        self.answers.close()
        self.cancel()

    def cancel(self) -> None:
        """Cancels the job if it runs."""
        if self.job and self.flink.rest.job_state(self.job) not in ("FINISHED", "CANCELED", "FAILED"):
            self.flink.rest.cancel(self.job)

    def provider(self, *arguments: object) -> List[str]:
        """The command of a DataProvider for this job's topics."""
        return services.built().tool(
            "DataProvider", "--bootstrap-servers", services.broker().bootstrap, "--data-topic", self.data, "--models-topic", self.models, *arguments
        )

    def provide(self, *arguments: object) -> str:
        """Runs a DataProvider to its end."""
        return artifacts.run_main(self.provider(*arguments))

    def publish(self, records: Iterable[Tuple[str, Optional[bytes]]]) -> None:
        """Sends messages to the topic of records; each has a key that becomes the record's identity."""
        for at, (key, value) in enumerate(records):
            services.producer().send(self.data, value, key, at % PARTITIONS)
        services.producer().flush()

    def say(self, *messages: Optional[bytes]) -> None:
        """Sends messages to the topic of models."""
        for message in messages:
            services.producer().send(self.models, message)
        services.producer().flush()

    def ask(self, records: Mapping[str, Optional[bytes]], timeout: float = 60) -> Dict[str, Json]:
        """Publishes records and waits until each has left something. The answers by record: results and errors alike."""
        results, errors = len(self.results), len(self.errors)
        self.publish(records.items())
        found: Dict[str, Json] = {}

        def answered() -> bool:
            found.update({each["record_id"]: each for each in self.results[results:] + self.errors[errors:] if each["record_id"] in records})
            return len(found) == len(records)

        self.answers.wait(answered, f"answers to {len(records)} records", timeout)
        return found

    def probe(self, data_type: str = "wine") -> List[Json]:
        """What a good record leaves now, for each partition: with the flat join these are different subtasks."""
        self._probes += 1
        keys = [f"{PROBE}{self._probes}-{partition}" for partition in range(PARTITIONS)]
        answers = self.ask({key: wire.wine(ROW, data_type) for key in keys})
        return [answers[key] for key in keys]

    def probe_until(self, expected: Callable[[Json], bool], what: str, data_type: str = "wine", timeout: float = 30) -> None:
        """Sends records until all that a probe leaves is as expected."""
        end = time.monotonic() + timeout
        while True:
            answers = self.probe(data_type)
            if all(map(expected, answers)):
                return
            if time.monotonic() > end:
                raise ScriptError(f"{what}: not within {timeout:.0f} s, the last answer {answers[-1]}, the last errors {self.errors[-3:]}")

    def await_model(self, name: str, version: Optional[str] = None, data_type: str = "wine") -> None:
        """Waits until this model serves all subtasks. Fails at once when it is refused."""
        before = len(self.errors)

        def serves(answer: Json) -> bool:
            refused = [each for each in self.errors[before:] if each["model"] == name and not each["record_id"]]
            if refused:
                raise ScriptError(f"model {name} is refused: {refused[0]}")
            return "outputs" in answer and answer["model"] == name and version in (None, answer["version"])

        self.probe_until(serves, f"model {name} {version} in service", data_type)

    def await_error(self, code: str, message_part: str = "", after: int = 0) -> Json:
        """The first error with this code, from index `after` on."""

        def found() -> List[Json]:
            return [each for each in self.errors[after:] if each["code"] == code and message_part in each["message"]]

        self.answers.wait(lambda: bool(found()), f"an error {code} '{message_part}'", 15)
        return found()[0]

    def query_command(self, *arguments: object) -> List[str]:
        return services.built().query(
            "--jobmanager", self.flink.url, "--proxy", ",".join(self.flink.queryable_state_proxies), "--job", self.job, *arguments
        )

    def query(self, data_type: str = "wine") -> Json:
        return json.loads(artifacts.run_main(self.query_command("--data-type", data_type, "--json")))

    def query_until(self, condition: Callable[[Json], bool], what: str, data_type: str = "wine", timeout: float = 30) -> Json:
        """Stats reach state once a second, so they are asked for until they are as expected."""
        end = time.monotonic() + timeout
        while True:
            stats = self.query(data_type)
            if condition(stats):
                return stats
            if time.monotonic() > end:
                raise ScriptError(f"{what}: not within {timeout:.0f} s, last {stats}")

    def logs(self) -> str:
        """What a failure is explained by: the job's exceptions, and warnings in the logs."""
        parts = []
        try:
            parts.append(self.flink.rest.root_exception(self.job)[:4000] if self.job else "")
        except ScriptError as error:
            parts.append(str(error))
        for log in sorted(self.flink.logs.glob("*.log")):
            lines = console.tail(log, 2000).splitlines()
            notable = [line for line in lines if (" WARN " in line or " ERROR " in line or "Exception" in line) and not _NOISE.search(line)]
            if notable:
                parts.append(f"--- {log}\n" + "\n".join(line[:400] for line in notable[-15:]))
        return "\n".join(parts)


class EndToEndTest(unittest.TestCase):
    """Shows the logs of `serving`, where the test or its class has one, when a test fails."""

    maxDiff = 4000

    def run(self, result: Optional[unittest.TestResult] = None) -> Optional[unittest.TestResult]:
        before = _failures(result)
        began = time.monotonic()
        outcome = super().run(result)
        if _failures(result) > before and isinstance(getattr(self, "serving", None), Serving):
            print(f"\n{self.serving.logs()}", file=sys.stderr, flush=True)
        print(f"    ({time.monotonic() - began:.1f} s)", file=sys.stderr, flush=True)
        return outcome

    def assert_never_restarted(self, serving: Serving) -> None:
        # The count of restarts is a metric, reported late; the history of failures is there at once.
        self.assertEqual(serving.flink.rest.exceptions(serving.job), [])
        self.assertEqual(serving.flink.rest.restarts(serving.job), 0)
        self.assertEqual(serving.flink.rest.job_state(serving.job), "RUNNING")


def _failures(result: Optional[unittest.TestResult]) -> int:
    return len(result.failures) + len(result.errors) if result else 0
