#!/usr/bin/env python3
"""Makes the models of `scripts/bench scoring` and `loading`: seven wine models, each as PMML and as ONNX. See README.md.

Needs nothing but Python 3.9. Everything comes from one seed, so that a second run gives the same files.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Callable, Dict, NamedTuple

import dense
import onnx
import pmml
import single
import trees
import wine as wine_records
from wine import Wine

OUT = Path(__file__).resolve().parents[2] / "target" / "bench-models"
SEED = 23


class Twins(NamedTuple):
    pmml: bytes
    onnx: bytes


def linear(wine: Wine) -> Twins:
    layer = dense.least_squares(wine)
    return Twins(pmml.regression(wine, layer), onnx.regression(wine, layer))


def logistic(wine: Wine) -> Twins:
    (layer,) = dense.network(wine, [], epochs=20, seed=SEED)
    return Twins(pmml.logistic(wine, layer), onnx.logistic(wine, layer))


def tree(wine: Wine) -> Twins:
    (grown,) = trees.classifiers(wine, 1, depth=8, fields=len(wine.fields), bootstrap=False, number=single.nearest, seed=SEED)
    return Twins(pmml.tree(wine, grown), onnx.forest(wine, [grown]))


def forest(wine: Wine) -> Twins:
    # Three fields to choose from: the square root of eleven.
    grown = trees.classifiers(wine, 100, depth=10, fields=3, bootstrap=True, number=single.nearest, seed=SEED)
    return Twins(pmml.forest(wine, grown), onnx.forest(wine, grown))


def boosted_single(wine: Wine) -> Twins:
    ensemble = trees.boosted(wine, 500, depth=6, number=single.nearest, seed=SEED)
    return Twins(pmml.boosted(wine, ensemble, "float"), onnx.boosted(wine, ensemble, "BRANCH_LT"))


def boosted_double(wine: Wine) -> Twins:
    ensemble = trees.boosted(wine, 500, depth=6, number=float, seed=SEED + 1)
    return Twins(pmml.boosted(wine, ensemble, "double"), onnx.boosted(wine, ensemble, "BRANCH_LEQ"))


def network(wine: Wine) -> Twins:
    layers = dense.network(wine, [64, 64], epochs=3, seed=SEED)
    return Twins(pmml.network(wine, layers), onnx.network(wine, layers))


MODELS: Dict[str, Callable[[Wine], Twins]] = {
    "a_linreg": linear,
    "a_logreg": logistic,
    "b_tree": tree,
    "c_rf": forest,
    "d_xgb": boosted_single,
    "d_lgb": boosted_double,
    "e_mlp": network,
}


def make(folder: Path, progress: Callable[[str], None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wine = wine_records.read()
    for name, build in MODELS.items():
        began = time.monotonic()
        twins = build(wine)
        (folder / f"{name}.pmml").write_bytes(twins.pmml)
        (folder / f"{name}.onnx").write_bytes(twins.onnx)
        progress(f"{name}: {len(twins.pmml)} bytes of PMML, {len(twins.onnx)} of ONNX ({time.monotonic() - began:.0f} s)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="folder to write to; default: %(default)s")
    make(parser.parse_args().out, lambda text: print(text, file=sys.stderr, flush=True))


if __name__ == "__main__":
    main()
