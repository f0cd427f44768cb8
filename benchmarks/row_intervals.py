"""How many of the sealed rows the 80 and 90 % intervals for one row hold, on real tables with a split for every seed.

    python benchmarks/row_intervals.py --data FOLDER [--seeds 10] [--trials 3] [--rows 2000] [--out row_intervals.jsonl]

Each run is short: what is asked is whether the promise is kept, not how good the network is. Printed of each table,
mean over seeds: the share held with the standard error of that mean, and the width of its intervals beside that of
intervals that are everywhere as wide. A seed draws rows and split, but of a table with a time every split is the same
but for the rows drawn, so that its runs are no independent ones. What the file holds already is not run again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

import ffsearch

LEVELS: Final = (0.8, 0.9)

SHORT: Final[dict[str, Any]] = {
    "space.depth.high": 3, "space.width.high": 64, "train.max_epochs": 60, "train.patience": 8,
}  # fmt: skip
"""A run's networks are small and learn for a short time."""

TABLES: Final[dict[str, tuple[str, str | None, dict[str, Any]]]] = {
    "diabetes": ("sklearn:diabetes", None, {}),
    "energy": ("energy_efficiency/energy.csv", "Heating Load", {"data.drop": ["Cooling Load"]}),
    "california": ("california_housing/housing.csv", "median_house_value", {"data.rows": 6000}),
    "bike": (
        "bike_sharing/bike.csv",
        "cnt",
        {"data.drop": ["instant"], "data.time": "dteday", "data.rows": 6000},
    ),
    "auto_price": ("pmlb/195_auto_price.tsv.gz", "target", {}),
    "wind": ("pmlb/503_wind.tsv.gz", "target", {}),
    "puma": ("pmlb/225_puma8NH.tsv.gz", "target", {"data.rows": 6000}),
    "fried": ("pmlb/564_fried.tsv.gz", "target", {"data.rows": 6000}),
    "bodyfat": ("pmlb/560_bodyfat.tsv.gz", "target", {}),
    "vehicle": ("pmlb/vehicle.tsv.gz", "target", {}),
    "german": ("pmlb/german.tsv.gz", "target", {}),
    "yeast": ("pmlb/yeast.tsv.gz", "target", {}),
}
"""File, target, and what is said of the table; of tables with a time the runs are ordered by it."""


def measured(
    folder: Path, tables: list[str], known: set[tuple[str, int]], *, n_seeds: int, n_trials: int, n_rows: int | None
) -> Iterator[dict[str, Any]]:
    """One run after another that is not known yet, and what its summary says of the intervals."""
    for seed in range(n_seeds):
        for table in tables:
            if (table, seed) in known:
                continue
            source, target, more = TABLES[table]
            if n_rows is not None:
                more = more | {"data.rows": n_rows}
            with tempfile.TemporaryDirectory() as scratch:
                run = ffsearch.run(
                    "tabular",
                    data=source if source.startswith("sklearn:") else str(folder / source),
                    target=target, trials=n_trials, seed=seed, out=Path(scratch, "run"), report=False, progress=False,
                    evidence={
                        "finalists": 1, "repeats": 5, "effects": 0, "baselines": [], "columns": False, "layers": False,
                    },
                    overrides=SHORT | more,
                )  # fmt: skip
                told = run.results.row_intervals
                if told is None:
                    continue
                for at in (one for one in told.levels if one.level in LEVELS):
                    yield {
                        "table": table, "seed": seed, "level": at.level, "unit": told.unit, "n_units": told.n_units,
                        "held": at.held.value, "width": at.widths[0],
                        "alike": at.widths_alike[0] if at.widths_alike else None,
                    }  # fmt: skip


def main() -> None:
    """Run all tables, print each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=TABLES)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--rows", type=int, help="of every table so many at most, in place of what is said of it")
    parser.add_argument("--out", type=Path, default=Path("row_intervals.jsonl"))
    asked = parser.parse_args()
    found: dict[tuple[str, float], list[dict[str, Any]]] = {}
    kept_already = asked.out.read_text(encoding="utf-8").splitlines() if asked.out.exists() else []
    for one in map(json.loads, kept_already):
        found.setdefault((one["table"], one["level"]), []).append(one)
    known = {(one["table"], one["seed"]) for runs in found.values() for one in runs}
    more = {"n_seeds": asked.seeds, "n_trials": asked.trials, "n_rows": asked.rows}
    for one in measured(asked.data, asked.tables, known, **more):
        found.setdefault((one["table"], one["level"]), []).append(one)
        with asked.out.open("a", encoding="utf-8") as kept:
            kept.write(json.dumps(one) + "\n")
        print(one, flush=True)
    for (table, level), runs in found.items():
        shares, width = np.array([run["held"] for run in runs]), np.mean([run["width"] for run in runs])
        error = shares.std(ddof=1) / np.sqrt(len(shares)) if len(shares) > 1 else np.nan
        alike = [run["alike"] for run in runs if run["alike"] is not None]
        beside = f", {np.mean(alike):.4g} if alike everywhere" if alike else " labels"
        share = f"{shares.mean():.3f} +- {error:.3f}"
        print(f"{table:12} {level:.0%} {len(runs):3} runs: held {share}, width {width:.4g}{beside}")


if __name__ == "__main__":
    main()
