"""The folders of the repository that scripts need, and those that they write to."""

import os
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = REPOSITORY / "target"
RUNS = TARGET / "run"
BROKER_MODULE = REPOSITORY / "integration-tests" / "kafka-broker"


def cache() -> Path:
    """Downloads that every checkout of this user can share."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "flink-serving"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shared() -> Path:
    """The shared folder beside the checkout, or where FLINK_SERVING_SHARED says. It may be absent."""
    return Path(os.environ.get("FLINK_SERVING_SHARED") or REPOSITORY.parent / "shared")


def new_run_folder(name: str) -> Path:
    """A fresh folder below target/run for the data and the logs of one process or cluster."""
    RUNS.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=name + "-", dir=RUNS))
