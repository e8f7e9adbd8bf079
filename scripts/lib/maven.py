"""Maven runs whose output appears only when they fail."""

from pathlib import Path
from typing import Sequence

from . import paths
from .console import run_logged, step


def run(label: str, arguments: Sequence[str], cwd: Path = paths.REPOSITORY) -> None:
    """`mvn -B ARGUMENTS`. Raises ScriptError with the end of Maven's output when it fails."""
    log = paths.TARGET / "logs" / (label.replace(" ", "-") + ".log")
    run_logged(label, ["mvn", "-B", "-ntp", *arguments], log, cwd=cwd)


def copy_artifact(coordinates: str, folder: Path) -> None:
    """Copies one artifact (group:artifact:version) from Maven Central into a folder."""
    step(f"{coordinates} from Maven Central")
    run(
        "maven " + coordinates.split(":")[1],
        ["dependency:copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={folder}", "-Dmdep.useBaseVersion=true"],
        cwd=folder,
    )
