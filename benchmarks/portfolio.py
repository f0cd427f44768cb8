"""Whether points that were good on many tables are worth beginning with on another one.

    python benchmarks/portfolio.py runs/a runs/b ... [--points 2 3 4 5]

Runs of one space and seed begin with the same points, whatever the table: those that all runs tried are compared. A
point's regret on a table is how far its validation score is from the best of them, where the median one is 1. Points
are taken greedily, each the one that most lowers the mean over tables of the least regret in hand; the default is in
hand from the start. Printed: what a portfolio chosen on all tables but one leaves on that one, beside the default alone
and as many points drawn at random. A pruned trial counts with what it had reached.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.folder.reader import StoredRun, load
from ffsearch.search.folder.trial_record import TrialRecord

Regrets = NDArray[np.float64]
"""Shape (n_points, n_tables)."""


def common_points(runs: Sequence[StoredRun]) -> list[list[TrialRecord]]:
    """The points that every run has a score of, each with its record in each run; the default first."""
    by_run = [{one.point.identity: one for one in run.records if one.value is not None} for run in runs]
    first = sorted(by_run[0].values(), key=lambda record: record.trial)
    identities = [record.point.identity for record in first]
    return [[of[one] for of in by_run] for one in identities if all(one in of for of in by_run)]


def regrets(points: Sequence[Sequence[TrialRecord]], runs: Sequence[StoredRun]) -> Regrets:
    """How far each point is from the best on each table, where the median point is 1; at most 2."""
    signs = [run.results.objective.sign for run in runs]
    losses = np.array(signs) * np.array([[record.value for record in of_point] for of_point in points], dtype=float)
    above = losses - losses.min(axis=0)
    return np.minimum(above / np.median(above, axis=0), 2.0)


def greedy(regret: Regrets, n_points: int) -> list[int]:
    """The points taken, in their order; 0 is the default, which is in hand."""
    taken: list[int] = []
    for _ in range(n_points):
        in_hand = regret[[0, *taken]].min(axis=0)
        left = [point for point in range(1, len(regret)) if point not in taken]
        taken.append(min(left, key=lambda point: float(np.minimum(in_hand, regret[point]).mean())))
    return taken


def left_out(regret: Regrets, n_points: int) -> Mapping[str, float]:
    """Mean least regret on tables that chose nothing: of the default, of points drawn at random, of the portfolio."""
    tables = range(regret.shape[1])
    chosen = [greedy(np.delete(regret, table, axis=1), n_points) for table in tables]
    drawn = [regret[[0, *points]].min(axis=0).mean() for points in combinations(range(1, len(regret)), n_points)]
    ours = [regret[[0, *points], table].min() for table, points in zip(tables, chosen, strict=True)]
    return {"default": float(regret[0].mean()), "drawn": float(np.mean(drawn)), "portfolio": float(np.mean(ours))}


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--points", nargs="+", type=int, default=[2, 3, 4, 5])
    given = parser.parse_args()
    runs = [load(path) for path in given.runs]
    points = common_points(runs)
    regret = regrets(points, runs)
    print(f"{len(points)} points, {len(runs)} tables\n| points | default | drawn | portfolio |\n|---|---|---|---|")
    for n_points in given.points:
        found = left_out(regret, n_points)
        print(f"| {n_points} | {' | '.join(f'{value:.2f}' for value in found.values())} |")
    print("\nthe order in which they are taken, and the regret of each by itself")
    for place in greedy(regret, max(given.points)):
        record = points[place][0]
        print(f"{regret[place].mean():.2f}  {record.topology}, learning rate {record.point.learning_rate:.2g}")


if __name__ == "__main__":
    main()
