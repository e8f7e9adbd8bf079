"""What a run of benchmarks found, as text for people: a table for the terminal, and a section of docs/benchmarks.md."""

import datetime
import math
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

from . import bench_chart, paths
from .console import ScriptError

DOCUMENT = paths.REPOSITORY / "docs" / "benchmarks.md"
OPPOSITE = {">=": "<", "<=": ">"}
SIGNS = {">=": "≥", "<=": "≤", "<": "<", ">": ">"}


class Run(NamedTuple):
    """How a benchmark was run. `models`: where its models are from, if it has any."""

    name: str
    rounds: int
    load_before: float
    load_after: float
    models: Optional[str] = None


def number(value: float) -> str:
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}" if math.isfinite(value) else str(value)


def terminal_table(lines: Sequence[dict]) -> str:
    """All lines, one below the other."""
    rows = [("name", "value", "unit", "spread", "goal", "holds", "times as fast as")]
    for line in lines:
        ratios = ", ".join(f"{peer} {number(ratio)}x" for peer, ratio in line.get("ratios", {}).items())
        rows.append((
            line["name"], number(line["value"]), line["unit"], f"{number(line['min'])}..{number(line['max'])}",
            line["goal"] or "", ("yes" if line["holds"] else "NO") if line["goal"] else "", ratios,
        ))
    widths = [max(map(len, column)) for column in zip(*rows)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows)


def document_table(lines: Sequence[dict]) -> str:
    """What was measured from top to bottom, the models or variants of it from left to right."""
    columns: Dict[str, None] = {}
    rows: Dict[str, Dict[str, str]] = {}
    for line in lines:
        _, *column, what = line["name"].split(".", 2)
        columns[column[0] if column else ""] = None
        rows.setdefault(f"{what}, {line['unit']}", {})[column[0] if column else ""] = _cell(line)
    head = ["", *(column or "value" for column in columns)]
    body = [[what, *(cells.get(column, "") for column in columns)] for what, cells in rows.items()]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *body])


def _cell(line: dict) -> str:
    value = number(line["value"])
    spread = f" ({number(line['min'])}..{number(line['max'])})" if line["min"] != line["max"] else ""
    if not line["goal"]:
        return value + spread
    sign, goal = line["goal"].split()
    # So that the text is true whether the goal is reached or not.
    shown = f"{value}{spread} {SIGNS[sign if line['holds'] else OPPOSITE[sign]]} {goal}"
    return shown if line["holds"] else f"**{shown}**"


def machine() -> str:
    """Processor, memory, system and JVM."""
    parts = [f"{_processor()}, {os.cpu_count()} processors"]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        parts.append(f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1e9:.0f} GB")
    parts += [f"{platform.system()} {platform.machine()}", f"JDK {_java()}"]
    return ", ".join(parts)


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def _java() -> str:
    shown = subprocess.run(["java", "-version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    found = re.search(r'"([^"]+)"', shown)
    return found.group(1) if found else "of unknown version"


def write(run: Run, lines: Sequence[dict], document: Path = DOCUMENT) -> List[Path]:
    """Replaces the benchmark's section of the document, and its chart if it has ratios to peers; returns the files."""
    facts = [f"{datetime.date.today()}, {machine()}; {run.rounds} rounds; load {run.load_before:.1f} before, {run.load_after:.1f} after"]
    facts += [run.models] if run.models else []
    parts, files = ["; ".join(facts) + ".", document_table(lines)], {}
    drawn = bench_chart.draw(run.name, lines)
    if drawn:
        chart = document.with_name(f"{document.stem}-{run.name}.svg")
        parts.insert(1, f"![How many times as fast as each peer, goals marked]({chart.name})")
        files[chart] = drawn
    files[document] = replaced(document.read_text(encoding="utf-8"), run.name, "\n\n".join(parts))
    for file, text in files.items():
        file.write_text(text, encoding="utf-8")
    return list(files)


def replaced(text: str, name: str, section: str) -> str:
    """The text with another section between the markers of a benchmark."""
    begin, end = f"<!-- bench {name}: written by scripts/bench --write-docs -->", f"<!-- end of bench {name} -->"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ScriptError(f"the document lacks the lines '{begin}' and '{end}', between which the section belongs")
    return f"{head}{begin}\n{section}\n{end}{tail}"
