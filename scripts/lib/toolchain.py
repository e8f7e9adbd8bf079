"""The tools that a machine must have to build and run this repository.

Every script begins with `require(install=...)`, which names all that is missing at once, each with the command that
gets it, and with `install` gets what apt or rustup can get.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from .console import ScriptError, detail, step

Version = Tuple[int, ...]


class Tool(NamedTuple):
    """`programs` must all be there and of at least version `minimum`; `apt` are the Debian packages that bring them."""

    name: str
    programs: Sequence[Sequence[str]]
    minimum: Version
    apt: Sequence[str]
    elsewhere: str


PYTHON = (3, 9)
RUST = (1, 91)

TOOLS: Dict[str, Tool] = {
    "java": Tool(
        "JDK",
        [("java", "-version"), ("javac", "-version")],
        (17,),
        ["openjdk-17-jdk-headless"],
        "a JDK 17 or later, for example from https://adoptium.net, with JAVA_HOME set to it",
    ),
    "maven": Tool(
        "Maven",
        [("mvn", "-version")],
        (3, 8),
        ["maven"],
        "Maven 3.8 or later from https://maven.apache.org, with its bin folder on the PATH",
    ),
    "rust": Tool(
        "Rust",
        [("rustc", "--version"), ("cargo", "--version")],
        RUST,
        [],
        "rustup from https://rustup.rs, then: rustup toolchain install stable",
    ),
    "linker": Tool(
        "C linker",
        [("cc", "--version")],
        (),
        ["gcc", "libc6-dev"],
        "a C compiler: Xcode's command line tools, or gcc or clang from the system's packages",
    ),
}
ALL = tuple(TOOLS)


class Missing(NamedTuple):
    """What is wrong with a tool, and the packages or rustup command that would mend it; both empty: nothing can."""

    tool: Tool
    problem: str
    packages: Sequence[str]
    rustup: Sequence[str]

    def command(self) -> str:
        """The command that gets the tool, or where to get it from when no command can."""
        parts = []
        if self.packages:
            parts.append(" ".join([*_root(), "apt-get", "install", "-y", *self.packages]))
        if self.rustup:
            parts.append(" ".join(self.rustup))
        return " && ".join(parts) or self.tool.elsewhere


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds --install, whose value goes to `require`."""
    parser.add_argument("--install", action="store_true", help="get missing tools where apt or rustup can")


def require(install: bool = False, tools: Sequence[str] = ALL) -> None:
    """Checks Python and `tools` (keys of TOOLS); raises ScriptError that names everything missing and how to get it.

    With `install` it first gets what apt or rustup can; the error then names what is left.
    """
    if sys.version_info < PYTHON:
        raise ScriptError(f"Python {_dotted(PYTHON)} or later is needed; this is {sys.version.split()[0]}")
    _find_cargo()
    missing = check(tools)
    if missing and install:
        _install(missing)
        missing = check(tools)
    if missing:
        lines = [f"  {entry.problem}\n      get it: {entry.command()}" for entry in missing]
        can_install = any(entry.packages or entry.rustup for entry in missing)
        hint = "\nOr run this script again with --install." if can_install and not install else ""
        raise ScriptError("this machine lacks:\n" + "\n".join(lines) + hint)


def check(tools: Sequence[str] = ALL) -> List[Missing]:
    """What is missing or too old among `tools`."""
    found = ((name, _problem(TOOLS[name])) for name in tools)
    return [_remedy(name, problem) for name, problem in found if problem]


def _problem(tool: Tool) -> Optional[str]:
    for program, *arguments in tool.programs:
        executable = _executable(program)
        if executable is None:
            return f"{tool.name}: no {program} {_place(program)}"
        output = _output([executable, *arguments])
        if output is None:
            return f"{tool.name}: {executable} does not run"
        if not tool.minimum:
            continue
        version = _version(output)
        if version is None:
            return f"{tool.name}: {executable} names no version"
        if version < tool.minimum:
            return (
                f"{tool.name}: {executable} is version {_dotted(version)}; {_dotted(tool.minimum)} or later is needed"
            )
    return None


def _java_home(program: str) -> Optional[str]:
    """JAVA_HOME, for the programs that Maven and Flink's scripts run from there even when others are on the PATH."""
    return os.environ.get("JAVA_HOME") if program in ("java", "javac") else None


def _executable(program: str) -> Optional[str]:
    home = _java_home(program)
    return shutil.which(program, path=str(Path(home) / "bin")) if home else shutil.which(program)


def _place(program: str) -> str:
    home = _java_home(program)
    return f"in JAVA_HOME={home}" if home else "on the PATH"


def _output(command: Sequence[str]) -> Optional[str]:
    try:
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout if result.returncode == 0 else None


def _version(text: str) -> Optional[Version]:
    # Maven writes in bold, and the code for that has a number.
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    found = re.search(r"\d+(?:\.\d+)*", plain)
    if not found:
        return None
    version = tuple(int(part) for part in found.group().split("."))
    # Java 8 and older called themselves 1.8.
    is_java = re.search(r"java|jdk", plain, re.IGNORECASE)
    return version[1:] if is_java and version[0] == 1 and len(version) > 1 else version


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))


def _remedy(name: str, problem: str) -> Missing:
    tool = TOOLS[name]
    if name == "rust":
        return Missing(tool, problem, *_rust_remedy())
    if name == "java" and _java_home("java"):
        # Another package would not change what JAVA_HOME points to.
        return Missing(tool._replace(elsewhere="set JAVA_HOME to a JDK 17 or later, or unset it"), problem, [], [])
    packages = tool.apt if tool.apt and all(_apt_candidate(package) for package in tool.apt) else []
    return Missing(tool, problem, packages, [])


def _rust_remedy() -> Tuple[Sequence[str], Sequence[str]]:
    update = ["rustup", "toolchain", "install", "stable", "&&", "rustup", "default", "stable"]
    if shutil.which("rustup"):
        return [], update
    if _apt_candidate("rustup"):
        return ["rustup"], update
    # Debian keeps a newer compiler beside its own for building browsers.
    for suffix in ("", "-web"):
        packages = [f"rustc{suffix}", f"cargo{suffix}"]
        candidate = _apt_candidate(packages[0])
        if candidate and (_version(candidate) or ()) >= RUST and _apt_candidate(packages[1]):
            return packages, []
    return [], []


def _apt_candidate(package: str) -> Optional[str]:
    """The version that apt would install, or None."""
    if not shutil.which("apt-get"):
        return None
    found = re.search(r"Candidate: (?!\(none\))(\S+)", _output(["apt-cache", "policy", package]) or "")
    return found.group(1) if found else None


def _root() -> List[str]:
    return [] if os.geteuid() == 0 else ["sudo"]


def _install(missing: Sequence[Missing]) -> None:
    if shutil.which("apt-get"):
        # Without package lists, as in fresh containers, nothing has a candidate.
        _run([*_root(), "apt-get", "update", "-q"])
        names = [entry.tool.name for entry in missing]
        missing = check([key for key, tool in TOOLS.items() if tool.name in names])
    packages = [package for entry in missing for package in entry.packages]
    if packages:
        _run([*_root(), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q", *packages])
    for entry in missing:
        if entry.rustup:
            _run(["sh", "-c", " ".join(entry.rustup)])
            _find_cargo()


def _run(command: Sequence[str]) -> None:
    step(" ".join(command))
    try:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode
    except OSError as error:
        detail(f"cannot run {command[0]}: {error}")
        return
    if status != 0:
        detail(f"exit code {status}")


def _find_cargo() -> None:
    """Puts rustup's folder on the PATH of this script when the user's shell has not been started anew since."""
    folder = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "bin"
    if not shutil.which("cargo") and (folder / "cargo").is_file():
        os.environ["PATH"] = f"{os.environ.get('PATH', '')}{os.pathsep}{folder}"
