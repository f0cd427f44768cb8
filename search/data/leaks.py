"""Columns that give the answer away: one that alone predicts the target almost perfectly is named with its score.

Each column is asked alone, and every row is answered from other rows:

    number     the mean target of the rows nearest in value, those of equal value all together
    category   the mean target of the rows of the same level
    missing    the mean target of the rows where the column is missing too

where the target of a class is 1 in its own column and 0 in the others, and a number counts as it is and by its rank (a
few huge values would else decide alone). The score is the share of the target's variance that this explains, for
classes the Brier skill. It needs no training and no chance but a sample of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.search.base.seeds import Purpose, generator
from ffsearch.search.network.heads import Task
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

if TYPE_CHECKING:
    from ffsearch.search.data.prepare import Prepared

__all__ = ["find_leaks"]

ALMOST_ALL: Final = 0.9
"""Share of the target's variance from which on a column is named.

choice: above the strongest honest column of every table tried (iris .86 petal length, shuttle .77 A1, breast cancer
.73 worst perimeter, bike .63 hr, mv .50 x6), below what leaks (parkinsons .92 motor_UPDRS, energy .96 the other load, a
copy with 2 % of its classes wrong .92).
"""

N_ERRORS: Final = 2
"""Standard errors that come off the share first. choice: 95 %; one iris split in 30 gives petal length .92."""

NO_COPY_SHARE: Final = 0.5
"""A column of fewer different values than this share of the target's cannot be a copy of it, and is asked for more.

choice: twelve building shapes explain .89 of a cooling load (energy), 42 patients .89 of a score, and leak nothing.
"""

ALMOST_ALL_OF_FEW: Final = 0.99
"""What such a column must explain to be named. choice: a target that was rounded or cut into classes does."""

N_NEAREST: Final = 10
"""Rows nearest in value. choice: their mean has a tenth of a row's noise, and they are near in 100 rows already."""

MIN_ROWS_TO_LEAK: Final = 50
"""Fewer rows say nothing. choice: five times the neighbours; below it good luck explains a lot."""

MAX_ROWS: Final = 20_000
"""Rows looked at. choice: an error of the score below .005, and a table of 14 columns takes a fraction of a second."""

MAX_CELLS: Final = 30_000_000
"""Rows times columns times targets looked at. choice: about two seconds; wider tables are judged on fewer rows."""

_SAMPLE: Final = 0
"""Key of the seed that draws the sample."""


@dataclass(frozen=True)
class _Question:
    """What each column is asked for: a target in one of its forms (`classes`, `numbers`, `ranks`).

    `y` has shape (n_rows, n_outputs).
    """

    target: str
    y: NDArray[np.float64]
    form: str

    @property
    def n_values(self) -> int:
        """Different values of a number; of classes only two matter."""
        return len(np.unique(self.y)) if self.y.shape[1] == 1 and self.form != "classes" else 2


def find_leaks(prepared: Prepared, *, seed: int) -> tuple[Finding, ...]:
    """The used columns that alone predict a target almost perfectly, best first; the sealed test part is not read.

    Args:
        prepared: The table.
        seed: The run's seed; it draws the rows where there are too many.

    Returns:
        One leak a column and target, empty where there are too few rows to tell; its `score` is the accuracy, or R2 of
        the numbers or of their ranks, on rows that were answered from others.
    """
    n_rows = len(prepared.development_rows)
    n_outputs = max(1, len(prepared.head.labels) if prepared.head.task is Task.MULTICLASS else prepared.head.n_outputs)
    n_looked_at = min(n_rows, MAX_ROWS, MAX_CELLS // (n_outputs * max(1, len(prepared.raw))))
    if n_looked_at < MIN_ROWS_TO_LEAK:
        return ()
    rows = generator(seed, Purpose.CONTROL, _SAMPLE).permutation(n_rows)[:n_looked_at]
    questions = _questions(prepared, prepared.truth[rows])
    leaks = [
        (-score, name, leak)
        for name, cells in prepared.raw.items()
        if cells.ndim == 1 and (order := _Neighbours.of(cells[rows])) is not None  # images have two axes
        for score, leak in _leaks_of(name, order, questions)
    ]
    return tuple(leak for *_, leak in sorted(leaks, key=lambda one: one[:2]))


def _questions(prepared: Prepared, truth: NDArray[Any]) -> list[_Question]:
    names = prepared.head.target_names
    if prepared.head.task is Task.BINARY:
        return [_Question(names[0], truth[:, None].astype(np.float64), "classes")]
    if prepared.head.task is Task.MULTICLASS:
        return [_Question(names[0], np.eye(len(prepared.head.labels))[truth], "classes")]
    ranks = pd.DataFrame(truth).rank().to_numpy()
    return [
        _Question(name, values[:, [place]], form)
        for place, name in enumerate(names)
        for form, values in (("numbers", truth), ("ranks", ranks))
    ]


def _leaks_of(name: str, neighbours: _Neighbours, questions: Sequence[_Question]) -> list[tuple[float, Finding]]:
    """At most one leak a target with its score: its first form in which the column explains enough."""
    leaks: dict[str, tuple[float, Finding]] = {}
    for question in questions:
        if question.target in leaks:
            continue
        predictions = neighbours.means(question.y)
        few = neighbours.n_values < NO_COPY_SHARE * question.n_values
        low, explained = _explained(question.y, predictions)
        if low < (ALMOST_ALL_OF_FEW if few else ALMOST_ALL):
            continue
        score, told = explained, {}
        if question.form == "classes":
            score, told["otherwise"] = _accuracy(question.y, predictions)
        leak = found(Code.LEAK, question.form, column=name, target=question.target, score=score, **told)
        leaks[question.target] = (score, leak)
    return list(leaks.values())


@dataclass(frozen=True)
class _Neighbours:
    """Who answers for whom: the rows in the order of a column, and for each place the range of places that answers it.

    Args:
        order: Rows in the order of their values, missing ones last, shape (n_rows,).
        first: First place of each place's range, shape (n_rows,).
        last: The place behind its last, shape (n_rows,).
        n_values: Different values.
    """

    order: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    n_values: int

    @classmethod
    def of(cls, cells: NDArray[Any]) -> _Neighbours | None:
        """The neighbours by one column; None if it has but one value.

        Args:
            cells: Float numbers, NaN where missing, or texts, shape (n_rows,).
        """
        is_number = cells.dtype != object
        keys = cells if is_number else pd.factorize(cells)[0]
        order = np.argsort(keys, kind="stable")  # NaN comes last
        ordered = keys[order]
        is_new = np.append(True, (ordered[1:] != ordered[:-1]) & ~(np.isnan(ordered[1:]) & np.isnan(ordered[:-1])))
        starts = np.flatnonzero(is_new)
        ends = np.append(starts[1:], len(cells))
        group = np.cumsum(is_new) - 1
        if len(starts) < 2:
            return None
        first, last = starts[group], ends[group]
        if is_number:
            places, n_present = np.arange(len(cells)), int((~np.isnan(ordered)).sum())
            half = N_NEAREST // 2
            left = np.clip(places - half, 0, max(0, n_present - 1))
            right = np.clip(places + half, 0, max(0, n_present - 1))
            is_present = places < n_present
            first = np.where(is_present, starts[group[left]], first)
            last = np.where(is_present, ends[group[right]], last)
        return cls(order, first, last, len(starts))

    def means(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean target of every row's neighbours, itself left out; the mean of all where it has none.

        Args:
            y: Targets, shape (n_rows, n_outputs).
        """
        everywhere = y.mean(axis=0)
        centred = (y - everywhere)[self.order]  # sums of small numbers keep their digits
        sums = np.vstack([np.zeros((1, y.shape[1])), np.cumsum(centred, axis=0)])
        n_others = (self.last - self.first - 1)[:, None]
        means = (sums[self.last] - sums[self.first] - centred) / np.maximum(n_others, 1)
        predictions = np.empty_like(y)
        predictions[self.order] = np.where(n_others > 0, means, 0.0) + everywhere
        return predictions


def _explained(y: NDArray[np.float64], predictions: NDArray[np.float64]) -> tuple[float, float]:
    """The share of the variance explained, less two standard errors over rows, and as it is."""
    error = np.square(y - predictions).sum(axis=1)
    variance = float(np.square(y - y.mean(axis=0)).sum(axis=1).mean())
    if variance == 0.0:
        return 0.0, 0.0
    explained = 1.0 - float(error.mean()) / variance
    return explained - N_ERRORS * float(error.std()) / variance / len(y) ** 0.5, explained


def _accuracy(y: NDArray[np.float64], predictions: NDArray[np.float64]) -> tuple[float, float]:
    """The share of rows whose class is found, and that of the most frequent class."""
    if y.shape[1] == 1:
        y, predictions = np.hstack([1 - y, y]), np.hstack([1 - predictions, predictions])
    return float((predictions.argmax(axis=1) == y.argmax(axis=1)).mean()), float(y.mean(axis=0).max())
