"""One script at a time, where several may run in the same checkout."""

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from .console import detail


@contextmanager
def locked(file: Path, what: str) -> Iterator[None]:
    """Holds a lock that ends with the process at the latest; says what it waits for when another script has it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            detail(f"another script is {what}; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
