"""A Flink distribution: the user's own, or one put together from packages.

There is no Flink distribution in a package registry, but all its parts are: the wheel `apache-flink` has bin/ and
conf/, the source package `apache-flink-libraries` has lib/, opt/ and plugins/, Maven Central has the jar for queryable
state.
"""

import os
import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import List, Mapping, Optional

from . import maven, paths
from .console import ScriptError, detail, run_logged, step, warn
from .locks import locked

VERSION = "1.20.5"
# Later 1.20 versions of this jar are not on Maven Central; this one works with them.
QUERYABLE_STATE = "org.apache.flink:flink-queryable-state-runtime:1.20.0"

_WHEEL = f"apache_flink-{VERSION}-*.whl"
_LIBRARIES = f"apache_flink_libraries-{VERSION}.tar.gz"
# bin/ and conf/ are the same in the wheels of all systems, so one that exists is taken, whatever this system is.
_WHEEL_OF = [
    "--platform",
    "manylinux2014_x86_64",
    "--python-version",
    "311",
    "--implementation",
    "cp",
    "--abi",
    "cp311",
    "--only-binary",
    ":all:",
]
_FROM_WHEEL = {"pyflink/bin": "bin", "pyflink/conf": "conf", "pyflink/log": "log"}
_FROM_LIBRARIES = {name: name for name in ("bin", "lib", "opt", "plugins", "licenses")}


def flink_home() -> Path:
    """The folder of a Flink 1.20 distribution: $FLINK_HOME when set, else target/flink-1.20.5, made when absent.

    Raises ScriptError when $FLINK_HOME is no Flink 1.20, or when a part cannot be fetched.
    """
    given = os.environ.get("FLINK_HOME")
    if given:
        return _checked(Path(given))
    home = paths.TARGET / f"flink-{VERSION}"
    if re.search(r"\s", str(home)):
        raise ScriptError(f"Flink's scripts do not work in a folder with a blank in its name: {home}")
    if not home.is_dir():
        paths.TARGET.mkdir(parents=True, exist_ok=True)
        with locked(paths.cache() / "lock", "putting the Flink distribution together"):
            if not home.is_dir():
                _assemble(home)
    return home


def _checked(home: Path) -> Path:
    if not (home / "bin" / "flink").is_file():
        raise ScriptError(f"FLINK_HOME={home} is no Flink distribution: it has no bin/flink")
    jars = sorted((home / "lib").glob("flink-dist*.jar"))
    version = re.search(r"(\d+\.\d+(?:\.\d+)?)[^/]*\.jar$", jars[0].name) if jars else None
    if version is None or not re.match(r"1\.20(\.|$)", version.group(1)):
        found = version.group(1) if version else "of unknown version: it has no lib/flink-dist-*.jar"
        raise ScriptError(f"FLINK_HOME={home} is Flink {found}; 1.20 is needed. Unset FLINK_HOME to have one fetched")
    if not list((home / "lib").glob("flink-queryable-state-runtime*.jar")):
        warn(
            f"{home}/lib has no flink-queryable-state-runtime jar, so models cannot be queried. Get it by:\n"
            f"    cp {home}/opt/flink-queryable-state-runtime-*.jar {home}/lib/"
        )
    return home


def _assemble(home: Path) -> None:
    step(f"Flink {VERSION} has to be put together from packages, once (240 MB)")
    wheel = _download("apache-flink", _WHEEL, _WHEEL_OF)
    libraries = _download("apache-flink-libraries", _LIBRARIES, [])
    # In the same file system as the result, so that one rename publishes it whole.
    staging = Path(tempfile.mkdtemp(prefix=".flink-", dir=paths.TARGET))
    try:
        _unpack_wheel(wheel, staging)
        _unpack_libraries(libraries, staging)
        maven.copy_artifact(QUERYABLE_STATE, staging / "lib")
        staging.chmod(0o755)
        staging.rename(home)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    detail(f"ready in {home}")


def _download(package: str, pattern: str, options: List[str]) -> Path:
    """A package file by pip, with the index, proxy and certificates that the user gave pip. Kept in the cache."""
    folder = paths.cache() / "downloads"
    folder.mkdir(exist_ok=True)
    present = sorted(folder.glob(pattern))
    if present:
        return present[0]
    step(f"{package} {VERSION} from the Python package index")
    staging = Path(tempfile.mkdtemp(prefix=".pip-", dir=folder))
    try:
        # Neither package is installed, and the dependencies of `apache-flink` are for Python jobs. For a source package
        # pip insists on asking its setup.py for the name and version. That needs a setuptools that still knows the
        # declarations in it: later ones drop some. Which of the two variables pip reads depends on pip's version.
        constraint = staging / "setuptools.txt"
        constraint.write_text("setuptools<81\n", encoding="utf-8")
        env = {**os.environ, "PIP_CONSTRAINT": str(constraint), "PIP_BUILD_CONSTRAINT": str(constraint)}
        command = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "download",
            "--no-deps",
            "--no-cache-dir",
            "--progress-bar",
            "off",
            "--dest",
            str(staging),
            *options,
            f"{package}=={VERSION}",
        ]
        run_logged(f"downloading {package}", command, paths.TARGET / "logs" / f"pip-{package}.log", env=env)
        files = sorted(staging.glob(pattern))
        if not files:
            raise ScriptError(f"pip downloaded {package} {VERSION}, but no file like {pattern}")
        kept = folder / files[0].name
        files[0].rename(kept)
        return kept
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _unpack_wheel(wheel: Path, home: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            target = _target(PurePosixPath(entry.filename), _FROM_WHEEL, home)
            if target is not None and not entry.is_dir():
                with archive.open(entry) as content:
                    _write(content, target, executable=target.parent.name == "bin")


def _unpack_libraries(source: Path, home: Path) -> None:
    step("unpacking Flink's libraries")
    with tarfile.open(source, mode="r|gz") as archive:
        for entry in archive:
            inside = PurePosixPath(entry.name)
            if not entry.isfile() or len(inside.parts) < 3 or inside.parts[1] != "deps":
                continue
            target = _target(PurePosixPath(*inside.parts[2:]), _FROM_LIBRARIES, home)
            if target is not None:
                _write(archive.extractfile(entry), target, executable=target.suffix == ".sh")


def _target(inside: PurePosixPath, mapping: Mapping[str, str], home: Path) -> Optional[Path]:
    for prefix, folder in mapping.items():
        if PurePosixPath(prefix) in inside.parents and ".." not in inside.parts:
            return home / folder / inside.relative_to(prefix)
    return None


def _write(content, target: Path, executable: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "wb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
    target.chmod(0o755 if executable else 0o644)
