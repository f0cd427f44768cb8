"""Which columns of the table carry the answer: what is lost where a column is shuffled, on rows nobody learnt from.

    sealed rows -> a column's cells dealt anew among the rows -> predictions -> what every row loses by it

Cells are dealt in the matrix that a model reads, where each column of the table has columns of its own: nothing is
read or scaled again. A shuffled column keeps its values and tells nothing of its row. What the model loses by that is
what it takes from the column; columns that go together are shuffled together as well, for each may stand in for the
others. The interval is that of a paired difference over rows; beside it stands how far shufflings of one column
scatter, which is what chance alone does.

Sources: Breiman 2001, *Random forests*, section 10; Fisher, Rudin, Dominici 2019, *All models are wrong, but many are
useful*; Apley and Zhu 2020, *Visualizing the effects of predictor variables in black box supervised learning models*,
for accumulated local effects.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import TWO_SIDED
from ffsearch.search.evidence.errors_seen import row_losses
from ffsearch.search.evidence.intervals import mean_estimate
from ffsearch.search.evidence.metrics import RowWeight
from ffsearch.search.evidence.terms import mean_influences
from ffsearch.search.evidence.units import Units
from ffsearch.search.folder.results import ColumnImportance, DependenceCurve
from ffsearch.search.network.heads import Task

__all__ = ["AskedModel", "alike", "column_importances", "dependence", "least_useful", "looked_at"]

Raw = Mapping[str, NDArray[Any]]
Predict = Callable[[Raw], NDArray[Any]]

MAX_ROWS: Final = 2_000
"""Sealed rows that are asked. Choice: an interval of a fortieth of a spread, in seconds."""

MAX_COLUMNS: Final = 60
"""Columns that are looked at closely. Choice: more than a page shows; of wider tables a first look chooses them."""

FIRST_LOOK: Final = 256
"""Rows of the first look at a wide table, which have no part in what is found later."""

ONE_BY_ONE: Final = 200
"""Columns that the first look shuffles one by one; of more, it shuffles groups, and leaves out those that lose least.

Choice: the columns of a table of 10,000 are asked a few hundred times then, and not 10,000 times.
"""

N_GROUPS: Final = 64
"""Groups of columns that are shuffled together. Choice: the better half of them holds what some thirty columns say."""

SHUFFLES: Final = (5, 20)
"""Fewest and most shufflings of a column. Choice: with few rows they cost nothing."""

ROWS_ASKED: Final = 10_000
"""Rows that all shufflings of a column ask together, as far as `SHUFFLES` lets them. Choice: twice as many took 14 % of
the processor time of a run of 20 trials on adult."""

ROWS_IN_ALL: Final = 200_000
"""Rows that all columns ask together, likewise. Choice: those of 20 columns, for the networks of a wide table are not
trained for longer."""

CELLS_ASKED: Final = 4_000_000
"""Rows times columns that all shufflings of a column ask together, as far as `SHUFFLES` lets them. Choice: half a
second, so that wide tables take a minute."""

ALIKE: Final = 0.9
"""Rank correlation, of categories Cramer's V, from which columns go together. Choice: each tells nearly all of the
other."""

N_BINS: Final = 20
"""Stretches of a dependence curve, with as many rows each. Choice: as fine as a figure shows."""


@dataclass(frozen=True, kw_only=True)
class AskedModel:
    """A model, and the rows that it is asked for as it reads them.

    Args:
        x: Their matrix, shape (n_rows, n_features).
        places: By column of the table the columns of the matrix that are made of it.
        predict: From a matrix to what `metrics` wants.
    """

    x: NDArray[np.float32]
    places: Mapping[str, NDArray[np.intp]]
    predict: Callable[[NDArray[np.float32]], NDArray[Any]]

    def take(self, rows: NDArray[np.intp]) -> AskedModel:
        """The same for some of the rows."""
        return replace(self, x=self.x[rows])

    def dealt(self, together: Sequence[str], orders: NDArray[np.intp]) -> NDArray[Any]:
        """The predictions where columns are shuffled alike, all shufflings asked at once and one behind the other.

        Args:
            together: The columns.
            orders: From which row each one gets its cells, shape (n_shuffles, n_rows).
        """
        x = np.tile(self.x, (len(orders), 1))
        places = np.concatenate([self.places[name] for name in together])
        x[:, places] = self.x[np.ix_(orders.ravel(), places)]
        return self.predict(x)


def looked_at(n_rows: int, *, rng: np.random.Generator) -> NDArray[np.intp]:
    """Places of the rows that are asked: all, or some of them drawn by chance, in their order."""
    return np.arange(n_rows) if n_rows <= MAX_ROWS else np.sort(rng.choice(n_rows, MAX_ROWS, replace=False))


def alike(raw: Raw) -> list[tuple[str, ...]]:
    """Columns that go together, in groups of two or more: each is linked with another of its group.

    Args:
        raw: Columns of some rows, numbers as floats and categories as texts.
    """
    names = list(raw)
    linked = {name: {name} for name in names}
    numbers = [name for name in names if raw[name].dtype.kind == "f"]
    texts = [name for name in names if raw[name].dtype.kind != "f"]
    pairs = [*_pairs_of_numbers(raw, numbers), *_pairs_of_texts(raw, texts)]
    for one, other in pairs:
        both = linked[one] | linked[other]
        for name in both:
            linked[name] = both
    groups = dict.fromkeys(tuple(sorted(group, key=names.index)) for group in linked.values() if len(group) > 1)
    return list(groups)


def n_asked(n_rows: int, *, n_columns: int) -> int:
    """Predictions of a model that asking for all its columns takes, about: every one with its cells shuffled."""
    n_looked, n_close = min(n_rows, MAX_ROWS), min(n_columns, MAX_COLUMNS)
    return n_close * n_looked * _n_shuffles(n_looked, n_close, n_columns=n_columns)


def _n_shuffles(n_rows: int, n_close: int, *, n_columns: int) -> int:
    """How often each of the columns that are looked at closely is shuffled, in a table of so many columns."""
    n_asked = min(ROWS_ASKED, ROWS_IN_ALL // max(1, n_close), CELLS_ASKED // max(1, n_columns))
    return int(np.clip(n_asked // max(1, n_rows), *SHUFFLES))


def column_importances(
    raw: Raw,
    models: Mapping[str, AskedModel],
    *,
    task: Task,
    truth: NDArray[Any],
    units: Units,
    rng: np.random.Generator,
    weight: RowWeight = None,
) -> tuple[ColumnImportance, ...]:
    """What every column, and every group of columns that go together, is worth to each model.

    Args:
        raw: Columns of the rows that are asked, to see which go together.
        models: The network first; each with the same rows.
        task: What is predicted.
        truth: Of the same rows.
        units: What is independent among them.
        rng: Shuffles.
        weight: What each row weighs, shape (n_rows,); None: all alike.

    Returns:
        The most important for the network first.
    """
    first, *_ = models.values()
    columns, rows = list(raw), np.arange(len(units.numbers))
    n_columns = len(columns)
    if n_columns > MAX_COLUMNS:
        columns, rows = _first_look(columns, first, task=task, truth=truth, rng=rng, weight=weight)
        truth = truth[rows]
        models = {name: model.take(rows) for name, model in models.items()}
        weight = None if weight is None else weight[rows]
        units = Units.of_labels(units.kind, units.numbers[rows])
    n_rows = len(rows)
    n_shuffles = _n_shuffles(n_rows, len(columns), n_columns=n_columns)
    base = {name: row_losses(task, truth, model.predict(model.x)) for name, model in models.items()}
    known = [*((name,) for name in columns), *alike({name: raw[name][rows] for name in columns})]
    found = []
    for together in known:
        orders = np.stack([rng.permutation(n_rows) for _ in range(n_shuffles)])
        added = {
            name: _losses(model, together, orders, task=task, truth=truth) - base[name]
            for name, model in models.items()
        }
        estimates = {name: mean_estimate(lost.mean(axis=0), units=units, weight=weight) for name, lost in added.items()}
        network, *others = estimates
        means = np.average(added[network], axis=1, weights=weight)
        chance = TWO_SIDED * float(means.std(ddof=1))
        value = estimates[network]
        found.append(
            ColumnImportance(
                columns=together,
                network=value,
                chance=chance,
                is_useful=bool(value.low > 0 and value.value > chance / np.sqrt(n_shuffles)),
                others={name: estimates[name] for name in others},
            )
        )
    return tuple(sorted(found, key=lambda one: -one.network.value))


def least_useful(columns: Sequence[str], importances: Sequence[ColumnImportance]) -> tuple[str, ...]:
    """The least useful third of the columns, the least useful first.

    A column counts for as much as any group that it goes together with: of two that tell the same neither costs much by
    itself. Columns that a first look left out come first.

    Args:
        columns: All of them.
        importances: Of those that were looked at closely, and of groups.
    """
    worth = dict.fromkeys(columns, -math.inf)
    for one in importances:
        worth |= {name: max(worth[name], one.network.value) for name in one.columns}
    return tuple(sorted(columns, key=worth.__getitem__)[: len(columns) // 3])


def dependence(
    raw: Raw, columns: Sequence[str], predict: Predict, *, output: int, units: Units, weight: RowWeight = None
) -> tuple[DependenceCurve, ...]:
    """Accumulated local effects: how the answer changes along a column, all else as it is in the rows around.

    Args:
        raw: Columns of the rows that are asked.
        columns: Of numbers; those with fewer than three values have no curve.
        predict: From raw columns to answers, shape (n_rows, n_outputs).
        output: Which of the outputs.
        units: What is independent among the rows.
        weight: What each row weighs, shape (n_rows,); None: all alike.
    """
    found = []
    for name in columns:
        cells = raw[name].astype(np.float64)
        known = np.flatnonzero(np.isfinite(cells))
        edges = np.unique(np.quantile(cells[known], np.linspace(0, 1, N_BINS + 1))) if len(known) else np.zeros(0)
        if len(edges) < 3:
            continue
        place = np.clip(np.searchsorted(edges, cells[known], side="left") - 1, 0, len(edges) - 2)
        some = {other: values[known] for other, values in raw.items()}
        ends = [
            predict({**some, name: edges[place + step].astype(raw[name].dtype)})[:, output].astype(np.float64)
            for step in (0, 1)
        ]
        own = np.ones(len(known)) if weight is None else np.asarray(weight[known], np.float64)
        found.append(_curve(name, edges, place, ends[1] - ends[0], own, numbers=units.numbers[known]))
    return tuple(found)


def _curve(
    name: str,
    edges: NDArray[np.float64],
    place: NDArray[np.intp],
    step: NDArray[np.float64],
    own: NDArray[np.float64],
    *,
    numbers: NDArray[np.int64],
) -> DependenceCurve:
    """Steps added up from stretch to stretch, with mean zero over the rows; errors of stretches add by squares."""
    n_bins = len(edges) - 1
    totals = np.bincount(place, own, minlength=n_bins)
    means = np.bincount(place, own * step, minlength=n_bins) / np.where(totals > 0, totals, 1.0)
    members = [place == at for at in range(n_bins)]
    variances = np.array([_variance_of_mean(step[rows], own[rows], numbers[rows]) for rows in members])
    heights = np.concatenate([[0.0], np.cumsum(means)])
    spread = np.concatenate([[0.0], np.cumsum(variances)])
    shares = totals / totals.sum()
    middle = float((shares * (heights[:-1] + heights[1:]) / 2).sum())
    # The curve is fixed where its mean is zero; from there on its steps add up, to either side.
    centre = float(np.interp(0.5, np.concatenate([[0.0], np.cumsum(shares)]), spread))
    reach = TWO_SIDED * np.sqrt(np.abs(spread - centre))
    at = heights - middle
    return DependenceCurve(
        column=name, at=tuple(edges.tolist()), value=tuple(at.tolist()), low=tuple((at - reach).tolist()),
        high=tuple((at + reach).tolist()),
    )  # fmt: skip


def _variance_of_mean(values: NDArray[np.float64], weight: NDArray[np.float64], numbers: NDArray[np.int64]) -> float:
    """Of the weighted mean of some rows, by units."""
    n_units = len(np.unique(numbers))
    if n_units < 2:
        return 0.0
    _, unit = np.unique(numbers, return_inverse=True)
    added = mean_influences(values, weight)
    sums = np.bincount(unit, added - added.mean())
    return float(np.square(sums).sum() / len(values) ** 2 * n_units / (n_units - 1))


def _first_look(
    columns: Sequence[str],
    model: AskedModel,
    *,
    task: Task,
    truth: NDArray[Any],
    rng: np.random.Generator,
    weight: RowWeight,
) -> tuple[list[str], NDArray[np.intp]]:
    """The columns a few rows call the most important, and the rows that had no part in it."""
    order = rng.permutation(len(truth))
    seen, rest = np.sort(order[: min(FIRST_LOOK, len(truth) // 3)]), np.sort(order[min(FIRST_LOOK, len(truth) // 3) :])
    some, its = model.take(seen), truth[seen]
    own = None if weight is None else weight[seen]

    def lost(together: Sequence[str]) -> float:
        order = rng.permutation(len(seen))[None]
        return float(np.average(row_losses(task, its, some.dealt(together, order)), weights=own))

    names = list(columns)
    while len(names) > ONE_BY_ONE:
        dealt = [names[at] for at in rng.permutation(len(names))]
        groups = [dealt[at::N_GROUPS] for at in range(N_GROUPS)]
        losses = [lost(group) for group in groups]
        names = [name for at in np.argsort(losses)[::-1][: N_GROUPS // 2] for name in groups[at]]
    by_loss = sorted(((lost([name]), name) for name in names), key=lambda one: -one[0])
    return [name for _, name in by_loss[:MAX_COLUMNS]], rest


def _losses(
    model: AskedModel, together: Sequence[str], orders: NDArray[np.intp], *, task: Task, truth: NDArray[Any]
) -> NDArray[np.float64]:
    """Losses of all rows under every shuffling, shape (n_shuffles, n_rows)."""
    of_all = np.concatenate([truth] * len(orders))
    return row_losses(task, of_all, model.dealt(together, orders)).reshape(orders.shape)


def _pairs_of_numbers(raw: Raw, names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs whose ranks go together, missing cells in the middle."""
    if len(names) < 2:
        return []
    from scipy.stats import rankdata

    cells = np.column_stack([raw[name] for name in names]).astype(np.float64)
    middle = np.nanmedian(np.where(np.isfinite(cells).any(axis=0), cells, 0.0), axis=0)
    ranks = rankdata(np.where(np.isfinite(cells), cells, middle), axis=0)
    ranks -= ranks.mean(axis=0)
    lengths = np.sqrt(np.square(ranks).sum(axis=0))
    ranks /= np.where(lengths > 0, lengths, 1)
    strong = np.triu(np.abs(ranks.T @ ranks) >= ALIKE, 1)
    return [(names[one], names[other]) for one, other in np.argwhere(strong)]


def _pairs_of_texts(raw: Raw, names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of categories that tell each other, by Cramer's V."""
    coded = {name: np.unique(raw[name].astype(str), return_inverse=True)[1] for name in names}
    found = []
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            if _cramer(coded[one], coded[other]) >= ALIKE:
                found.append((one, other))
    return found


def _cramer(one: NDArray[np.intp], other: NDArray[np.intp]) -> float:
    """How far two categories tell each other, from 0 to 1."""
    shape = (int(one.max()) + 1, int(other.max()) + 1)
    least = min(shape) - 1
    if not least or shape[0] * shape[1] > len(one):  # levels of single rows tell each other by chance
        return 0.0
    table = np.zeros(shape)
    np.add.at(table, (one, other), 1)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / len(one)
    return float(np.sqrt((np.square(table - expected) / np.maximum(expected, 1e-12)).sum() / len(one) / least))
