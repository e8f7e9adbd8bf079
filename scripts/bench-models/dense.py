"""Linear and logistic regression and a dense network, trained without any library."""

import math
import random
from typing import List, NamedTuple, Sequence

from wine import Wine

Matrix = List[List[float]]


class Layer(NamedTuple):
    """`weights[output][input]`, and one bias for each output."""

    weights: Matrix
    biases: List[float]

    def apply(self, inputs: Sequence[float]) -> List[float]:
        return [bias + sum(map(float.__mul__, row, inputs)) for row, bias in zip(self.weights, self.biases)]


def least_squares(wine: Wine) -> Layer:
    """Linear regression by the normal equations, on columns less their means so that these stay well conditioned."""
    means = [sum(column) / wine.rows for column in wine.columns]
    centred = [[value - mean for value in column] for column, mean in zip(wine.columns, means)]
    mean = sum(wine.qualities) / wine.rows
    equations = [
        [*(sum(map(float.__mul__, first, second)) for second in centred), sum(a * (q - mean) for a, q in zip(first, wine.qualities))]
        for first in centred
    ]
    weights = _solve(equations)
    return Layer([weights], [mean - sum(map(float.__mul__, weights, means))])


def _solve(equations: Matrix) -> List[float]:
    """Gauss-Jordan elimination; each equation ends with its right side."""
    size = len(equations)
    for step in range(size):
        pivot = max(range(step, size), key=lambda row: abs(equations[row][step]))
        equations[step], equations[pivot] = equations[pivot], equations[step]
        head = [value / equations[step][step] for value in equations[step]]
        equations[step] = head
        for row in range(size):
            if row != step:
                factor = equations[row][step]
                equations[row] = [value - factor * other for value, other in zip(equations[row], head)]
    return [row[-1] for row in equations]


def network(wine: Wine, hidden: Sequence[int], epochs: int, seed: int, rate: float = 0.02) -> List[Layer]:
    """A network with rectifiers between its layers and softmax at its end, by stochastic gradient descent; without hidden layers: logistic regression.

    Trained on each field divided by its mean, and the division is then put into the first layer's weights. Means are not subtracted: put
    into the biases, they would make single precision lose the density, which varies in its third digit.
    """
    draw = random.Random(seed)
    means = [sum(column) / wine.rows for column in wine.columns]
    records = [[value / mean for value, mean in zip(wine.row(row), means)] for row in range(wine.rows)]
    targets = [wine.classes.index(quality) for quality in wine.qualities]
    sizes = [len(wine.fields), *hidden, len(wine.classes)]
    layers = [
        Layer([[draw.gauss(0, math.sqrt(2 / inputs)) for _ in range(inputs)] for _ in range(outputs)], [0.0] * outputs)
        for inputs, outputs in zip(sizes, sizes[1:])
    ]
    for _ in range(epochs):
        for row in draw.sample(range(wine.rows), wine.rows):
            _descend(layers, records[row], targets[row], rate)
    first = Layer([[weight / mean for weight, mean in zip(row, means)] for row in layers[0].weights], layers[0].biases)
    return [first, *layers[1:]]


def _descend(layers: Sequence[Layer], record: List[float], target: int, rate: float) -> None:
    values = [record]
    for layer in layers[:-1]:
        values.append([max(value, 0.0) for value in layer.apply(values[-1])])
    slopes = softmax(layers[-1].apply(values[-1]))
    slopes[target] -= 1.0
    for layer, inputs in zip(reversed(layers), reversed(values)):
        before = [0.0] * len(inputs)
        for output, slope in enumerate(slopes):
            if slope == 0.0:
                continue
            weights = layer.weights[output]
            before = [sum_ + slope * weight for sum_, weight in zip(before, weights)]
            step = rate * slope
            layer.weights[output] = [weight - step * value for weight, value in zip(weights, inputs)]
            layer.biases[output] -= step
        slopes = [slope if value > 0.0 else 0.0 for slope, value in zip(before, inputs)]


def softmax(values: Sequence[float]) -> List[float]:
    largest = max(values)
    powers = [math.exp(value - largest) for value in values]
    total = sum(powers)
    return [power / total for power in powers]
