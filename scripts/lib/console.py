"""How scripts show progress and errors. Everything goes to stderr: stdout belongs to results."""

import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Mapping, Optional, Sequence


class ScriptError(Exception):
    """Something the user can act on. Shown as one message, without a stack trace."""


def step(message: str) -> None:
    print(f"==> {message}", file=sys.stderr, flush=True)


def detail(message: str) -> None:
    print(f"    {message}", file=sys.stderr, flush=True)


def warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)


def tail(path: Path, lines: int = 30) -> str:
    """The last lines of a text file, or '' when there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(deque(file, maxlen=lines)).rstrip()
    except FileNotFoundError:
        return ""


def main(run) -> None:
    """Runs a script's main function: ScriptError becomes exit code 1, Ctrl-C 130."""
    try:
        sys.exit(run())
    except ScriptError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


class Ticker:
    """Shows the seconds that a long step has taken: in place on a terminal, else every 15 s."""

    def __init__(self, label: str):
        self.label = label
        self.start = time.monotonic()
        self.on_terminal = sys.stderr.isatty()
        self.next_line = 15.0

    def tick(self, extra: str = "") -> None:
        elapsed = time.monotonic() - self.start
        if self.on_terminal:
            print(f"\r    {self.label} {elapsed:.0f} s {extra}\033[K", end="", file=sys.stderr, flush=True)
        elif elapsed >= self.next_line:
            self.next_line += 15.0
            detail(f"{self.label} {elapsed:.0f} s {extra}".rstrip())

    def done(self) -> float:
        if self.on_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        return time.monotonic() - self.start


def run_logged(
    label: str,
    command: Sequence[str],
    log: Path,
    cwd: Optional[Path] = None,
    env: Optional[Mapping[str, str]] = None,
) -> None:
    """Runs a command with its output in `log`; shows the time it takes, and the output's end on failure.

    Raises ScriptError when the command cannot be started or exits with anything but 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    ticker = Ticker(label)
    with open(log, "wb") as output:
        try:
            child = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise ScriptError(f"{label}: cannot run {command[0]}: {error}") from error
        try:
            while True:
                try:
                    child.wait(timeout=0.5)
                    break
                except subprocess.TimeoutExpired:
                    ticker.tick()
        except BaseException:
            child.terminate()
            child.wait()
            raise
        finally:
            ticker.done()
    if child.returncode != 0:
        shown = " ".join(map(str, command))
        raise ScriptError(f"{label}: exit code {child.returncode} from: {shown}\n{tail(log)}\n(all of it: {log})")
