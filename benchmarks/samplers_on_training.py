"""Which sampler and pruner find good networks soonest on real tables, in trials and in seconds of training.

    python benchmarks/samplers_on_training.py adult.csv:income letter.tsv:target [--seeds 20] [--rows 4000]
        [--trials 100] [--arms random/none tpe/asha ...] [--out FILE.jsonl]

Each search is a whole run on the shipped space, without evidence. A seed draws the rows that judge, too, so arms are
compared seed by seed: what is sought is what random search without pruning has found after all its trials with the same
seed, its best and its second best. Told are the trials and the seconds of training (all networks' together, so that how
many train at a time does not matter) until an arm has that, as medians and quartiles over seeds, the seconds as a share
of what all of random search's trials took. A search that is in the file of results is not run again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import ffsearch
from ffsearch.search.training.protocol import Ended

CONTROL = "random/none"

Found = dict[str, Any]
"""Of a search: `losses` (infinite where a trial was pruned or has no value) and `seconds`, an entry a trial, as they
ended."""


def searched(table: str, arm: str, *, seed: int, n_rows: int, n_trials: int) -> Found:
    """A search, whole."""
    path, target = table.rsplit(":", 1)
    sampler, pruner = arm.split("/")
    overrides = {
        "search.sampler": sampler, "search.pruner": pruner, "search.seed": seed, "search.trials": n_trials,
        "data.rows": n_rows, "evidence": "none",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run = ffsearch.run("tabular", data=path, target=target, overrides=overrides, out=Path(folder, "run"))
        trials = run.trials.sort_values("ended_at")
        sign = 1 if run.summary["objective"]["direction"] == "minimize" else -1
    counts = trials["ended"] != Ended.PRUNED.value
    losses = (sign * trials["value"]).where(counts).fillna(math.inf)
    return {"losses": losses.tolist(), "seconds": trials["train_s"].tolist()}


def until(found: Found, target: float) -> tuple[float, float]:
    """Trials and seconds of training until a loss is reached; infinite where it never is."""
    reached = np.minimum.accumulate(found["losses"]) <= target
    if not reached.any():
        return math.inf, math.inf
    first = int(reached.argmax())
    return first + 1.0, float(np.sum(found["seconds"][: first + 1]))


def middle(values: list[float], digits: int) -> str:
    """Median and quartiles; between two values their mean, which is infinite where one of them is."""
    ordered, last = sorted(values), len(values) - 1
    low, half, high = (
        (ordered[math.floor(share * last)] + ordered[math.ceil(share * last)]) / 2 for share in (0.25, 0.5, 0.75)
    )
    return f"{half:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def report(table: str, arms: dict[str, list[Found]]) -> None:
    """A line an arm."""
    whole = [sum(found["seconds"]) for found in arms[CONTROL]]
    for arm, of_seeds in arms.items():
        cells = [Path(table.rsplit(":", 1)[0]).name, arm, str(len(of_seeds))]
        for place in range(2):
            targets = [sorted(found["losses"])[place] for found in arms[CONTROL]]
            reached = [until(found, target) for found, target in zip(of_seeds, targets, strict=True)]
            shares = [s / whole_s for (_, s), whole_s in zip(reached, whole, strict=True)]
            cells += [middle([n for n, _ in reached], 0), middle(shares, 2)]
        cells.append(middle([sum(found["seconds"]) / s for found, s in zip(of_seeds, whole, strict=True)], 2))
        pairs = zip(of_seeds, arms[CONTROL], strict=True)
        cells.append(middle([min(found["losses"]) / min(control["losses"]) for found, control in pairs], 3))
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Run what is missing, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", metavar="FILE:TARGET")
    parser.add_argument("--arms", nargs="+", default=[CONTROL, "random/asha", "tpe/none", "tpe/asha"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("searches.jsonl"))
    given = parser.parse_args()
    lines = given.out.read_text(encoding="utf-8").splitlines() if given.out.exists() else []
    known = {tuple(one["key"]): one for one in map(json.loads, lines)}
    for seed in range(given.seeds):  # seed by seed, so that a benchmark that is cut short has something of all
        for table in given.tables:
            for arm in given.arms:
                key = (table, arm, seed, given.rows, given.trials)
                if key in known:
                    continue
                found = searched(table, arm, seed=seed, n_rows=given.rows, n_trials=given.trials)
                known[key] = {"key": key, **found}
                with given.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(known[key]) + "\n")
    print(
        "| table | sampler/pruner | seeds | trials to random's best | training to it | trials to its second | training "
        "to it | training in all | best, of random's |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for table in given.tables:
        of = {arm: [known[table, arm, seed, given.rows, given.trials] for seed in range(given.seeds)]
              for arm in given.arms}  # fmt: skip
        report(table, of)


if __name__ == "__main__":
    main()
