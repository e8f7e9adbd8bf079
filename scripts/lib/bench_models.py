"""The models that benchmarks measure: those of the shared folder, else made by scripts/bench-models."""

import hashlib
import sys
from pathlib import Path
from typing import Optional

from . import paths
from .console import ScriptError, detail, run_logged, step

MAKER = paths.REPOSITORY / "scripts" / "bench-models"
MADE = paths.TARGET / "bench-models"
# Written last, so that a run that was interrupted leaves none.
STAMP = "made-by"


def folder(given: Optional[Path]) -> Path:
    """The folder that the user gave, else that of the shared folder, else one that is made now unless it is there already."""
    if given:
        if not given.is_dir():
            raise ScriptError(f"there is no folder {given} of models")
        return given
    shared = paths.shared() / "bench-models"
    if shared.is_dir():
        return shared
    step("models to measure")
    detail(f"there is no {shared}")
    return made(MADE)


def made(target: Path) -> Path:
    """Makes the models there, unless this version of the script has."""
    stamp, version = target / STAMP, _version()
    if not stamp.is_file() or stamp.read_text(encoding="ascii") != version:
        detail(f"making models in {target}: about half a minute, once; needs nothing but Python")
        run_logged("bench-models", [sys.executable, MAKER / "make_models.py", "--out", target], paths.TARGET / "logs" / "bench-models.log")
        stamp.write_text(version, encoding="ascii")
    return target


def _version() -> str:
    digest = hashlib.sha256()
    for source in sorted(MAKER.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
