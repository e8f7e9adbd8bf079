#!/usr/bin/env python3
"""Makes the wine example: records, the models trained on them, and what each model answers.

Everything comes from one seed, so that a second run gives the same files. See README.md.
"""

import argparse
import json
import os
import time
from pathlib import Path

# One thread and no vendor kernels, so that sums are taken in the same order in every run.
# These must be set before the numerical libraries are imported.
os.environ.update(
    {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
)

REPOSITORY = Path(__file__).resolve().parents[2]
OUT = REPOSITORY / "flink-job" / "job" / "src" / "main" / "resources" / "example" / "wine"
CSV = "winequality.csv"
SEED = 23
ROWS = 1000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write to")
    parser.add_argument("--rows", type=int, default=ROWS, help="number of records")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of all random draws")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    started = time.monotonic()

    def progress(message: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {message}", flush=True)

    import wine_records

    drawn, drawn_qualities = wine_records.draw(options.rows, options.seed)
    if set(drawn_qualities) != set(wine_records.QUALITIES) or not (drawn[:, 2] == 0.0).any():
        raise SystemExit(
            f"seed {options.seed} with {options.rows} rows does not give every quality and a "
            "citric acid of 0; choose more rows or another seed"
        )
    options.out.mkdir(parents=True, exist_ok=True)
    text = wine_records.to_csv(drawn, drawn_qualities)
    (options.out / CSV).write_text(text, encoding="ascii")
    features, qualities = wine_records.from_csv(text)
    shares = {label: int((qualities == label).sum()) for label in wine_records.QUALITIES}
    progress(f"{CSV}: {len(qualities)} records, qualities {shares}")

    progress("loading scikit-learn and TensorFlow")
    import sklearn_models
    import tensorflow_model
    from example_model import sha256

    entries = []

    def keep(model) -> None:
        entries.append(model.write(options.out, features))
        share = model.right_answers / len(qualities)
        progress(f"{model.file}: {len(model.content)} bytes, {share:.1%} of the records right")

    for model in sklearn_models.make(features, qualities, options.seed):
        keep(model)
    keep(tensorflow_model.make(features, qualities, options.seed))

    manifest = {
        "data": {
            "file": CSV,
            "sha256": sha256(text.encode("ascii")),
            "separator": ";",
            "columns": [*wine_records.FIELDS, wine_records.TARGET],
            "rows": len(qualities),
        },
        "models": entries,
    }
    listing = json.dumps(manifest, indent=2) + "\n"
    (options.out / "models.json").write_text(listing, encoding="ascii")
    progress(f"models.json: {len(entries)} models in {options.out}")


if __name__ == "__main__":
    main()
