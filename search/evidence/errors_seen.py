"""Where predictions go wrong: confused classes, residuals, and the slices of the table that are worst off."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import SIGNIFICANT
from ffsearch.search.evidence.comparison import holm
from ffsearch.search.evidence.intervals import mean_estimate
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.evidence.units import Units
from ffsearch.search.folder.results import Residuals, Shared, Slice
from ffsearch.search.network.heads import Task

__all__ = ["confusion", "residuals", "row_losses", "worst_slices"]

MIN_SLICE_ROWS: Final = 20
"""Fewest rows of a slice that is looked at. Choice: below it a mean loss is one or two rows' doing."""

N_QUANTILES: Final = 5
"""Slices of a number. Choice: fifths are large enough to compare and fine enough to show a bad end."""

MAX_SLICE_LEVELS: Final = 50
"""Most levels of a category, by rows, that become slices."""

N_POINTS: Final = 2_000
"""Most rows of a residual picture. Choice: more points only make ink."""

N_BANDS: Final = 10
"""Bands of predicted values whose residuals are summed up."""


def confusion(truth: NDArray[np.int64], answered: NDArray[np.intp], *, n_classes: int) -> NDArray[np.int64]:
    """Rows by true class (down) and answered class (across), shape (n_classes, n_classes); unknown classes left out."""
    known = truth >= 0
    cells = truth[known] * n_classes + answered[known]
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.int64)


def residuals(target: str, truth: NDArray[Any], predicted: NDArray[Any], *, rng: np.random.Generator) -> Residuals:
    """Residuals of one target against what was predicted.

    Args:
        target: Its name.
        truth: Shape (n_rows,).
        predicted: Shape (n_rows,).
        rng: Draws the rows that are shown one by one.
    """
    predicted = np.asarray(predicted, np.float64)
    residual = np.asarray(truth, np.float64) - predicted
    order = np.argsort(predicted, kind="stable")
    bands = [
        [float(np.median(predicted[rows])), *np.quantile(residual[rows], [0.05, 0.25, 0.5, 0.75, 0.95])]
        for rows in np.array_split(order, min(N_BANDS, len(order)))
    ]
    shown = np.sort(rng.permutation(len(order))[:N_POINTS])
    return Residuals(target=target, predicted=predicted[shown], residual=residual[shown], bands=np.array(bands))


def row_losses(task: Task, truth: NDArray[Any], predictions: NDArray[Any]) -> NDArray[np.float64]:
    """What every row loses, shape (n_rows,): log losses of classes, squared errors of numbers, mean over targets."""
    metric = "rmse" if task is Task.REGRESSION else "log_loss"
    return np.asarray(row_terms(task, metric, truth=truth, predictions=predictions).mean(axis=1, dtype=np.float64))


def worst_slices(
    losses: NDArray[np.float64],
    columns: Mapping[str, NDArray[Any]],
    *,
    units: Units | None = None,
    n_slices: int = 10,
) -> tuple[Slice, ...]:
    """The slices with the highest mean loss beside all other rows, surest first; chance is allowed for over all slices.

    A category gives a slice a level, a number or a date one a fifth of its values (one a value where they are few),
    all one for missing cells.

    Args:
        losses: Of every row, shape (n_rows,): squared errors, log losses, misses.
        columns: Raw columns of the same rows, as `raw_inputs` gives them; dates as moments.
        units: What is independent; None: every row by itself.
        n_slices: How many to give at most.
    """
    units = units or Units.of_rows(len(losses))
    found = [(column, told, rows) for column, cells in columns.items() for told, rows in _slices(cells)]
    found = [one for one in found if MIN_SLICE_ROWS <= one[2].sum() <= len(losses) - MIN_SLICE_ROWS]
    if not found:
        return ()
    p_values = holm([_p_value(losses, rows, units) for _, _, rows in found])
    worse = [
        (p_value, excess, column, told, rows)
        for (column, told, rows), p_value in zip(found, p_values, strict=True)
        if (excess := float(losses[rows].mean() - losses[~rows].mean())) > 0
    ]
    return tuple(
        Slice(
            column=column,
            rows=told,
            n_rows=int(rows.sum()),
            **vars(mean_estimate(losses[rows], units=units.of(rows))),
            excess=excess,
            p_value=p_value,
            is_worse=p_value < SIGNIFICANT,
        )
        for p_value, excess, column, told, rows in sorted(worse, key=lambda one: (one[0], -one[1], one[2]))[:n_slices]
    )


def _slices(cells: NDArray[Any]) -> Iterator[tuple[Shared, NDArray[np.bool_]]]:
    if cells.ndim > 1:  # an image has no slices
        return
    if cells.dtype == object:
        levels, counts = np.unique(cells.astype(str), return_counts=True)
        for level in levels[np.argsort(-counts, kind="stable")][:MAX_SLICE_LEVELS]:
            yield str(level) or None, cells == level
        return
    are_dates = cells.dtype.kind == "M"
    missing = np.isnat(cells) if are_dates else np.isnan(cells)
    yield None, missing
    if missing.all():
        return

    def told(value: Any) -> str | float:
        return str(np.datetime_as_string(value, unit="D")) if are_dates else float(value)

    distinct = np.unique(cells[~missing])
    if len(distinct) <= N_QUANTILES:
        for value in distinct:
            yield told(value), cells == value
        return
    numbers = cells.astype(np.int64) if are_dates else cells
    edges = np.unique(np.quantile(numbers[~missing].astype(np.float64), np.linspace(0, 1, N_QUANTILES + 1)))
    place = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, max(0, len(edges) - 2))
    for number in np.unique(place[~missing]):
        rows = ~missing & (place == number)
        yield (told(cells[rows].min()), told(cells[rows].max())), rows


def _p_value(losses: NDArray[np.float64], rows: NDArray[np.bool_], units: Units) -> float:
    """Whether some rows lose more than all others, by what every unit adds to the difference; 1 where nothing varies.

    Source: Welch's test, of which this is the form where rows are units. A column that is constant in a group splits
    groups, not rows: the degrees are those of the side with fewer units.
    """
    from scipy.special import stdtr

    value = float(losses[rows].mean() - losses[~rows].mean())
    added = np.zeros(units.n_units)
    degrees, variances = [], []
    for side, sign in ((rows, 1), (~rows, -1)):
        own = np.bincount(units.numbers[side], losses[side] - losses[side].mean(), minlength=units.n_units)
        n_units = len(np.unique(units.numbers[side]))
        if n_units < 2:
            return 1.0
        scaled = sign * own * math.sqrt(n_units / (n_units - 1)) / side.sum()
        added += scaled
        degrees.append(n_units - 1)
        variances.append(float(np.square(scaled).sum()))
    error = math.sqrt(np.square(added).sum())
    if not error > 0:
        return 1.0 if value == 0 else 0.0
    welch = sum(variances) ** 2 / sum(one**2 / n for one, n in zip(variances, degrees, strict=True))
    return 2 * float(stdtr(welch if units.are_rows else min(degrees), -abs(value) / error))
