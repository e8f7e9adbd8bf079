"""Child processes that never outlive the script: not on errors, Ctrl-C, SIGTERM, not even on SIGKILL.

Each child leads a process group of its own, so that stopping it stops what it started too. `detach()` is for the one
case in which a process shall stay: `scripts/cluster start`.
"""

import atexit
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from .console import ScriptError, tail

_owned: List["Process"] = []
_guardian: Optional["_Guardian"] = None


class Process:
    """A running process, started by this script (`spawn`) or by an earlier one (`from_json`)."""

    def __init__(
        self, name: str, pid: int, identity: str, logs: Sequence[Path], child: Optional[subprocess.Popen] = None
    ):
        self.name = name
        self.pid = pid
        self.logs = list(logs)
        self._identity = identity
        self._child = child

    def alive(self) -> bool:
        """Whether this very process runs. A later one that got the same pid does not count."""
        if self._child is None:
            return self._identity != "" and _identity(self.pid) == self._identity
        if self._child.poll() is None:
            return True
        _disown(self)
        return False

    def kill(self) -> None:
        """SIGKILL to the process and all it started; returns when it is gone."""
        self.stop(timeout=0, first=signal.SIGKILL)

    def wait(self, timeout: float) -> Optional[int]:
        """Waits for the end. The exit code; None after `timeout` seconds, and for processes of an earlier script."""
        try:
            return self._child.wait(timeout) if self._child else None
        except subprocess.TimeoutExpired:
            return None

    def request_stop(self) -> None:
        """SIGTERM, without waiting."""
        if self.alive():
            self._signal(signal.SIGTERM)

    def stop(self, timeout: float = 15, first: int = signal.SIGTERM) -> None:
        """SIGTERM, then SIGKILL for what is left after `timeout` seconds. No effect on a process that ended."""
        # An ended process's number may belong to another one by now, so only a living one is signalled.
        if self.alive():
            self._signal(first)
            self._wait_gone(timeout)
            self._signal(signal.SIGKILL)
            self._wait_gone(10)
        _disown(self)

    def detach(self) -> None:
        """Lets the process outlive this script."""
        _disown(self)

    def to_json(self) -> Dict[str, Any]:
        return {"name": self.name, "pid": self.pid, "identity": self._identity, "logs": [str(log) for log in self.logs]}

    @staticmethod
    def from_json(json: Mapping[str, Any]) -> "Process":
        return Process(json["name"], json["pid"], json["identity"], [Path(log) for log in json["logs"]])

    def tail(self, lines: int = 30) -> str:
        """The ends of the process's logs, each under its path."""
        ends = ((log, tail(log, lines)) for log in self.logs)
        return "\n".join(f"--- {log}\n{end}" for log, end in ends if end)

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def _wait_gone(self, timeout: float) -> bool:
        end = time.monotonic() + timeout
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True


def spawn(
    name: str, command: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path, own_logs: Sequence[Path] = ()
) -> Process:
    """Starts a process in its own group, its stdout and stderr in `log`. It is stopped when this script ends.

    `own_logs` are files that the process itself writes to, shown when it fails.
    """
    guardian = _start_guardian()
    with open(log, "ab") as output:
        try:
            child = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ScriptError(f"cannot start {name}: {error}") from error
    guardian.tell(f"+{child.pid}")
    process = Process(name, child.pid, _identity(child.pid), [log, *own_logs], child)
    _owned.append(process)
    return process


def stop_all(processes: Sequence[Process], timeout: float = 15) -> None:
    """Stops processes together: all are asked first, then waited for."""
    for process in processes:
        process.request_stop()
    for process in processes:
        process.stop(timeout)


def wait_until(
    ready: Callable[[], bool], timeout: float, what: str, processes: Sequence[Process] = (), interval: float = 0.1
) -> None:
    """Polls until `ready()` is true.

    Raises ScriptError after `timeout` seconds, or at once when one of `processes` ends, with the end of its log.
    """
    end = time.monotonic() + timeout
    while not ready():
        for process in processes:
            if not process.alive():
                raise ScriptError(f"{what}: {process.name} ended\n{process.tail()}")
        if time.monotonic() > end:
            ends = "\n".join(process.tail(10) for process in processes)
            raise ScriptError(f"{what}: not within {timeout:.0f} s\n{ends}")
        time.sleep(interval)


def free_ports(count: int) -> List[int]:
    """TCP ports that nothing listens on now.

    Taken at random from below the range that systems give to outgoing connections, so that none is taken by chance
    before the process that is to listen there has started.
    """
    ports: List[int] = []
    for _ in range(100 * count):
        port = random.randint(15000, 31999)
        if port not in ports and port_is_free(port):
            ports.append(port)
            if len(ports) == count:
                return ports
    raise ScriptError(f"cannot find {count} free TCP ports between 15000 and 31999")


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True


def java_executable() -> str:
    """The JVM that Flink's own scripts choose: JAVA_HOME's, else the one on the PATH."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else "java"


def _identity(pid: int) -> str:
    """When a process started, or '' if it does not run. With the pid it is unique."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return ""
    shown = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True
    ).stdout.strip()
    return "" if shown.startswith("Z") else shown.partition(" ")[2].strip()


class _Guardian:
    """The process of guardian.py, which outlives this one for a moment."""

    def __init__(self) -> None:
        # Without these, SIGTERM and SIGHUP would end the script before atexit could run.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, lambda received, frame: sys.exit(128 + received))
        reading, writing = os.pipe()
        self._pipe = os.fdopen(writing, "w", encoding="ascii")
        self._child = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("guardian.py"))],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(reading)
        atexit.register(self._at_exit)

    def tell(self, line: str) -> None:
        try:
            self._pipe.write(line + "\n")
            self._pipe.flush()
        except (BrokenPipeError, ValueError):
            # Somebody ended the guardian. What it guards is still stopped at every end but SIGKILL.
            pass

    def _at_exit(self) -> None:
        stop_all(list(_owned))
        try:
            self._pipe.close()
        except BrokenPipeError:
            pass
        self._child.wait()


def _start_guardian() -> _Guardian:
    global _guardian
    if _guardian is None:
        _guardian = _Guardian()
    return _guardian


def _disown(process: Process) -> None:
    if process in _owned:
        _owned.remove(process)
        if _guardian is not None:
            _guardian.tell(f"-{process.pid}")
