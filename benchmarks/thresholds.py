"""What a threshold is worth on sealed rows: cost at the chosen one beside cost at 0.5, for the network and baselines.

    python benchmarks/thresholds.py DATA [--trials 6] [--rows 12000] [--seed 0]

DATA is a folder with adult, telco_churn and pmlb/churn. A fourth table is adult with its positive rows thinned to 2 %.
Each is searched once; other costs and measures are weighed anew from the same repeats. `worse` marks a threshold that
is shown to be worse than 0.5 (an interval below 0), which none should be; where errors cost 5:1 the network's cost
should be at least 10 % lower.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd

import ffsearch
from ffsearch.search.folder.cut_results import SealedCut

ASKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cost 5:1", {"data.costs": {"false_negative": 5, "false_positive": 1}}),
    ("cost 1:1", {"data.costs": {"false_negative": 1, "false_positive": 1}}),
    ("cost 1:5", {"data.costs": {"false_negative": 1, "false_positive": 5}}),
    ("f1", {"evidence.threshold": "f1"}),
    ("balanced_accuracy", {"evidence.threshold": "balanced_accuracy"}),
    ("recall_at_precision=0.7", {"evidence.threshold": "recall_at_precision=0.7"}),
)
SMALL: dict[str, Any] = {"evidence.finalists": 2, "evidence.repeats": 3, "evidence.effects": 0}


def tables(data: Path, seed: int) -> Iterator[tuple[str, pd.DataFrame, str]]:
    """Name, rows and target of each."""
    adult = pd.read_csv(data / "adult" / "train.csv.gz")
    yield "adult", adult, "income"
    yield "telco", pd.read_csv(data / "telco_churn" / "telco_churn.csv"), "Churn"
    yield "churn", pd.read_csv(data / "pmlb" / "churn.tsv.gz", sep="\t"), "target"
    positive = adult["income"] == adult["income"].value_counts().index[-1]
    n_kept = round(0.02 / 0.98 * int((~positive).sum()))
    kept = np.random.default_rng(seed).permutation(np.flatnonzero(positive))[:n_kept]
    rows = np.sort(np.concatenate([np.flatnonzero(~positive), kept]))
    yield "adult 2 %", adult.iloc[rows].reset_index(drop=True), "income"


def line(table: str, asked: str, one: SealedCut) -> str:
    """A model at its threshold, beside 0.5."""
    share = one.gain.value / one.at_half.value if one.at_half.value else float("nan")
    mark = "worse" if one.gain.high < 0 else "better" if one.gain.low > 0 else ""
    if asked.startswith("recall"):  # what is judged is precision, against what was asked for
        mark = f"recall {one.measures['recall']:.3f} ({one.measures_at_half['recall']:.3f})"
    return (
        f"{table:10} {asked:24} {one.name:9} {one.threshold:9.3f} {one.value.value:9.4f} {one.at_half.value:9.4f} "
        f"{one.gain.value:8.4f} ({one.gain.low:8.4f} to {one.gain.high:8.4f}) {100 * share:6.1f} %  {mark}"
    )


def main() -> None:
    """Search every table once, weigh it by every measure, print a line a model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--rows", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(f"{'table':10} {'asked':24} {'model':9} threshold at cut     at 0.5   gain (95 % interval)          of 0.5")
    with tempfile.TemporaryDirectory() as folder:
        for name, rows, target in tables(given.data, given.seed):
            for asked, overrides in ASKED:
                run = ffsearch.run(
                    "tabular", data=rows, target=target, trials=given.trials, seed=given.seed, report=False,
                    progress=False, overrides={"data.rows": given.rows, **SMALL, **overrides},
                    out=Path(folder) / name.replace(" ", ""),
                )  # fmt: skip
                found = run.results.threshold
                if found is None or not found.sealed:
                    print(f"{name:10} {asked:24} none could be chosen")
                    continue
                for one in found.sealed:
                    print(line(name, asked, one), flush=True)


if __name__ == "__main__":
    main()
