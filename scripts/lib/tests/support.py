"""What the tests share."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, List

SCRIPTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SCRIPTS))


def commands_with(text: str) -> List[str]:
    """The command lines of running processes that contain a text, this one left out."""
    shown = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in shown.splitlines() if text in line and int(line.split()[0]) != os.getpid()]


def eventually(condition: Callable[[], bool], timeout: float = 30) -> bool:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()
