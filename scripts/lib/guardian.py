"""Kills the process groups of a script that was itself killed and so could not clean up.

Reads lines '+GROUP' and '-GROUP' from stdin. When stdin ends, the script is gone, however it ended: whatever groups are
still listed get SIGKILL.
"""

import os
import signal
import sys
from typing import Iterable, Set


def guard(lines: Iterable[str]) -> None:
    groups: Set[int] = set()
    for line in lines:
        group = int(line[1:])
        (groups.add if line[0] == "+" else groups.discard)(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


if __name__ == "__main__":
    guard(sys.stdin)
