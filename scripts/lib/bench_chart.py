"""Draws how many times as fast as each peer something is, as SVG: one bar for each ratio on a logarithmic scale, with its goal."""

import math
from typing import Dict, List, NamedTuple, Optional, Sequence
from xml.sax.saxutils import escape

# Ratios that are drawn, by the last part of their line's name, with what is written beside the bar.
LABELS = {
    "to-jpmml": "JPMML-Evaluator",
    "to-pmml4s": "PMML4S",
    "to-onnxruntime": "onnxruntime",
    "to-onnxruntime-batch-64": "onnxruntime, 64 a call",
    "onnx-to-onnxruntime": "onnxruntime, both with ONNX",
    "onnx-to-onnxruntime-batch-64": "onnxruntime, ONNX, 64 a call",
    "onnx-to-pmml": "ONNX to PMML, both ours",
    "to-tensorflow": "TensorFlow Java",
    "serving-to-identity": "passing records on",
    "serving-to-parse": "parsing with protobuf-java",
    "serving-to-jpmml": "JPMML-Evaluator",
}

WIDTH, LEFT, RIGHT = 900, 220, 130
ROW, HEAD, TOP, BOTTOM = 17, 26, 34, 28

# Both colour schemes of whoever looks at it; what missed its goal differs in more than colour: its goal is written out.
STYLE = """
    text { font: 12px system-ui, sans-serif; fill: #1f2328 }
    .group { font-weight: 600 }
    .tick { font-size: 11px; fill: #59636e }
    .grid { stroke: #d1d9e0 }
    .one { stroke: #59636e }
    .bar { fill: #0969da }
    .missed { fill: #cf222e }
    .goal { stroke: #1f2328; stroke-width: 3 }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .tick { fill: #9198a1 }
      .grid { stroke: #3d444d }
      .one { stroke: #9198a1 }
      .bar { fill: #4493f8 }
      .missed { fill: #f85149 }
      .goal { stroke: #f0f6fc }
    }"""


class Bar(NamedTuple):
    label: str
    ratio: float
    goal: Optional[float]
    holds: bool


class Scale(NamedTuple):
    """Logarithmic, from the left to the right edge of the bars."""

    low: float
    high: float

    def x(self, ratio: float) -> float:
        part = math.log(ratio / self.low) / math.log(self.high / self.low)
        return round(LEFT + part * (WIDTH - LEFT - RIGHT), 1)

    def ticks(self) -> List[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        return [tick for decade in decades for digit in (1, 2, 5) if self.low <= (tick := digit * 10**decade) <= self.high]


def draw(name: str, lines: Sequence[dict]) -> Optional[str]:
    """None when the benchmark has no ratios to peers."""
    groups = _groups(lines)
    if not groups:
        return None
    shown = [value for bars in groups.values() for bar in bars for value in (bar.ratio, bar.goal) if value]
    scale = Scale(min(0.5, min(shown) / 1.2), max(2.0, max(shown) * 1.1))
    height = TOP + sum(HEAD + ROW * len(bars) for bars in groups.values()) + BOTTOM
    parts = [*_grid(scale, height), *_bars(scale, groups)]
    title = f"{name}: how many times as fast as each peer; the thick mark is the goal"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"  <title>{escape(title)}</title>",
        f"  <style>{STYLE}\n  </style>",
        f'  <text x="8" y="18" class="group">{escape(title)}</text>',
        *(f"  {part}" for part in parts),
        "</svg>",
    ]) + "\n"


def _groups(lines: Sequence[dict]) -> Dict[str, List[Bar]]:
    groups: Dict[str, List[Bar]] = {}
    for line in lines:
        parts = line["name"].split(".", 2)
        if len(parts) == 3 and parts[2] in LABELS:
            goal = float(line["goal"].split()[1]) if line["goal"] else None
            groups.setdefault(parts[1], []).append(Bar(LABELS[parts[2]], line["value"], goal, line["holds"]))
    return groups


def _grid(scale: Scale, height: int) -> List[str]:
    parts = []
    for tick in scale.ticks():
        x, kind = scale.x(tick), "one" if tick == 1 else "grid"
        parts.append(f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{height - BOTTOM}" class="{kind}"/>')
        parts.append(f'<text x="{x}" y="{height - BOTTOM + 16}" text-anchor="middle" class="tick">{tick:g}x</text>')
    return parts


def _bars(scale: Scale, groups: Dict[str, List[Bar]]) -> List[str]:
    parts, y, one = [], TOP, scale.x(1)
    for group, bars in groups.items():
        parts.append(f'<text x="8" y="{y + HEAD - 8}" class="group">{escape(group)}</text>')
        y += HEAD
        for bar in bars:
            x, kind = scale.x(bar.ratio), "bar" if bar.holds else "missed"
            left, length = min(x, one), max(abs(x - one), 1)
            parts.append(f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(bar.label)}</text>')
            parts.append(f'<rect x="{left}" y="{y + 3}" width="{round(length, 1)}" height="{ROW - 6}" class="{kind}"/>')
            if bar.goal:
                parts.append(f'<line x1="{scale.x(bar.goal)}" y1="{y}" x2="{scale.x(bar.goal)}" y2="{y + ROW}" class="goal"/>')
            missed = "" if bar.holds else f" (goal {bar.goal:g}x)"
            end = max(x, one, scale.x(bar.goal) if bar.goal else 0)
            parts.append(f'<text x="{end + 6}" y="{y + 12}">{_ratio(bar.ratio)}{missed}</text>')
            y += ROW
    return parts


def _ratio(ratio: float) -> str:
    return f"{ratio:.0f}x" if ratio >= 100 else f"{ratio:.1f}x" if ratio >= 10 else f"{ratio:.2f}x"
