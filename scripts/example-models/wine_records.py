"""Wine-like records drawn from a distribution that is stated in full in this file.

Every number below was set by hand, as a round figure, from general knowledge of red wine; no
data file was fitted, copied or resampled. A record is drawn in three steps:

1. Ten correlated standard normal numbers ("latents") from `CORRELATIONS`.
2. One laboratory value per latent, by `MARGINALS`; total sulfur dioxide is the free part plus
   a bound part, and density follows from alcohol, sugar and acid (see `density`).
   A record with any value outside `LIMITS` is thrown away whole and drawn again.
3. A quality from 3 to 8: a weighted sum of latents plus normal noise, cut where the shares of
   `QUALITY_SHARES` fall (see `quality`).

Values are rounded as a laboratory would report them (`DECIMALS`).
"""

from statistics import NormalDist

import numpy as np

FIELDS = (
    "fixed_acidity",
    "volatile_acidity",
    "citric_acid",
    "residual_sugar",
    "chlorides",
    "free_sulfur_dioxide",
    "total_sulfur_dioxide",
    "density",
    "pH",
    "sulphates",
    "alcohol",
)
TARGET = "quality"
QUALITIES = (3, 4, 5, 6, 7, 8)
# Classes of the network: the index of the class is the quality.
NETWORK_CLASSES = 9

# Digits after the decimal point: g/l, g/l, g/l, g/l, g/l, mg/l, mg/l, kg/l, -, g/l, % by volume.
DECIMALS = (1, 2, 2, 1, 3, 0, 0, 5, 2, 2, 1)

LIMITS = {
    "fixed_acidity": (4.5, 16.0),
    "volatile_acidity": (0.10, 1.50),
    "citric_acid": (0.0, 1.0),
    "residual_sugar": (0.8, 15.0),
    "chlorides": (0.01, 0.50),
    "free_sulfur_dioxide": (1.0, 75.0),
    "total_sulfur_dioxide": (5.0, 250.0),
    "density": (0.985, 1.005),
    "pH": (2.70, 4.00),
    "sulphates": (0.30, 2.00),
    "alcohol": (8.5, 15.0),
}

# How a latent becomes a value.
# ("normal", mean, standard deviation): mean + sd * latent
# ("lognormal", median, sigma, shift):  shift + median * exp(sigma * latent)
MARGINALS = {
    "fixed_acidity": ("lognormal", 8.0, 0.20, 0.0),
    "volatile_acidity": ("lognormal", 0.50, 0.35, 0.0),
    "citric_acid": ("normal", 0.26, 0.20),  # negative values are reported as exactly 0
    "residual_sugar": ("lognormal", 1.3, 0.55, 1.0),
    "chlorides": ("lognormal", 0.080, 0.30, 0.0),
    "free_sulfur_dioxide": ("lognormal", 14.0, 0.60, 0.0),
    "bound_sulfur_dioxide": ("lognormal", 25.0, 0.65, 0.0),
    "pH": ("normal", 3.30, 0.15),
    "sulphates": ("lognormal", 0.35, 0.40, 0.28),
    "alcohol": ("lognormal", 1.8, 0.55, 8.4),
}
LATENTS = tuple(MARGINALS)

# Correlations between latents; every pair that is not named is uncorrelated.
CORRELATIONS = {
    ("fixed_acidity", "citric_acid"): 0.60,
    ("fixed_acidity", "pH"): -0.65,
    ("fixed_acidity", "volatile_acidity"): -0.20,
    ("volatile_acidity", "citric_acid"): -0.50,
    ("volatile_acidity", "pH"): 0.20,
    ("volatile_acidity", "sulphates"): -0.25,
    ("volatile_acidity", "alcohol"): -0.15,
    ("citric_acid", "pH"): -0.50,
    ("citric_acid", "sulphates"): 0.25,
    ("chlorides", "sulphates"): 0.20,
    ("chlorides", "pH"): -0.15,
    ("chlorides", "alcohol"): -0.20,
    ("free_sulfur_dioxide", "bound_sulfur_dioxide"): 0.50,
    ("residual_sugar", "bound_sulfur_dioxide"): 0.15,
    ("bound_sulfur_dioxide", "alcohol"): -0.25,
    ("pH", "alcohol"): 0.15,
}

# The rule for quality: weights of latents, then noise with this standard deviation.
QUALITY_WEIGHTS = {
    "alcohol": 0.60,
    "volatile_acidity": -0.45,
    "sulphates": 0.35,
    "bound_sulfur_dioxide": -0.20,
    "chlorides": -0.10,
}
QUALITY_NOISE = 0.55
# Shares of the qualities 3, 4, 5, 6, 7, 8 in the untruncated distribution.
QUALITY_SHARES = (0.01, 0.03, 0.43, 0.40, 0.12, 0.01)

DENSITY_NOISE = 0.0006


def correlation_matrix() -> np.ndarray:
    """The correlation matrix of the latents, in the order of `LATENTS`."""
    matrix = np.eye(len(LATENTS))
    for (first, second), value in CORRELATIONS.items():
        row, column = LATENTS.index(first), LATENTS.index(second)
        matrix[row, column] = matrix[column, row] = value
    return matrix


def density(values: dict, noise: np.ndarray) -> np.ndarray:
    """kg/l: alcohol makes a wine lighter, sugar and acid make it heavier."""
    return (
        0.9967
        - 0.0010 * (values["alcohol"] - 10.4)
        + 0.0004 * (values["residual_sugar"] - 2.5)
        + 0.0005 * (values["fixed_acidity"] - 8.2)
        + DENSITY_NOISE * noise
    )


def quality(latents: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Cuts the noisy weighted sum so that the classes have the shares of `QUALITY_SHARES`."""
    weights = np.array([QUALITY_WEIGHTS.get(name, 0.0) for name in LATENTS])
    variance = weights @ correlation_matrix() @ weights + QUALITY_NOISE**2
    score = (latents @ weights + QUALITY_NOISE * noise) / np.sqrt(variance)
    cumulative = np.cumsum(QUALITY_SHARES)[:-1]
    cuts = [NormalDist().inv_cdf(share) for share in cumulative]
    return QUALITIES[0] + np.searchsorted(cuts, score)


def _value(latent: np.ndarray, marginal: tuple) -> np.ndarray:
    if marginal[0] == "normal":
        _, mean, deviation = marginal
        return mean + deviation * latent
    _, median, sigma, shift = marginal
    return shift + median * np.exp(sigma * latent)


def draw(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns features [rows, 11] in the order of `FIELDS`, rounded, and qualities [rows]."""
    generator = np.random.default_rng(seed)
    factor = np.linalg.cholesky(correlation_matrix())
    features, qualities = [], []
    while len(features) < rows:
        normals = generator.standard_normal((rows, len(LATENTS) + 2))
        latents = normals[:, : len(LATENTS)] @ factor.T
        values = {
            name: _value(latents[:, column], MARGINALS[name]) for column, name in enumerate(LATENTS)
        }
        values["citric_acid"] = np.maximum(values["citric_acid"], 0.0)
        values["total_sulfur_dioxide"] = (
            values["free_sulfur_dioxide"] + values["bound_sulfur_dioxide"]
        )
        values["density"] = density(values, normals[:, -2])
        block = np.column_stack(
            [np.round(values[name], digits) for name, digits in zip(FIELDS, DECIMALS, strict=True)]
        )
        lower, upper = np.array([LIMITS[name] for name in FIELDS]).T
        inside = np.all((block >= lower) & (block <= upper), axis=1)
        features.extend(block[inside])
        qualities.extend(quality(latents, normals[:, -1])[inside])
    # "+ 0.0" turns a rounded -0.0 into 0.0.
    return np.array(features[:rows]) + 0.0, np.array(qualities[:rows], dtype=np.int64)


def to_csv(features: np.ndarray, qualities: np.ndarray) -> str:
    """`;` between columns, no header, the eleven fields and then the quality."""
    lines = []
    for row, label in zip(features, qualities, strict=True):
        cells = [f"{value:.{digits}f}" for value, digits in zip(row, DECIMALS, strict=True)]
        lines.append(";".join([*cells, str(label)]))
    return "\n".join(lines) + "\n"


def from_csv(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads back what `to_csv` wrote, so that models see exactly what users see."""
    table = [line.split(";") for line in text.splitlines()]
    features = np.array([[float(cell) for cell in row[:-1]] for row in table])
    return features, np.array([int(row[-1]) for row in table])
