#!/usr/bin/env python3
"""Makes the networks of `scripts/bench tensors`: each as ONNX and as a frozen TensorFlow graph. See README.md.

Needs nothing but Python 3.9. Everything comes from one seed, so that a second run gives the same files.
"""

import argparse
from pathlib import Path

import networks

OUT = Path(__file__).resolve().parents[2] / "target" / "bench-networks"
SEED = 23


def make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, build in networks.NETWORKS.items():
        twins = build(SEED)
        (folder / f"{name}.onnx").write_bytes(twins.onnx)
        (folder / f"{name}.pb").write_bytes(twins.graph)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="folder to write to; default: %(default)s")
    make(parser.parse_args().out)


if __name__ == "__main__":
    main()
