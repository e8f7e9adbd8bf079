"""What a run of the wine example came to: per model and version, how many records, how fast, how many right."""

import csv
import json
import math
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from . import paths
from .console import ScriptError

EXAMPLE = paths.REPOSITORY / "flink-job" / "job" / "src" / "main" / "resources" / "example" / "wine"


class Row(NamedTuple):
    model: str
    version: str
    records: int
    mean_nanos: float
    p99_nanos: float
    right: Optional[float]


def qualities(data: Path) -> List[int]:
    """The last column of the records: what a model should have said."""
    with open(data, newline="", encoding="utf-8") as file:
        lines = [line for line in file if line.strip()]
    separator = ";" if ";" in lines[0] else ","
    rows = list(csv.reader(lines, delimiter=separator))
    if not _is_number(rows[0][0]):
        rows = rows[1:]
    try:
        return [int(float(row[11])) for row in rows]
    except (IndexError, ValueError) as error:
        raise ScriptError(f"{data}: every line needs a quality as its 12th column: {error}") from error


def _is_number(text: str) -> bool:
    try:
        float(text)
        return True
    except ValueError:
        return False


def _label(value: Any) -> int:
    return int(float(value))


def _round(value: Any) -> int:
    return math.floor(float(value) + 0.5)


def _argmax(value: Any) -> int:
    return value.index(max(value)) if isinstance(value, list) else int(value)


READERS: Dict[str, Callable[[Any], int]] = {"label": _label, "round": _round, "argmax": _argmax}


def readings(manifest: Path) -> Dict[str, Tuple[str, Callable[[Any], int]]]:
    """By model: the output that is the quality, and how it is read."""
    models = json.loads(manifest.read_text(encoding="utf-8"))["models"]
    return {model["name"]: (model["quality"]["output"], READERS[model["quality"]["read"]]) for model in models}


def summarize(
    results: Iterable[Mapping[str, Any]],
    expected: Sequence[int],
    rules: Mapping[str, Tuple[str, Callable[[Any], int]]],
) -> List[Row]:
    """A row per model and version, in the order of their first result. `record_id` is the record's running number."""
    durations: Dict[Tuple[str, str], List[int]] = {}
    right: Dict[Tuple[str, str], int] = {}
    for result in results:
        key = (result["model"], result["version"])
        durations.setdefault(key, []).append(result["duration_nanos"])
        if key[0] in rules:
            output, read = rules[key[0]]
            value = _output(result["outputs"], output)
            truth = expected[int(result["record_id"]) % len(expected)]
            right[key] = right.get(key, 0) + (value is not None and read(value) == truth)
    return [
        Row(
            *key, len(nanos), sum(nanos) / len(nanos), sorted(nanos)[min(len(nanos) - 1, int(0.99 * len(nanos)))],
            right[key] / len(nanos) if key in right else None,
        )
        for key, nanos in durations.items()
    ]


def _output(outputs: Mapping[str, Any], name: str) -> Any:
    """TensorFlow's names of tensors may carry `:0`."""
    for candidate in (name, f"{name}:0", name.removesuffix(":0") if hasattr(name, "removesuffix") else name):
        if candidate in outputs:
            return outputs[candidate]
    return None


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned: the first two to the left, numbers to the right."""
    widths = [max(len(row[at]) for row in [header, *rows]) for at in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) if at < 2 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths))).rstrip()
        for row in [header, *rows]
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
