"""What the mean of five refits gains over one network, on the sealed rows of a table after another.

    python benchmarks/average.py FOLDER [--out averages] [--trials 30] [--rows N] [--seed 0] [--only yeast ...]
                                 [--set data.valid='{holdout: 0.2}' ...]

FOLDER holds the tables as files (`TABLES` names them). Each is searched with `model: average` and without evidence: the
single network is the first of the five, as `model: single` would have saved it. Figures go into `averages.csv` in the
folder of the runs, a row as soon as a table is done; tables that are in it are left alone.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path
from typing import Any

import ffsearch

TABLES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "auto_price": ("pmlb/195_auto_price.tsv.gz", "target", {}),
    "sonar": ("pmlb/sonar.tsv.gz", "target", {}),
    "bodyfat": ("pmlb/560_bodyfat.tsv.gz", "target", {}),
    "ionosphere": ("pmlb/ionosphere.tsv.gz", "target", {}),
    "australian": ("pmlb/australian.tsv.gz", "target", {}),
    "pima": ("pmlb/pima.tsv.gz", "target", {}),
    "vehicle": ("pmlb/vehicle.tsv.gz", "target", {}),
    "titanic": ("titanic/titanic.csv", "Survived", {}),
    "german": ("pmlb/german.tsv.gz", "target", {}),
    "yeast": ("pmlb/yeast.tsv.gz", "target", {}),
    "segmentation": ("pmlb/segmentation.tsv.gz", "target", {}),
    "hypothyroid": ("pmlb/hypothyroid.tsv.gz", "target", {}),
    "splice": ("pmlb/splice.tsv.gz", "target", {}),
    "spambase": ("pmlb/spambase.tsv.gz", "target", {}),
    "wine_quality": ("pmlb/wine_quality_white.tsv.gz", "target", {"data.task": "regression"}),
    "churn": ("pmlb/churn.tsv.gz", "target", {}),
    "waveform": ("pmlb/waveform_40.tsv.gz", "target", {}),
    "phoneme": ("pmlb/phoneme.tsv.gz", "target", {}),
    "page_blocks": ("pmlb/page_blocks.tsv.gz", "target", {}),
    "texture": ("pmlb/texture.tsv.gz", "target", {}),
    "optdigits": ("pmlb/optdigits.tsv.gz", "target", {}),
    "wind": ("pmlb/503_wind.tsv.gz", "target", {}),
    "satimage": ("pmlb/satimage.tsv.gz", "target", {}),
    "telco": ("telco_churn/telco_churn.csv", "Churn", {}),
    "puma8NH": ("pmlb/225_puma8NH.tsv.gz", "target", {}),
    "twonorm": ("pmlb/twonorm.tsv.gz", "target", {}),
    "energy": ("energy_efficiency/energy.csv", "Heating Load", {"data.drop": ["Cooling Load"]}),
}
"""File, target, and what else is said of it; the smallest first, and last what trains longest for its rows."""


def main() -> None:
    """Every table that is asked for and not done, then how many gained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("averages"))
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--rows", type=int, default=None, help="use so many rows of a table at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=TABLES, default=list(TABLES))
    parser.add_argument("--set", dest="settings", action="append", default=[], help="passed on to the run")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    table = asked.out / "averages.csv"
    done = {row["table"] for row in csv.DictReader(table.open())} if table.exists() else set()
    for name in asked.only:
        if name not in done:
            append(table, measured(name, asked))
    rows = list(csv.DictReader(table.open()))
    better = sum(float(row["gain"]) > 0 for row in rows)
    shown = sum(float(row["low"]) > 0 for row in rows)
    lost = sum(float(row["high"]) < 0 for row in rows)
    print(f"better than single on {better} of {len(rows)} tables; shown to be better on {shown}, worse on {lost}")


def measured(name: str, asked: argparse.Namespace) -> dict[str, object]:
    """A row of the table of figures."""
    file, target, said = TABLES[name]
    values = {
        "model": "average", "evidence": "none", "search.trials": asked.trials, "search.seed": asked.seed,
        "data.rows": asked.rows, **said,
    }  # fmt: skip
    overrides = [*(f"{key}={json.dumps(value)}" for key, value in values.items()), *asked.settings]
    began = time.perf_counter()
    out = asked.out / f"{name}-{asked.seed}"
    run = ffsearch.run("tabular", data=str(asked.folder / file), target=target, overrides=overrides, out=out)
    summary = run.results
    average = summary.average
    return {
        "table": name,
        "n_sealed": summary.data.n_test,
        "metric": summary.objective.name,
        "single": f"{average.single.value:.5g}",
        "average": f"{summary.evidence.test.value:.5g}",
        "gain": f"{average.gain.value:.3g}",
        "low": f"{average.gain.low:.3g}",
        "high": f"{average.gain.high:.3g}",
        "share": f"{average.gain.value / average.single.value:.3f}",
        "n_params": summary.best.n_params,
        "rows_per_s": round(average.rows_per_s),
        "rows_per_s_single": round(average.rows_per_s_single),
        "wall_s": round(time.perf_counter() - began),
    }


def append(table: Path, row: dict[str, object]) -> None:
    """Add a row and show it."""
    is_new = not table.exists()
    with table.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)
    print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
