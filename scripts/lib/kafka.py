"""A Kafka broker as a real process on this machine: one KRaft node that is broker and controller.

with KafkaBroker() as kafka:
    kafka.create_topic("mdata", partitions=2)
    ... a producer or consumer with bootstrap.servers = kafka.bootstrap ...
    kafka.end_offsets("mdata")
"""

import atexit
import base64
import os
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from . import maven, paths, processes
from .console import ScriptError, step
from .kafka_wire import TOPIC_EXISTS, TRANSIENT, UNKNOWN_TOPIC, KafkaConnection, KafkaError
from .locks import locked
from .processes import Process

__all__ = ["KafkaBroker", "KafkaError", "libraries"]

HOST = "127.0.0.1"


def libraries() -> Path:
    """The folder with the broker's class path, made by Maven when it is absent or older than its pom.xml."""
    target = paths.BROKER_MODULE / "target"
    folder, complete = target / "libs", target / "libs.complete"
    pom = paths.BROKER_MODULE / "pom.xml"

    def current() -> bool:
        return folder.is_dir() and complete.is_file() and complete.stat().st_mtime >= pom.stat().st_mtime

    if not current():
        with locked(target / "lock", "fetching the Kafka broker"):
            if not current():
                step("Kafka broker from Maven Central, once (45 MB)")
                shutil.rmtree(folder, ignore_errors=True)
                maven.run("maven kafka-broker", ["-f", str(pom), "package"])
                complete.touch()
    return folder


class KafkaBroker:
    """`start()` or `with` starts it; it is stopped on `stop()` and whenever the script ends.

    port      of the broker; None: a free one
    config    broker properties that are added to, or replace, the ones set here
    folder    where configuration, data and logs go; None: a new folder below target/run, removed on stop unless
              `keep_folder`. A broker started on a folder that has data goes on with it
    heap      the JVM's maximum
    """

    def __init__(
        self,
        port: Optional[int] = None,
        config: Optional[Mapping[str, Any]] = None,
        folder: Optional[Path] = None,
        keep_folder: bool = False,
        heap: str = "512m",
    ):
        self._libraries = libraries()
        self.folder = folder.resolve() if folder else paths.new_run_folder("kafka")
        self.keep_folder = keep_folder or folder is not None
        self.heap = heap
        free, controller = processes.free_ports(2)
        self.port = port or free
        self.config = {**self._defaults(controller), **(config or {})}
        self.process: Optional[Process] = None

    @property
    def bootstrap(self) -> str:
        """For bootstrap.servers."""
        return f"{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "broker.log"

    def start(self, wait: bool = True) -> "KafkaBroker":
        """Starts the broker; with `wait` returns when it accepts work."""
        atexit.register(self.stop)
        try:
            self._prepare()
            arguments = ["kafka.Kafka", str(self._properties)]
            self.process = processes.spawn("kafka", self._java(arguments), self.log, os.environ, self.folder)
            if wait:
                self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def wait_ready(self, timeout: float = 120) -> None:
        """Waits until the broker answers on its port and counts itself among the brokers that accept work."""
        processes.wait_until(self._ready, timeout, "start of Kafka", [self._started()])

    def create_topic(
        self, name: str, partitions: int = 1, config: Optional[Mapping[str, Any]] = None, exist_ok: bool = False
    ) -> None:
        """Creates a topic; `config` are topic properties, such as max.message.bytes.

        Raises KafkaError when the broker refuses, also when the topic exists unless `exist_ok`.
        """
        properties = {key: str(value) for key, value in (config or {}).items()}
        try:
            with self._connection() as connection:
                connection.create_topic(name, partitions, properties)
        except KafkaError as error:
            if not (exist_ok and error.code == TOPIC_EXISTS):
                raise
        # The answer comes from the controller; the broker learns of the topic and leads its partitions a moment later.
        self._wait_for(lambda: self._has_offsets(name), f"topic {name}")

    def delete_topic(self, name: str) -> None:
        with self._connection() as connection:
            connection.delete_topic(name)
        self._wait_for(lambda: name not in self.topics(), f"removal of topic {name}")

    def topics(self) -> Dict[str, int]:
        """The number of partitions of every topic, internal ones left out."""
        with self._connection() as connection:
            return connection.partitions()

    def end_offsets(self, topic: str, committed: bool = False) -> Dict[int, int]:
        """By partition, the offset after the last record; with `committed`, after the last committed transaction.

        Transaction markers take offsets too, so the sum is the number of records only in topics that are written
        without transactions.
        """
        with self._connection() as connection:
            return connection.end_offsets(topic, committed)

    def kill(self) -> None:
        """kill -9. The folder stays, so that `start()` can go on with it."""
        self._started().kill()

    def stop(self) -> None:
        """Stops the broker and removes the folder unless it is to be kept. Can be called again."""
        atexit.unregister(self.stop)
        if self.process:
            self.process.stop()
            self.process = None
        if not self.keep_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def detach(self) -> Dict[str, Any]:
        """Lets the broker outlive this script. Returns what `attach` needs to find it again."""
        atexit.unregister(self.stop)
        self._started().detach()
        return self.to_json()

    def to_json(self) -> Dict[str, Any]:
        process = self.process.to_json() if self.process else None
        return {"port": self.port, "config": self.config, "folder": str(self.folder), "process": process}

    @staticmethod
    def attach(state: Mapping[str, Any]) -> "KafkaBroker":
        """The broker that `detach` let go. It is not stopped when this script ends."""
        broker = KafkaBroker(port=state["port"], config=state["config"], folder=Path(state["folder"]))
        broker.process = Process.from_json(state["process"]) if state["process"] else None
        return broker

    def __enter__(self) -> "KafkaBroker":
        return self if self.process else self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _started(self) -> Process:
        if self.process is None:
            raise ScriptError("this Kafka broker was not started")
        return self.process

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _defaults(self, controller: int) -> Dict[str, Any]:
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            # A typing error in a topic's name must fail, not create the topic.
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": 0,
            # One node: the internal topics cannot have the three replicas that they have by default, and fewer
            # partitions of them are created sooner.
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 2,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 2,
        }

    def _prepare(self) -> None:
        """Writes the configuration and, once, formats the data folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{key}={value}\n" for key, value in self.config.items()]
        self._properties.write_text("".join(lines), encoding="utf-8")
        (self.folder / "log4j.properties").write_text(
            "log4j.rootLogger=INFO, out\n"
            "log4j.appender.out=org.apache.log4j.ConsoleAppender\n"
            "log4j.appender.out.layout=org.apache.log4j.PatternLayout\n"
            "log4j.appender.out.layout.ConversionPattern=%d %-5p %c{2} %m%n\n",
            encoding="utf-8",
        )
        if (self.folder / "data" / "meta.properties").exists():
            return
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # In one argument: one id in 64 begins with a hyphen.
        arguments = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config", str(self._properties)]
        try:
            subprocess.run(
                self._java(arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=120
            )
        except subprocess.CalledProcessError as error:
            raise ScriptError(f"formatting Kafka's data folder failed\n{error.stdout}{error.stderr}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ScriptError(f"formatting Kafka's data folder failed: {error}") from error

    def _java(self, arguments: Sequence[str]) -> List[str]:
        return [
            processes.java_executable(),
            f"-Xmx{self.heap}",
            f"-Djava.io.tmpdir={self.folder}",
            f"-Dlog4j.configuration=file:{self.folder / 'log4j.properties'}",
            "-cp",
            f"{self._libraries}/*",
            *arguments,
        ]

    def _connection(self) -> KafkaConnection:
        return KafkaConnection(HOST, self.port)

    def _ready(self) -> bool:
        try:
            with self._connection() as connection:
                return self.config["node.id"] in connection.brokers()
        except ScriptError:
            return False

    def _has_offsets(self, topic: str) -> bool:
        try:
            self.end_offsets(topic)
            return True
        except KafkaError as error:
            if error.code in TRANSIENT or error.code == UNKNOWN_TOPIC:
                return False
            raise

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        processes.wait_until(condition, 30, what, [self._started()], interval=0.02)
