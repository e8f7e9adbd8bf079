"""What all tests of a run share: the built artifacts, one Kafka broker, one producer, one Flink cluster. Each is started when it is first needed."""

import atexit
import base64
import itertools
import subprocess
import threading
from collections import deque
from functools import lru_cache
from pathlib import Path
from typing import Optional

from lib import artifacts, kafka, processes
from lib.artifacts import Artifacts
from lib.console import ScriptError
from lib.flink import FlinkCluster
from lib.kafka import KafkaBroker

HERE = Path(__file__).resolve().parent
# The largest message that a topic of these tests takes.
MAX_MESSAGE = 32 << 20

_numbers = itertools.count(1)


@lru_cache(maxsize=None)
def built() -> Artifacts:
    return artifacts.build("quick")


@lru_cache(maxsize=None)
def broker() -> KafkaBroker:
    return KafkaBroker(heap="768m").start()


@lru_cache(maxsize=None)
def cluster() -> FlinkCluster:
    """For all tests that neither end a TaskManager nor measure one."""
    # Records are awaited one by one, so they should not wait for others in network buffers.
    return FlinkCluster(slots=4, config={"execution.buffer-timeout.interval": "5 ms"}).start()


@lru_cache(maxsize=None)
def producer() -> "Producer":
    return Producer(broker().bootstrap)


def unique(what: str) -> str:
    """A name that no other test has, for topics and consumer groups."""
    return f"{what}-{next(_numbers)}"


class Producer:
    """Sends messages of any bytes. `flush` returns when the broker has them all."""

    def __init__(self, bootstrap: str):
        command = [
            processes.java_executable(), "-Xmx256m", "-cp", f"{kafka.libraries()}/*", str(HERE / "RawProducer.java"), bootstrap,
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._said: "deque[str]" = deque(maxlen=40)
        threading.Thread(target=lambda: self._said.extend(self._process.stderr), daemon=True).start()
        atexit.register(self._process.kill)

    def send(self, topic: str, value: Optional[bytes], key: Optional[str] = None, partition: Optional[int] = None) -> None:
        where = "-" if partition is None else str(partition)
        self._tell(f"{topic} {where} {_encoded(key.encode() if key is not None else None)} {_encoded(value)}")

    def flush(self) -> None:
        self._tell("flush")
        self._process.stdin.flush()
        if self._process.stdout.readline() != "flushed\n":
            raise self._failure()

    def _tell(self, line: str) -> None:
        try:
            self._process.stdin.write(line + "\n")
        except OSError as error:
            raise self._failure() from error

    def _failure(self) -> ScriptError:
        self._process.wait(10)
        return ScriptError("the producer ended:\n" + "".join(self._said))


def _encoded(content: Optional[bytes]) -> str:
    return "-" if content is None else base64.b64encode(content).decode()
