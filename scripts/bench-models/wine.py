"""The records of the wine example, as columns, read without any library."""

import json
from pathlib import Path
from typing import List, NamedTuple, Sequence

EXAMPLE = Path(__file__).resolve().parents[2] / "flink-job" / "job" / "src" / "main" / "resources" / "example" / "wine"


class Wine(NamedTuple):
    """`columns[field][row]`, and the quality of each row."""

    fields: Sequence[str]
    target: str
    columns: List[List[float]]
    qualities: List[int]

    @property
    def rows(self) -> int:
        return len(self.qualities)

    @property
    def classes(self) -> List[int]:
        return sorted(set(self.qualities))

    def row(self, index: int) -> List[float]:
        return [column[index] for column in self.columns]


def read(folder: Path = EXAMPLE) -> Wine:
    data = json.loads((folder / "models.json").read_text(encoding="utf-8"))["data"]
    lines = (folder / data["file"]).read_text(encoding="ascii").split()
    table = [[float(cell) for cell in line.split(data["separator"])] for line in lines]
    *fields, target = data["columns"]
    *columns, qualities = [list(column) for column in zip(*table)]
    return Wine(fields, target, columns, [int(quality) for quality in qualities])
