"""The jars and programs that the repository builds, built when they are absent or older than their sources."""

import re
import subprocess
from pathlib import Path
from typing import Iterable, List, NamedTuple, Sequence

from . import console, paths
from .console import ScriptError, step
from .processes import java_executable

MAVEN_PARENT = paths.REPOSITORY / "flink-job"
# Sources of the library, and of the jars that carry it.
RUST_SOURCES = ("Cargo.toml", "Cargo.lock", "proto", "rust")
JAVA_SOURCES = (*RUST_SOURCES, "flink-job/pom.xml", *(f"flink-job/{module}" for module in ("native", "functions", "job", "query")))

# Always these together, here and in flink-job/native/pom.xml: for the library alone cargo takes fewer features of what both depend on,
# and so builds most crates, tract among them, once more.
CARGO_PACKAGES = ("serving-jni", "serving-cli")


def cargo_build(profile: str) -> List[str]:
    """The command that builds the library and the command line."""
    packages = [argument for package in CARGO_PACKAGES for argument in ("--package", package)]
    return ["cargo", "build", "--locked", "--profile", profile, *packages]


class Artifacts(NamedTuple):
    """What a user of the repository runs."""

    job_jar: Path
    tools_jar: Path
    query_jar: Path
    cli: Path

    def tool(self, main: str, *arguments: object) -> List[str]:
        """The command that runs a tool such as DataProvider, without Flink."""
        return [java_executable(), "-Xmx512m", "-cp", str(self.tools_jar), f"io.flinkserving.job.{main}", *map(str, arguments)]

    def query(self, *arguments: object) -> List[str]:
        """The command that runs ModelStateQuery."""
        return [java_executable(), "-Xmx256m", "-jar", str(self.query_jar), *map(str, arguments)]


def _newest(sources: Iterable[str]) -> float:
    newest = 0.0
    for source in sources:
        top = paths.REPOSITORY / source
        for path in [top] if top.is_file() else top.rglob("*"):
            if "target" not in path.relative_to(paths.REPOSITORY).parts and path.is_file():
                newest = max(newest, path.stat().st_mtime)
    return newest


def _jar(module: str, name: str) -> Path:
    folder = MAVEN_PARENT / module / "target"
    found = [jar for jar in folder.glob(f"flink-serving-{name}-[0-9]*.jar") if re.fullmatch(r".*-[0-9][0-9.]*", jar.stem)]
    if len(found) != 1:
        raise ScriptError(f"expected one jar of {name} in {folder}, there are {len(found)}")
    return found[0]


def _current(marker: Path, profile: str) -> bool:
    return marker.is_file() and marker.read_text() == profile and marker.stat().st_mtime >= _newest(JAVA_SOURCES)


def build(profile: str = "release") -> Artifacts:
    """The jars, with the library built by that cargo profile. Progress and the end of the log on failure go to stderr."""
    marker = paths.TARGET / "artifacts-built"
    if not _current(marker, profile):
        step(f"building the library and the jars (cargo profile {profile}); several minutes the first time")
        # The marker is as old as the build's beginning: a source that changes meanwhile is built next time.
        paths.TARGET.mkdir(parents=True, exist_ok=True)
        beginning = paths.TARGET / "artifacts-building"
        beginning.write_text(profile)
        console.run_logged(
            "cargo build", cargo_build(profile), paths.TARGET / "build-cargo.log", cwd=paths.REPOSITORY,
        )
        console.run_logged(
            "mvn package",
            ["mvn", "-B", "-ntp", "-f", MAVEN_PARENT / "pom.xml", "-DskipTests", "-Dspotless.check.skip=true", f"-Dcargo.profile={profile}", "package"],
            paths.TARGET / "build-maven.log", cwd=paths.REPOSITORY,
        )
        beginning.replace(marker)
    folder = "debug" if profile == "dev" else profile
    return Artifacts(_jar("job", "job"), _jar("job", "tools"), _jar("query", "query"), paths.TARGET / folder / "flink-serving")


def run_main(command: Sequence[str], timeout: float = 300) -> str:
    """Runs a program to its end and returns its output; raises ScriptError with what it said when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise ScriptError(f"{_program(command)}: no end after {timeout:.0f} s") from error
    if done.returncode != 0:
        raise ScriptError(f"{_program(command)}: exit code {done.returncode}\n{done.stderr.strip()[-2000:]}")
    return done.stdout


def _program(command: Sequence[str]) -> str:
    for at, part in enumerate(command):
        if part.startswith("io.flinkserving."):
            return part.rsplit(".", 1)[1]
        if part == "-jar":
            return Path(command[at + 1]).name
    return command[0]
