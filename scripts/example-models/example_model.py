"""What every model that the script makes consists of, and how it is written to disk."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from wine_records import FIELDS

VERSION = "1"
EXPECTED_ROWS = 50


@dataclass(frozen=True)
class ExampleModel:
    """A trained model with the answers of the tool that trained it.

    `quality` names the output that is the quality and how to read it: "label" (the value is the
    quality), "round" (the nearest integer, halves up) or "argmax" (the index of the largest
    element, the first of equal ones). `outputs` holds one output name -> value map per record.
    """

    name: str
    file: str
    type: str
    description: str
    content: bytes
    quality: dict
    right_answers: int
    tool: str
    tolerance: dict
    outputs: list
    inputs: list = field(default_factory=list)

    def write(self, folder: Path, features: np.ndarray) -> dict:
        """Writes the model and its expectations; returns its entry for the manifest."""
        (folder / self.file).write_bytes(self.content)
        expected = f"expected/{self.name}.json"
        (folder / "expected").mkdir(exist_ok=True)
        (folder / expected).write_text(self._expectations(features), encoding="utf-8")
        entry = {
            "name": self.name,
            "version": VERSION,
            "file": self.file,
            "type": self.type,
            "sha256": sha256(self.content),
            "description": self.description,
            "quality": self.quality,
            "right_answers": self.right_answers,
            "expected": expected,
        }
        return entry | ({"inputs": self.inputs} if self.inputs else {})

    def _expectations(self, features: np.ndarray) -> str:
        records = [
            dict(zip(FIELDS, map(float, row), strict=True)) for row in features[:EXPECTED_ROWS]
        ]
        head = {"model": self.name, "tool": self.tool, "tolerance": self.tolerance}
        lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
        lines.append(f'"inputs": {_one_per_line(records)}')
        lines.append(f'"outputs": {_one_per_line(self.outputs[:EXPECTED_ROWS])}')
        return "{\n" + ",\n".join(lines) + "\n}\n"


def _one_per_line(values: list) -> str:
    return "[\n" + ",\n".join(json.dumps(value, separators=(",", ":")) for value in values) + "\n]"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def round_half_up(values: np.ndarray) -> np.ndarray:
    return np.floor(np.asarray(values) + 0.5).astype(np.int64)
