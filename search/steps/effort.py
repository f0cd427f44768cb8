"""How much evidence takes, and how much of it is affordable: the same on every machine, at any moment.

What is done must not depend on the clock, or the same command would answer otherwise when the machine is busy. So costs
are counted from rows, columns and networks alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from ffsearch.search.data.features.problem import Problem
from ffsearch.search.evidence.baseline_models.baselines import BaselineName
from ffsearch.search.evidence.baseline_models.boosted_trees import (
    MAX_BOOSTING_CELLS,
    SEARCH_FITS,
    n_judged_rows,
    tree_cells,
    tree_columns,
)
from ffsearch.search.evidence.baseline_models.linear_model import MAX_LINEAR_CELLS, n_products
from ffsearch.search.evidence.baseline_models.rivals import largest_rows, n_judges
from ffsearch.search.evidence.effects import Partner, at_rates
from ffsearch.search.network.heads import Task
from ffsearch.search.network.points import Parameters
from ffsearch.search.network.topology import Point, layer_sizes
from ffsearch.search.training.batches import batches_per_epoch
from ffsearch.search.training.costs import update_seconds

__all__ = [
    "LONG_S",
    "affordable_partners",
    "baseline_seconds",
    "baseline_splits",
    "seconds_of_baseline",
    "split_seconds",
]

MAX_CELLS: Final = 4_000_000
"""Training cells (rows x features x classes) of all splits together that baselines learn from, beyond `MIN_SPLITS`.

choice: some 20 seconds for all of them; the sealed test, where all answer, decides more than a further split.
"""

MIN_SPLITS: Final = 2
"""Splits that are used whatever they cost: one has no spread."""

LINEAR_S: Final = 8e-7
"""Seconds of the linear model a cell of the matrix, for all its strengths, times classes.

Source: our measurement on two busy cores, 2e-7 (California), 3e-7 (letter), 4e-7 (adult); twice that, for a budget that
is kept.
"""

TREES_S: Final = 1e-5
"""Seconds of boosting a cell as trees read it, times classes. Source: the same, 3e-6 (adult), 9e-6 (letter), 1e-5
(California)."""

WIDE_TREES_S: Final = 1e-6
"""Seconds of boosting a cell of `tree_cells`, which counts what leaves cost where columns are many: a hundred trees."""

MOST_TREES_S: Final = 200.0
"""Seconds of boosting at most: `baselines.MAX_GROWN_CELLS` at 10 ns."""

EFFECTS_SHARE: Final = 0.06
"""Share of the search's training that single changes may cost by themselves, by what `costs.py` counts.

choice: all evidence is to stay below 40 %. A count of 0.1 took 15 % of the processor time of a search of 100 trials on
adult, with lanes that had to be traced; with those of today all evidence takes 35 % of the time of such a search.
"""

LONG_S: Final = 120.0
"""Seconds from which on a step says, as it begins, that it takes long. Choice: a quiet minute or two worries nobody."""

CHEAP_S: Final = 20.0
"""Seconds of training that are little whatever the search took."""


def baseline_splits(problem: Problem, n_repeats: int) -> int:
    """How many of the repeats' splits baselines learn from: all, on large tables the first of them."""
    return min(n_repeats, max(MIN_SPLITS, MAX_CELLS // max(1, _cells(problem))))


def baseline_seconds(problem: Problem, n_repeats: int) -> float:
    """About how long all baselines take, on their splits and on all development rows."""
    return sum(seconds_of_baseline(problem, name, n_repeats) for name in BaselineName)


def seconds_of_baseline(problem: Problem, name: BaselineName, n_repeats: int) -> float:
    """About how long one baseline takes."""
    n_fits = baseline_splits(problem, n_repeats) + 1
    return n_fits * split_seconds(problem, name) + _search_seconds(problem, name)


def _search_seconds(problem: Problem, name: BaselineName) -> float:
    """About how long a baseline takes to compare its settings."""
    n_train = len(problem.splits[0].x_train)
    match name:
        case BaselineName.DUMMY:
            return 0.0
        case BaselineName.LINEAR:
            n_columns = problem.n_features + n_products(problem, n_rows=n_train)
            return (n_columns / problem.n_features - 1) * split_seconds(problem, name)
        case BaselineName.BOOSTING:
            n_rows = min(n_train, n_judged_rows(problem))
            share = n_rows / n_train * n_judges(problem.splits)
            return SEARCH_FITS * share * split_seconds(problem, name)


def split_seconds(problem: Problem, name: BaselineName) -> float:
    """About how long a baseline takes to learn from one split, or from all development rows."""
    match name:
        case BaselineName.DUMMY:
            return 0.0
        case BaselineName.LINEAR:
            return LINEAR_S * min(_cells(problem), MAX_LINEAR_CELLS)
        case BaselineName.BOOSTING:
            n_rows, n_columns = len(problem.splits[0].x_train), tree_columns(problem.matrix_columns)
            n_rows = min(n_rows, largest_rows(n_columns, MAX_BOOSTING_CELLS))
            seconds = max(TREES_S * n_rows * n_columns, WIDE_TREES_S * tree_cells(n_rows, n_columns))
            return min(seconds * _n_classes(problem), MOST_TREES_S)


def affordable_partners(
    winner: Point,
    possible: Sequence[Partner],
    *,
    parameters: Parameters,
    n_repeats: int,
    n_epochs: int,
    searched: Iterable[tuple[Point, int]],
    problem: Problem,
    batch_size: int,
) -> tuple[tuple[Partner, ...], bool]:
    """The first partners, as many as take little time beside the search.

    A deeper and a wider one are to be tried at further learning rates, each once. That goes before other changes, but
    not before these two themselves.

    Args:
        winner: Trained beside them.
        possible: All of them, the most asked for first.
        parameters: The space, whose learning rates those are.
        n_repeats: How often each is trained.
        n_epochs: How long, about.
        searched: Points of the search with the epochs each was trained.
        problem: What is learnt.
        batch_size: Rows an update.

    Returns:
        The partners, and whether there is time for the further rates of those among them that have some.
    """

    def seconds(point: Point, n_epochs: int) -> float:
        n_updates = n_epochs * batches_per_epoch(len(problem.splits[0].x_train), batch_size=batch_size)
        n_features = problem.seen_by(point).n_features
        return n_updates * update_seconds(layer_sizes(point), n_features=n_features, batch_size=batch_size)

    def first_within(left_s: float) -> tuple[Partner, ...]:
        costs = np.cumsum([n_repeats * seconds(one.point, n_epochs) for one in possible])
        return tuple(possible[: int(np.searchsorted(costs, left_s, side="right"))])

    left_s = max(CHEAP_S, EFFECTS_SHARE * sum(seconds(point, n) for point, n in searched))
    left_s -= n_repeats * seconds(winner, n_epochs)
    found = first_within(left_s)
    with_rates = [one for one in found if len(at_rates(one, parameters)) > 1]
    further_s = sum(len(at_rates(one, parameters)) * seconds(one.point, n_epochs) for one in with_rates)
    after = first_within(left_s - further_s)
    return (after, True) if set(with_rates) <= set(after) else (found, False)


def _cells(problem: Problem) -> int:
    return len(problem.splits[0].x_train) * problem.n_features * _n_classes(problem)


def _n_classes(problem: Problem) -> int:
    return len(problem.head.labels) if problem.head.task is Task.MULTICLASS else 1
