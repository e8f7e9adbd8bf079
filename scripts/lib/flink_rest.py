"""A Flink cluster's REST interface: jobs, savepoints, metrics."""

import http.client
import json
import time
import urllib.error
import urllib.request
from typing import Any, Dict, Iterable, List, Mapping, Optional

from .console import ScriptError

# A JobManager on this machine is never behind the proxy that the environment may name.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

FINISHED_STATES = ("FINISHED", "CANCELED", "FAILED")


class FlinkRest:
    """Calls raise ScriptError with the JobManager's own message, or when it does not answer."""

    def __init__(self, url: str):
        self.url = url.rstrip("/")

    def get(self, path: str) -> Any:
        return self._call("GET", path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._call("POST", path, body)

    def taskmanagers(self) -> List[Dict[str, Any]]:
        return self.get("/taskmanagers")["taskmanagers"]

    def jobs(self) -> List[Dict[str, Any]]:
        """All jobs, finished ones included: jid, name, state, start-time, duration, tasks."""
        return self.get("/jobs/overview")["jobs"]

    def job(self, job_id: str) -> Dict[str, Any]:
        return self.get(f"/jobs/{job_id}")

    def job_state(self, job_id: str) -> str:
        return self.job(job_id)["state"]

    def wait_for_job(self, job_id: str, states: Iterable[str] = ("RUNNING",), timeout: float = 60) -> str:
        """Waits until the job is in one of `states`, for RUNNING until all its tasks run too.

        Raises ScriptError after `timeout` seconds, and at once, with the job's exception, when the job ended otherwise.
        """
        wanted = set(states)
        end = time.monotonic() + timeout
        while True:
            job = self.job(job_id)
            state = job["state"]
            tasks_run = all(vertex["status"] in ("RUNNING", "FINISHED") for vertex in job["vertices"])
            if state in wanted and (state != "RUNNING" or tasks_run):
                return state
            problem = f"job {job_id} ({job['name']}) is {state}, not {' or '.join(sorted(wanted))}"
            if state in FINISHED_STATES:
                raise ScriptError(f"{problem}\n{self.root_exception(job_id)}")
            if time.monotonic() > end:
                raise ScriptError(f"{problem}, after {timeout:.0f} s\n{self.root_exception(job_id)}")
            time.sleep(0.1)

    def root_exception(self, job_id: str) -> str:
        """The stack trace of the job's latest failure, or '' when it had none."""
        entries = self.exceptions(job_id)
        return entries[0]["stacktrace"] if entries else ""

    def exceptions(self, job_id: str) -> List[Dict[str, Any]]:
        """The job's failures, latest first: exceptionName, stacktrace, timestamp, taskName, taskManagerId."""
        return self.get(f"/jobs/{job_id}/exceptions").get("exceptionHistory", {}).get("entries", [])

    def cancel(self, job_id: str, timeout: float = 60) -> None:
        """Cancels the job and waits until it is cancelled."""
        self._call("PATCH", f"/jobs/{job_id}?mode=cancel")
        self.wait_for_job(job_id, ("CANCELED",), timeout)

    def stop_with_savepoint(
        self, job_id: str, folder: Optional[str] = None, drain: bool = False, timeout: float = 120
    ) -> str:
        """Stops the job's sources, takes a savepoint, waits until the job has finished. Returns the savepoint's path.

        `folder` None is the cluster's savepoint folder. `drain` emits the final watermark and fires timers first.
        """
        path = self._operation(f"/jobs/{job_id}/stop", {"targetDirectory": folder, "drain": drain}, job_id, timeout)
        self.wait_for_job(job_id, ("FINISHED",), timeout)
        return path

    def savepoint(self, job_id: str, folder: Optional[str] = None, timeout: float = 120) -> str:
        """Takes a savepoint of the job, which goes on. Returns its path."""
        return self._operation(f"/jobs/{job_id}/savepoints", {"target-directory": folder}, job_id, timeout)

    def checkpoints(self, job_id: str) -> Dict[str, Any]:
        """counts, summary and latest of the job's checkpoints."""
        return self.get(f"/jobs/{job_id}/checkpoints")

    def completed_checkpoints(self, job_id: str) -> int:
        return self.checkpoints(job_id)["counts"]["completed"]

    def job_metrics(self, job_id: str, names: Iterable[str]) -> Dict[str, str]:
        """Metrics of the job as a whole, such as numRestarts. Ones that are not there are left out."""
        return _by_id(self.get(f"/jobs/{job_id}/metrics?get={','.join(names)}"))

    def restarts(self, job_id: str) -> int:
        """How often the job was restarted after a failure."""
        return int(self.job_metrics(job_id, ["numRestarts"]).get("numRestarts", 0))

    def taskmanager_metrics(self, taskmanager_id: str, names: Iterable[str]) -> Dict[str, str]:
        """Metrics of a TaskManager, such as Status.JVM.Memory.Metaspace.Used."""
        return _by_id(self.get(f"/taskmanagers/{taskmanager_id}/metrics?get={','.join(names)}"))

    def vertices(self, job_id: str) -> Dict[str, str]:
        """The ids of the job's tasks by name; a name that several tasks have leads to the last of them."""
        return {vertex["name"]: vertex["id"] for vertex in self.job(job_id)["vertices"]}

    def vertex_metric_names(self, job_id: str, vertex_id: str) -> List[str]:
        """Metrics that vertex_metrics can read; those of an operator begin with its name."""
        return [metric["id"] for metric in self.get(f"/jobs/{job_id}/vertices/{vertex_id}/subtasks/metrics")]

    def vertex_metrics(
        self, job_id: str, vertex_id: str, names: Iterable[str], aggregate: str = "sum"
    ) -> Dict[str, float]:
        """Metrics over a task's subtasks; `aggregate` is sum, min, max or avg."""
        path = f"/jobs/{job_id}/vertices/{vertex_id}/subtasks/metrics?get={','.join(names)}&agg={aggregate}"
        return {metric["id"]: float(metric[aggregate]) for metric in self.get(path)}

    def _operation(self, path: str, body: Mapping[str, Any], job_id: str, timeout: float) -> str:
        trigger = self.post(path, body)["request-id"]
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            answer = self.get(f"/jobs/{job_id}/savepoints/{trigger}")
            if answer["status"]["id"] == "COMPLETED":
                operation = answer["operation"]
                if "location" in operation:
                    return operation["location"]
                cause = operation.get("failure-cause", {})
                raise ScriptError(f"savepoint of job {job_id} failed: {cause.get('stack-trace') or cause}")
            time.sleep(0.1)
        raise ScriptError(f"savepoint of job {job_id}: not within {timeout:.0f} s")

    def _call(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with _opener.open(request, timeout=30) as response:
                return json.loads(response.read() or "null")
        except urllib.error.HTTPError as error:
            raise ScriptError(f"{method} {self.url}{path}: {error.code} {_message(error.read())}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ScriptError(f"{method} {self.url}{path}: {error}") from error


def _by_id(metrics: List[Mapping[str, str]]) -> Dict[str, str]:
    return {metric["id"]: metric["value"] for metric in metrics}


def _message(body: bytes) -> str:
    try:
        return "\n".join(json.loads(body)["errors"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")
