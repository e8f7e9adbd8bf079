"""A Flink cluster of real processes on this machine: one JobManager, any number of TaskManagers.

    with FlinkCluster(slots=2, config={"execution.checkpointing.interval": "1 s"}) as flink:
        job = flink.run("job.jar", "io.example.Job", ["--topic", "mdata"])
        flink.rest.wait_for_job(job)
        flink.kill_taskmanager()
        flink.start_taskmanager()
        savepoint = flink.rest.stop_with_savepoint(job)
        flink.run("job.jar", "io.example.Job", ["--topic", "mdata"], savepoint=savepoint, parallelism=1)

The distribution's folder is only read. Configuration, logs, checkpoints and temporary files are below `folder`.
"""

import atexit
import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from . import paths, processes
from .console import ScriptError, tail
from .flink_distribution import flink_home
from .flink_rest import FlinkRest
from .processes import Process

__all__ = ["FlinkCluster", "FlinkRest", "flink_home"]

HOST = "127.0.0.1"


class TaskManager:
    """`index` decides its queryable-state ports; `resource_id` is what REST and logs call it."""

    def __init__(self, index: int, resource_id: str, process: Process, proxy_port: int, server_port: int):
        self.index = index
        self.resource_id = resource_id
        self.process = process
        self.proxy_port = proxy_port
        self.server_port = server_port

    def to_json(self) -> Dict[str, Any]:
        return {**vars(self), "process": self.process.to_json()}

    @staticmethod
    def from_json(json: Mapping[str, Any]) -> "TaskManager":
        return TaskManager(**{**json, "process": Process.from_json(json["process"])})


class FlinkCluster:
    """A session cluster. `start()` or `with` starts it; it is stopped on `stop()` and whenever the script ends.

    slots         task slots of each TaskManager
    taskmanagers  how many to start
    parallelism   default parallelism of jobs; None: all slots
    config        Flink options that are added to, or replace, the ones set here
    folder        where configuration, logs, checkpoints and savepoints go; None: a new folder below target/run,
                  removed on stop unless `keep_folder`
    rest_port, proxy_port, server_port
                  ports of the web UI and, for the first TaskManager, of queryable state (clients use the proxy's);
                  None: free ones
    home          a Flink distribution; None: flink_home()
    """

    def __init__(
        self,
        slots: int = 2,
        taskmanagers: int = 1,
        parallelism: Optional[int] = None,
        config: Optional[Mapping[str, Any]] = None,
        folder: Optional[Path] = None,
        keep_folder: bool = False,
        rest_port: Optional[int] = None,
        proxy_port: Optional[int] = None,
        server_port: Optional[int] = None,
        home: Optional[Path] = None,
    ):
        self.home = home or flink_home()
        self.folder = folder.resolve() if folder else paths.new_run_folder("flink")
        self.keep_folder = keep_folder or folder is not None
        self.slots = slots
        self._initial_taskmanagers = taskmanagers
        self._ports = {"rest": rest_port, "proxy": proxy_port, "server": server_port}
        self.config = self._configuration(parallelism or slots * taskmanagers, config or {})
        self.rest = FlinkRest(f"http://{HOST}:{self.config['rest.port']}")
        self.jobmanager: Optional[Process] = None
        self.taskmanagers: List[TaskManager] = []
        self._started_taskmanagers = 0

    @property
    def url(self) -> str:
        """The web UI and REST."""
        return self.rest.url

    @property
    def savepoint_folder(self) -> Path:
        return self.folder / "savepoints"

    @property
    def logs(self) -> Path:
        return self.folder / "log"

    @property
    def queryable_state_proxies(self) -> List[str]:
        """host:port of each TaskManager's queryable-state proxy; any one of them answers for the whole cluster."""
        return [f"{HOST}:{taskmanager.proxy_port}" for taskmanager in self.taskmanagers]

    def processes(self) -> Dict[str, int]:
        """The pids of the processes that run, by name: jobmanager, taskmanager-1, ..."""
        return {process.name: process.pid for process in self._all() if process.alive()}

    def start(self, wait: bool = True) -> "FlinkCluster":
        """Starts all processes; with `wait` returns when the JobManager has all TaskManagers and their slots."""
        atexit.register(self.stop)
        try:
            self._write_configuration()
            self.jobmanager = self._spawn("jobmanager", "jobmanager.sh", {})
            for _ in range(self._initial_taskmanagers):
                self.start_taskmanager(wait=False)
            if wait:
                self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def wait_ready(self, timeout: float = 120) -> None:
        """Waits until all TaskManagers that were started are registered."""
        wanted = {taskmanager.resource_id for taskmanager in self.taskmanagers}

        def registered() -> bool:
            try:
                return wanted <= {taskmanager["id"] for taskmanager in self.rest.taskmanagers()}
            except ScriptError:
                return False

        processes.wait_until(registered, timeout, "start of Flink", self._all())

    def start_taskmanager(self, wait: bool = True) -> TaskManager:
        """Starts one more TaskManager. In place of a killed first one, it gets the ports that that one had."""
        taken = {taskmanager.index for taskmanager in self.taskmanagers}
        index = next(number for number in range(len(taken) + 1) if number not in taken)
        proxy, server = processes.free_ports(2)
        if index == 0:
            proxy, server = self._ports["proxy"] or proxy, self._ports["server"] or server
            self._ports.update(proxy=proxy, server=server)
        self._started_taskmanagers += 1
        name = f"taskmanager-{self._started_taskmanagers}"
        options = {
            "taskmanager.resource-id": name,
            "queryable-state.proxy.ports": proxy,
            "queryable-state.server.ports": server,
        }
        taskmanager = TaskManager(index, name, self._spawn(name, "taskmanager.sh", options), proxy, server)
        self.taskmanagers.append(taskmanager)
        if wait:
            self.wait_ready()
        return taskmanager

    def kill_taskmanager(self, taskmanager: Optional[TaskManager] = None, wait: bool = True) -> TaskManager:
        """kill -9 of a TaskManager, by default of the one started first.

        With `wait` returns when the JobManager has noticed, which takes it some seconds; until then jobs look as if
        they ran.
        """
        if not self.taskmanagers:
            raise ScriptError("no TaskManager runs")
        victim = taskmanager or self.taskmanagers[0]
        victim.process.kill()
        self.taskmanagers.remove(victim)
        if wait:

            def noticed() -> bool:
                return victim.resource_id not in {entry["id"] for entry in self.rest.taskmanagers()}

            processes.wait_until(
                noticed, 120, f"the JobManager's notice of the end of {victim.resource_id}", self._all()
            )
        return victim

    def run(
        self,
        jar: os.PathLike,
        main: Optional[str] = None,
        args: Sequence[Any] = (),
        detached: bool = True,
        savepoint: Optional[str] = None,
        parallelism: Optional[int] = None,
        options: Optional[Mapping[str, Any]] = None,
        allow_non_restored_state: bool = False,
        timeout: float = 300,
    ) -> str:
        """`flink run`. Returns the job's id: when `detached` once it is submitted, else once it has finished.

        `options` are Flink options of this one job. Raises ScriptError with the client's output when it fails.
        """
        command: List[str] = [str(self.home / "bin" / "flink"), "run"]
        if detached:
            command.append("-d")
        if main:
            command += ["-c", main]
        if savepoint:
            command += ["-s", savepoint]
        if allow_non_restored_state:
            command.append("-n")
        if parallelism:
            command += ["-p", str(parallelism)]
        command += [f"-D{key}={_option(value)}" for key, value in (options or {}).items()]
        command += [str(Path(jar).resolve()), *map(str, args)]
        return _submitted_job(self._client(command, timeout))

    def environment(self) -> Dict[str, str]:
        """The environment in which the distribution's scripts, such as bin/flink, work with this cluster."""
        # What the user's shell sets for another Flink must not reach this one.
        foreign = ("FLINK_", "_FLINK_", "HADOOP_", "HBASE_", "YARN_", "JVM_ARGS")
        env = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        for variable, folder in (("FLINK_CONF_DIR", "conf"), ("FLINK_LOG_DIR", "log"), ("FLINK_PID_DIR", "pid")):
            env[variable] = str(self.folder / folder)
        return env

    def stop(self) -> None:
        """Stops all processes and removes the folder unless it is to be kept. Can be called again."""
        atexit.unregister(self.stop)
        processes.stop_all(self._all())
        self.taskmanagers.clear()
        self.jobmanager = None
        if not self.keep_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def detach(self) -> Dict[str, Any]:
        """Lets the cluster outlive this script. Returns what `attach` needs to find it again."""
        atexit.unregister(self.stop)
        for process in self._all():
            process.detach()
        return self.to_json()

    def to_json(self) -> Dict[str, Any]:
        return {
            "home": str(self.home),
            "folder": str(self.folder),
            "slots": self.slots,
            "ports": self._ports,
            "config": self.config,
            "jobmanager": self.jobmanager.to_json() if self.jobmanager else None,
            "taskmanagers": [taskmanager.to_json() for taskmanager in self.taskmanagers],
            "started_taskmanagers": self._started_taskmanagers,
        }

    @staticmethod
    def attach(state: Mapping[str, Any]) -> "FlinkCluster":
        """The cluster that `detach` let go. It is not stopped when this script ends."""
        cluster = FlinkCluster(
            slots=state["slots"],
            folder=Path(state["folder"]),
            home=Path(state["home"]),
            rest_port=state["ports"]["rest"],
        )
        cluster._ports = dict(state["ports"])
        cluster.config = dict(state["config"])
        cluster.jobmanager = Process.from_json(state["jobmanager"]) if state["jobmanager"] else None
        cluster.taskmanagers = [TaskManager.from_json(taskmanager) for taskmanager in state["taskmanagers"]]
        cluster._started_taskmanagers = state["started_taskmanagers"]
        return cluster

    def __enter__(self) -> "FlinkCluster":
        return self if self.jobmanager else self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _all(self) -> List[Process]:
        jobmanagers = [self.jobmanager] if self.jobmanager else []
        return jobmanagers + [taskmanager.process for taskmanager in self.taskmanagers]

    def _configuration(self, parallelism: int, given: Mapping[str, Any]) -> Dict[str, Any]:
        rest, rpc = processes.free_ports(2)
        self._ports["rest"] = self._ports["rest"] or rest
        defaults = {
            "jobmanager.rpc.address": HOST,
            "jobmanager.rpc.port": rpc,
            "jobmanager.bind-host": HOST,
            "jobmanager.memory.process.size": "1024m",
            "taskmanager.host": HOST,
            "taskmanager.bind-host": HOST,
            "taskmanager.numberOfTaskSlots": self.slots,
            "taskmanager.memory.process.size": "2048m",
            # Native libraries allocate outside the heap, and Flink reserves nothing for them by itself.
            "taskmanager.memory.task.off-heap.size": "256m",
            "parallelism.default": parallelism,
            "rest.address": HOST,
            "rest.bind-address": HOST,
            "rest.port": self._ports["rest"],
            "rest.bind-port": self._ports["rest"],
            "queryable-state.enable": True,
            "execution.checkpointing.dir": (self.folder / "checkpoints").as_uri(),
            "execution.checkpointing.savepoint-dir": self.savepoint_folder.as_uri(),
            "io.tmp.dirs": str(self.folder / "tmp"),
            # A killed TaskManager is noticed after two missed heartbeats: in 4 s instead of 20.
            "heartbeat.interval": 2000,
            "heartbeat.timeout": 30000,
            # Seconds old by default: too old for a script that reads them right after it changed something.
            "web.refresh-interval": 200,
            "metrics.fetcher.update-interval": 1000,
            "env.java.opts.all": f"{_module_options(self.home)} -Djava.io.tmpdir={self.folder / 'tmp'}".strip(),
            "env.stdout-err.redirect-to-file": True,
        }
        return {**defaults, **given}

    def _write_configuration(self) -> None:
        for name in ("conf", "log", "pid", "tmp", "checkpoints", "savepoints"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for file in (self.home / "conf").glob("log*"):
            shutil.copy(file, self.folder / "conf" / file.name)
        lines = [f"{key}: {_yaml(value)}\n" for key, value in self.config.items()]
        (self.folder / "conf" / "config.yaml").write_text("".join(lines), encoding="utf-8")

    def _spawn(self, name: str, script: str, options: Mapping[str, Any]) -> Process:
        command = [str(self.home / "bin" / script), "start-foreground"]
        command += [f"-D{key}={_option(value)}" for key, value in options.items()]
        # The scripts build the names of their log files from these two.
        env = {**self.environment(), "FLINK_IDENT_STRING": name, "HOSTNAME": "local"}
        service = "standalonesession" if script == "jobmanager.sh" else "taskexecutor"
        own_logs = [self.logs / f"flink-{name}-{service}-0-local.{suffix}" for suffix in ("log", "err")]
        return processes.spawn(name, command, self.logs / f"{name}.start.log", env, self.folder, own_logs)

    def _client(self, command: Sequence[str], timeout: float) -> str:
        env = {**self.environment(), "FLINK_IDENT_STRING": "client"}
        log = self.logs / f"client-{time.time_ns()}.out"
        client = processes.spawn("flink client", command, log, env, self.folder)
        try:
            status = client.wait(timeout)
        finally:
            client.stop()
        if status != 0:
            reason = f"not within {timeout:.0f} s" if status is None else f"exit code {status}"
            raise ScriptError(f"flink run: {reason}\n{tail(log, 60)}\n(all of it: {log})")
        return log.read_text(encoding="utf-8", errors="replace")


def _submitted_job(output: str) -> str:
    found = re.search(r"JobID:? ([0-9a-f]{32})", output)
    if not found:
        raise ScriptError(f"flink run named no job:\n{output}")
    return found.group(1)


def _module_options(home: Path) -> str:
    """The --add-opens and --add-exports that the distribution itself runs its JVMs with."""
    options: List[str] = []
    for name in ("config.yaml", "flink-conf.yaml"):
        file = home / "conf" / name
        if file.is_file():
            text = "".join(line for line in file.read_text().splitlines(True) if not line.lstrip().startswith("#"))
            options += re.findall(r"--add-(?:opens|exports)=[^\s\"']+", text)
    return " ".join(dict.fromkeys(options))


def _option(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _yaml(value: Any) -> str:
    """A scalar or list as YAML on one line.

    JSON is valid YAML, but what needs no quotes gets none: Flink's scripts take them for part of some values.
    """
    text = _option(value)
    plain = isinstance(value, str) and re.fullmatch(r"[\w./-][\w./:=,;+@~ -]*", text) and ": " not in text
    return text if plain or not isinstance(value, (str, list)) else json.dumps(value)
