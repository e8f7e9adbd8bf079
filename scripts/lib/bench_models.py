"""The models that benchmarks measure: those of the shared folder, and those that scripts/bench-models makes."""

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Dict, Optional

from . import paths
from .console import ScriptError, detail, run_logged, step

MAKER = paths.REPOSITORY / "scripts" / "bench-models"
MADE = paths.TARGET / "bench-models"
NETWORKS = paths.TARGET / "bench-networks"
# Written last, so that a run that was interrupted leaves none.
STAMP = "made-by"

# What exporters wrote: folders of the shared cases with the same kind of network, as ONNX and as a frozen TensorFlow graph.
EXPORTED: Dict[str, Dict[str, str]] = {
    "digits-cnn": {"onnx": "net-cnn-digits", "tf-frozen": "digits-cnn"},
    "digits-lstm": {"onnx": "net-lstm-digits", "tf-frozen": "digits-lstm-unroll"},
    "digits-lstm-loop": {"tf-frozen": "digits-lstm-while"},
    "digits-gru-loop": {"onnx": "net-gru-loop-digits", "tf-frozen": "digits-gru-stack"},
    "digits-transformer": {"onnx": "net-transformer-digits"},
}
SUFFIXES = {"onnx": ".onnx", "tf-frozen": ".pb"}


def folder(given: Optional[Path]) -> Path:
    """The wine models: the folder that the user gave, else that of the shared folder, else one that is made now unless it is there already."""
    if given:
        if not given.is_dir():
            raise ScriptError(f"there is no folder {given} of models")
        return given
    shared = paths.shared() / "bench-models"
    if shared.is_dir():
        return shared
    step("models to measure")
    detail(f"there is no {shared}")
    _make("make_models.py", MADE, "about half a minute, once; needs nothing but Python")
    return MADE


def networks() -> Path:
    """A folder with the networks that are made here and, where there is a shared folder, those of its cases."""
    _make("make_networks.py", NETWORKS, "about a second, once; needs nothing but Python")
    for name, sources in EXPORTED.items():
        for kind, case in sources.items():
            copy = NETWORKS / (name + SUFFIXES[kind])
            copy.unlink(missing_ok=True)
            for source in (paths.shared() / "cases" / kind / case).glob("model.*"):
                shutil.copyfile(source, copy)
    return NETWORKS


def _make(script: str, target: Path, effort: str) -> None:
    """Runs a script that makes models, unless this version of it has made them."""
    stamp, version = target / STAMP, _version()
    if not stamp.is_file() or stamp.read_text(encoding="ascii") != version:
        detail(f"making models in {target}: {effort}")
        run_logged(script, [sys.executable, MAKER / script, "--out", target], paths.TARGET / "logs" / f"{script}.log")
        stamp.write_text(version, encoding="ascii")


def _version() -> str:
    digest = hashlib.sha256()
    for source in sorted(MAKER.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
