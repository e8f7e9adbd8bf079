"""Decision trees, a forest and boosted trees, grown the textbook way."""

import random
from typing import Callable, List, NamedTuple, Optional, Sequence, Union

from wine import Wine

Number = Callable[[float], float]
# Position in the sorted rows before which to cut, and what the cut gains; None: nothing to gain.
Sweep = Callable[[Sequence[int], Sequence[float]], Optional["Cut"]]


class Cut(NamedTuple):
    gain: float
    position: int


class Leaf(NamedTuple):
    """Rows of each class, or one number that is the tree's answer."""

    values: Sequence[float]


class Split(NamedTuple):
    """Values at or below (of some ensembles: only below) the threshold go to `low`."""

    field: int
    threshold: float
    low: "Tree"
    high: "Tree"


Tree = Union[Leaf, Split]


class Grower(NamedTuple):
    """How trees grow: what a cut gains, what a leaf answers, and which fields each split may choose from."""

    columns: Sequence[Sequence[float]]
    sweep: Sweep
    leaf: Callable[[Sequence[int]], Leaf]
    fields: Callable[[], Sequence[int]]
    number: Number

    def grow(self, rows: Sequence[int], depth: int) -> Tree:
        if depth == 0 or len(rows) < 2:
            return self.leaf(rows)
        best, chosen = None, None
        for field in self.fields():
            column = self.columns[field]
            order = sorted(rows, key=column.__getitem__)
            cut = self.sweep(order, column)
            if cut and (best is None or cut.gain > best.gain):
                best, chosen = cut, (field, order)
        if best is None or chosen is None:
            return self.leaf(rows)
        field, order = chosen
        low, high = order[: best.position], order[best.position :]
        column = self.columns[field]
        threshold = self.number((column[low[-1]] + column[high[0]]) / 2)
        return Split(field, threshold, self.grow(low, depth - 1), self.grow(high, depth - 1))


def gini(classes: Sequence[int], count: int) -> Sweep:
    """Cuts by Gini's impurity; `classes` by row."""

    def sweep(order: Sequence[int], column: Sequence[float]) -> Optional[Cut]:
        low, high = [0] * count, [0] * count
        for row in order:
            high[classes[row]] += 1
        low_squares, high_squares = 0, sum(value * value for value in high)
        size, best = len(order), None
        bound = high_squares / size + 1e-9
        for position in range(1, size):
            row = order[position - 1]
            kind = classes[row]
            low_squares += 2 * low[kind] + 1
            high_squares -= 2 * high[kind] - 1
            low[kind] += 1
            high[kind] -= 1
            if column[row] != column[order[position]]:
                gain = low_squares / position + high_squares / (size - position)
                if gain > bound:
                    best, bound = Cut(gain, position), gain
        return best

    return sweep


def squares(residuals: Sequence[float], penalty: float) -> Sweep:
    """Cuts by squared error, with a penalty on the answers of leaves; `residuals` by row."""

    def sweep(order: Sequence[int], column: Sequence[float]) -> Optional[Cut]:
        size, total, low, best = len(order), sum(residuals[row] for row in order), 0.0, None
        bound = total * total / (size + penalty) + 1e-9
        for position in range(1, size):
            row = order[position - 1]
            low += residuals[row]
            if column[row] != column[order[position]]:
                high = total - low
                gain = low * low / (position + penalty) + high * high / (size - position + penalty)
                if gain > bound:
                    best, bound = Cut(gain, position), gain
        return best

    return sweep


def classifiers(wine: Wine, count: int, depth: int, fields: int, bootstrap: bool, number: Number, seed: int) -> List[Tree]:
    """Trees that each answer with the rows of each class; `fields`: how many each split may choose from."""
    draw = random.Random(seed)
    classes = [wine.classes.index(quality) for quality in wine.qualities]

    def leaf(rows: Sequence[int]) -> Leaf:
        return Leaf([sum(classes[row] == kind for row in rows) for kind in range(len(wine.classes))])

    every = range(len(wine.fields))
    grower = Grower(
        [list(map(number, column)) for column in wine.columns], gini(classes, len(wine.classes)), leaf,
        lambda: draw.sample(every, fields), number,
    )
    rows = range(wine.rows)
    return [grower.grow(draw.choices(rows, k=wine.rows) if bootstrap else rows, depth) for _ in range(count)]


def answer(tree: Tree, row: Sequence[float]) -> Sequence[float]:
    while isinstance(tree, Split):
        tree = tree.low if row[tree.field] < tree.threshold else tree.high
    return tree.values


class Boosted(NamedTuple):
    """The prediction is `base` and the answers of all trees."""

    base: float
    trees: Sequence[Tree]


def boosted(wine: Wine, count: int, depth: int, number: Number, seed: int, rate: float = 0.05, part: float = 0.5, penalty: float = 1.0) -> Boosted:
    """Gradient boosting of squared error, each tree on a part of the rows and of the fields."""
    draw = random.Random(seed)
    columns = [list(map(number, column)) for column in wine.columns]
    records = list(zip(*columns))
    base = number(sum(wine.qualities) / wine.rows)
    residuals = [quality - base for quality in wine.qualities]

    def leaf(rows: Sequence[int]) -> Leaf:
        return Leaf([number(rate * sum(residuals[row] for row in rows) / (len(rows) + penalty))])

    trees = []
    for _ in range(count):
        fields = sorted(draw.sample(range(len(columns)), max(1, round(part * len(columns)))))
        rows = draw.sample(range(wine.rows), max(2, round(part * wine.rows)))
        tree = Grower(columns, squares(residuals, penalty), leaf, lambda: fields, number).grow(rows, depth)
        residuals = [residual - answer(tree, record)[0] for residual, record in zip(residuals, records)]
        trees.append(tree)
    return Boosted(base, trees)
