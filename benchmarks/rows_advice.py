"""Whether twice the rows gain what a run promises of them.

    python benchmarks/rows_advice.py --table adult.csv:income --table bike.csv:cnt [--draws 4] [--seeds 3] [--rows 1000]
        [--trials 8] [--out rows_advice.jsonl]

Of a table a run of small networks sees few rows, `--rows` of them or a quarter if that is less. It says what twice the
rows it learnt from would gain, with a 95 % interval. The truth: the winner's topology is trained to its own end on as
many rows as the run had and on twice as many, in `--seeds` draws each, by whole runs of one trial; models are scored
on rows that none of them saw. Printed: a line a draw, and in the end in how many the interval held the mean gain. That
mean has an error of its own, which is printed, too; an interval within two of those errors of the mean is counted
apart. What the file holds already is not drawn again.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from evidence_known import Case, true_score

import ffsearch
from ffsearch.search.folder.results import Estimate, Way
from ffsearch.search.folder.summary import Summary

N_HIDDEN = 20_000
SEALED = 0.2
SEARCH: dict[str, Any] = {
    "data.test": SEALED,
    "evidence": {"finalists": 1, "repeats": 5, "effects": 0, "baselines": [], "columns": False, "layers": False},
}  # fmt: skip
ALONE: dict[str, Any] = {"search.trials": 1, "evidence": "none", "data.test": None}
SMALL: dict[str, Any] = {"space.depth.high": 3, "space.width.high": 64}


def table(name: str) -> tuple[pd.DataFrame, str]:
    """A file and its target, of `FILE:TARGET`."""
    path, target = name.rsplit(":", 1)
    return pd.read_csv(path, sep="\t" if ".tsv" in path else ",").dropna(subset=[target]), target


def of_point(point: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that leave a space one point; nothing here augments rows."""
    off = {"dropout": 0.0, "batch_norm": False, "l1": 0.0, "l2": 0.0}  # what the shipped space would search
    known = off | {name: value for name, value in point.items() if value}
    return {f"space.{name}": value for name, value in known.items() if not name.startswith("augment_")}


def searched(seen: pd.DataFrame, target: str, *, seed: int, n_trials: int) -> Summary:
    """What a run of few trials says."""
    with tempfile.TemporaryDirectory() as folder:
        run = ffsearch.run(
            "tabular", data=seen, target=target, out=Path(folder, "run"), report=False,
            overrides=SEARCH | SMALL | {"search.seed": seed, "search.trials": n_trials},
        )  # fmt: skip
        return run.results


def trained(seen: pd.DataFrame, hidden: pd.DataFrame, target: str, point: Mapping[str, Any], *, seed: int) -> float:
    """Loss on hidden rows of one topology that learnt from all the rows seen."""
    with tempfile.TemporaryDirectory() as folder:
        run = ffsearch.run(
            "tabular", data=seen, target=target, out=Path(folder, "run"), report=False,
            overrides=ALONE | of_point(point) | {"search.seed": seed},
        )  # fmt: skip
        return true_score(run, Case(target, seen, hidden, target, None))


def draw_of(name: str, draw: int, *, n_rows: int, n_seeds: int, n_trials: int) -> tuple[Estimate, float, float] | None:
    """What was promised, what was gained and the error of that; None where nothing was promised."""
    frame, target = table(name)
    rng = np.random.default_rng([draw, len(frame)])
    n = min(n_rows, len(frame) // 4)
    n_learnt = round((1 - SEALED) * n)
    order = rng.permutation(len(frame))
    summary = searched(frame.iloc[order[:n]].reset_index(drop=True), target, seed=draw, n_trials=n_trials)
    promised = next((one.gain for one in summary.helps if one.way is Way.ROWS), None)
    if promised is None or summary.best is None:
        return None
    hidden = frame.iloc[order[-min(N_HIDDEN, len(frame) // 2) :]]
    others = order[: len(frame) - len(hidden)]
    gains = []
    for seed in range(n_seeds):
        rows = rng.permutation(others)[: 2 * n_learnt]
        some, twice = (
            trained(frame.iloc[rows[:size]].reset_index(drop=True), hidden, target, summary.best.point, seed=seed)
            for size in (n_learnt, 2 * n_learnt)
        )
        gains.append(some - twice)
    return promised, float(np.mean(gains)), float(np.std(gains, ddof=1) / np.sqrt(n_seeds))


def told(name: str, draw: int, *, n_rows: int, n_seeds: int, n_trials: int) -> dict[str, Any]:
    """A draw as the file keeps it."""
    began = time.monotonic()
    kept: dict[str, Any] = {"table": Path(name).name, "draw": draw, "n_rows": n_rows, "n_seeds": n_seeds}
    found = draw_of(name, draw, n_rows=n_rows, n_seeds=n_seeds, n_trials=n_trials)
    if found is not None:
        promised, gain, error = found
        kept |= {"promised": promised.value, "low": promised.low, "high": promised.high, "gain": gain, "error": error}
    return kept | {"seconds": round(time.monotonic() - began)}


def held(one: Mapping[str, Any], *, errors: float = 0.0) -> bool:
    """Whether the gain lies in the interval, or within so many of its errors of it."""
    reach = errors * one["error"]
    return bool(one["low"] - reach <= one["gain"] <= one["high"] + reach)


def shown(one: Mapping[str, Any]) -> str:
    """A line of a draw."""
    if "gain" not in one:
        return f"{one['table']:24.24}{one['draw']:3} nothing is promised"
    word = "held" if held(one) else "near" if held(one, errors=2) else "MISSED"
    interval = f"{one['promised']:.4f} [{one['low']:.4f} {one['high']:.4f}]"
    gained = f"gained {one['gain']:.4f} +- {one['error']:.4f}"
    return f"{one['table']:24.24}{one['draw']:3} promised {interval} {gained} {word} {one['seconds']} s"


def main() -> None:
    """A line a draw, then how many intervals held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="append", required=True, metavar="FILE:TARGET")
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("rows_advice.jsonl"))
    asked = parser.parse_args()
    lines = asked.out.read_text(encoding="utf-8").splitlines() if asked.out.exists() else []
    known = [json.loads(line) for line in lines]
    done = {(one["table"], one["draw"]) for one in known}
    for draw in range(asked.draws):
        for name in asked.table:
            if (Path(name).name, draw) in done:
                continue
            one = told(name, draw, n_rows=asked.rows, n_seeds=asked.seeds, n_trials=asked.trials)
            with asked.out.open("a", encoding="utf-8") as kept:
                kept.write(json.dumps(one) + "\n")
            print(shown(one), flush=True)
            known.append(one)
    promises = [one for one in known if "gain" in one]
    shares = np.mean([held(one) for one in promises]), np.mean([held(one, errors=2) for one in promises])
    print(f"held {shares[0]:.1%}, within two errors of the truth {shares[1]:.1%} of {len(promises)}")


if __name__ == "__main__":
    main()
