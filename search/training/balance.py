"""Classes of unequal size made to count alike: weights, the rows an epoch reads, and synthetic rows.

    none          every row once an epoch
    class_weight  every row once; the loss of a row weighs n / (n_classes * rows of its class), mean 1
    oversample    as many rows an epoch as there are, as many of each class: rows of a small class several times, of a
                  large one a part, other ones each epoch
    undersample   of each class as many rows an epoch as the smallest class has, other ones each epoch: a short epoch
    smote         small classes get synthetic rows until each has its share; then as oversample

Where rows weigh by themselves, classes are made to count alike by weight: a row's own weight and that of its class are
multiplied. Rows are drawn whatever they weigh and then count by their share of their class' mean weight, and a
synthetic row, which lies between rows of any weight, counts as that mean.

Only training rows of one split are looked at. What is decided here serves both trainers and the refit, so their
numbers agree.

DIFFERS: imbalanced-learn's samplers bring every class to the size of the largest one, once, which makes an epoch longer
the more unequal classes are. Here an epoch keeps its number of updates, so that patience, pruning and the budget mean
the same for every candidate; over some epochs the same rows are read.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.seeds import Purpose, Stream, integer, stream
from ffsearch.search.data.features.problem import MatrixColumns, Role
from ffsearch.search.network.topology import Balance
from ffsearch.search.training.batches import epoch_order

__all__ = ["BalancedRows", "class_numbers", "class_weights", "draw_order", "rows_per_epoch", "synthetic_rows"]

N_NEIGHBOURS: Final = 5
"""Rows between which and a row a synthetic one may lie. Source: Chawla et al. 2002, SMOTE, section 4.2."""

MAX_PARENTS: Final = 10_000
"""Rows of a class between which synthetic ones may lie. choice: their neighbours are found in seconds."""


class BalancedRows:
    """The training rows of one split under one balance: what lies in memory, and what each epoch reads of it.

    Args:
        x: Matrix, shape (n_rows, n_features).
        y: Targets as a `Split` holds them.
        weight: Of each row, mean 1, shape (n_rows,); None when all count alike.
        balance: How classes are made to count alike.
        columns: What the columns of the matrix are.

    Attributes:
        x: The matrix, synthetic rows last.
        y: Their targets.
        weight: Of each row in the loss, shape (len(x),), or None.
        n_rows: Rows an epoch reads.
    """

    def __init__(
        self,
        x: NDArray[np.float32],
        y: NDArray[Any],
        *,
        weight: NDArray[np.float32] | None = None,
        balance: Balance,
        columns: MatrixColumns,
    ) -> None:
        self._balance = balance
        self._classes = None if balance is Balance.NONE else class_numbers(y)
        self.x, self.y, self.weight = x, y, weight
        self.n_rows = rows_per_epoch(y, balance)
        if self._classes is None:
            return
        n_own = len(self._classes)
        if balance is Balance.SMOTE:
            new_x, new_classes = synthetic_rows(x, self._classes, columns=columns)
            self.x = np.concatenate([x, new_x])
            self.y = np.concatenate([y, new_classes.astype(y.dtype).reshape(-1, *y.shape[1:])])
            self._classes = np.concatenate([self._classes, new_classes])
        if balance is Balance.CLASS_WEIGHT:
            self.weight = class_weights(self._classes, weight)
        elif weight is not None:
            shares = weight / _class_means(weight, self._classes[:n_own])
            self.weight = np.append(shares, np.ones(len(self._classes) - n_own)).astype(np.float32)

    def order(self, seed: np.random.SeedSequence, epoch: int) -> NDArray[np.int32]:
        """The rows in the order of one epoch, int32 (n_rows,); it depends on the seed and the epoch alone.

        Args:
            seed: The job's seed.
            epoch: Number of the epoch, counted from 1.
        """
        if self._balance in (Balance.NONE, Balance.CLASS_WEIGHT):
            return epoch_order(seed, epoch, n_rows=self.n_rows)
        assert self._classes is not None
        generator = np.random.default_rng(stream(seed, Stream.ORDER, epoch))
        return draw_order(self._classes, self.n_rows, generator=generator)


def _class_means(weight: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean weight of each row's class, shape (n_rows,)."""
    return np.asarray((np.bincount(classes, weights=weight) / np.maximum(np.bincount(classes), 1))[classes])


def class_numbers(y: NDArray[Any]) -> NDArray[np.int64]:
    """Number of each row's class, shape (n_rows,), from targets as a `Split` holds them."""
    return y.reshape(len(y)).astype(np.int64)


def rows_per_epoch(y: NDArray[Any], balance: Balance) -> int:
    """Rows an epoch reads: all there are, or of every class as many as the smallest has."""
    if balance is not Balance.UNDERSAMPLE:
        return len(y)
    _, counts = np.unique(class_numbers(y), return_counts=True)
    return int(counts.min() * len(counts))


def class_weights(classes: NDArray[np.int64], weight: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Weights by which all classes that are there count alike, mean 1, shape (n_rows,).

    Source: King and Zeng 2001, Logistic regression in rare events data; scikit-learn calls it balanced.

    Args:
        classes: Number of each row's class.
        weight: What each row weighs otherwise.
    """
    own = np.ones(len(classes)) if weight is None else weight.astype(np.float64)
    totals = np.bincount(classes, weights=own)
    weighty = totals[classes] > 0
    factor = np.where(weighty, own.sum() / ((totals > 0).sum() * np.where(weighty, totals[classes], 1.0)), 0.0)
    return (own * factor).astype(np.float32)


def draw_order(classes: NDArray[np.int64], n_rows: int, *, generator: np.random.Generator) -> NDArray[np.int32]:
    """Rows in a random order, as many of each class, up to one; no row once more than another of its class.

    Args:
        classes: Number of each row's class.
        n_rows: How many rows to draw.
        generator: Where they are drawn from.

    Returns:
        int32 (n_rows,).
    """
    present = np.unique(classes)
    shares = np.full(len(present), n_rows // len(present))
    shares[generator.permutation(len(present))[: n_rows % len(present)]] += 1
    drawn = []
    for label, share in zip(present, shares, strict=True):
        members = np.flatnonzero(classes == label).astype(np.int32)
        whole, rest = divmod(int(share), len(members))
        drawn += [np.tile(members, whole), generator.permutation(members)[:rest]]
    rows = np.concatenate(drawn)
    generator.shuffle(rows)
    return rows


# --- synthetic rows --------------------------------------------------------------------------------------------------


def synthetic_rows(
    x: NDArray[np.float32], classes: NDArray[np.int64], *, columns: MatrixColumns
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Rows that bring every class to an equal share of the rows: SMOTE, or SMOTENC where there are categories.

    Source: Chawla et al. 2002, SMOTE: a synthetic row lies between a row and one of the nearest rows of its class, and
    has the categories that most of these have. A class of one row has no neighbour, and is left as it is.

    The same rows always give the same synthetic ones: like a split they belong to the data, and all trials share them.

    Args:
        x: Matrix of training rows, shape (n_rows, n_features).
        classes: Number of each row's class.
        columns: What the columns of the matrix are.

    Returns:
        The new rows (n_new, n_features) and their classes (n_new,).
    """
    present, counts = np.unique(classes, return_counts=True)
    share = -(-len(classes) // len(present))
    missing = {int(label): int(share - count) for label, count in zip(present, counts, strict=True) if count < share}
    parents = _parents(classes)
    x, classes = x[parents], classes[parents]
    n_parents = np.bincount(classes)
    cells = _Cells(x, columns)
    made = [np.empty((0, x.shape[1]), np.float32)]
    labels = [np.empty(0, np.int64)]
    for n_neighbours in range(1, N_NEIGHBOURS + 1):
        # One call for all classes of as many neighbours as there are: few have fewer than five.
        wanted = {
            label: int(n_parents[label]) + n_missing
            for label, n_missing in missing.items()
            if min(N_NEIGHBOURS, n_parents[label] - 1) == n_neighbours
        }
        if wanted:
            table, found = _sampler(cells, wanted, n_neighbours=n_neighbours).fit_resample(cells.table, classes)
            made.append(cells.matrix(table[len(x) :]))
            labels.append(np.asarray(found[len(x) :], np.int64))
    return np.concatenate(made), np.concatenate(labels)


def _parents(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows between which synthetic ones may lie: all, or of a large class some, ascending."""
    generator = np.random.default_rng(integer(0, Purpose.BALANCE))
    members = [np.flatnonzero(classes == label) for label in np.unique(classes)]
    return np.sort(np.concatenate([generator.permutation(rows)[:MAX_PARENTS] for rows in members]))


class _Cells:
    """Rows with one column a cell: numbers as they are, categories and missing flags as codes; and back.

    Args:
        x: Matrix of training rows.
        columns: What its columns are.
    """

    def __init__(self, x: NDArray[np.float32], columns: MatrixColumns) -> None:
        is_number = np.isin(columns.role, (Role.NUMBER, Role.BIN))
        self._numbers, rest = np.flatnonzero(is_number), np.flatnonzero(~is_number)
        by_cell = [rest[columns.cell[rest] == cell] for cell in np.unique(columns.cell[rest])]
        self._groups = [group for group in by_cell if np.ptp(x[:, group]) > 0]
        self._constant = x[0]
        # What is coded is a group's different patterns: of columns that are 0 or 1 few, of dates one each.
        coded = [np.unique(x[:, group], axis=0, return_inverse=True) for group in self._groups]
        self._patterns = [patterns for patterns, _ in coded]
        codes = [places.reshape(-1).astype(np.float32) for _, places in coded]
        self.table = np.column_stack([x[:, self._numbers], *codes]) if codes else x[:, self._numbers]

    @property
    def categories(self) -> list[int]:
        """Columns of the table that are codes."""
        return list(range(len(self._numbers), self.table.shape[1]))

    @property
    def has_numbers(self) -> bool:
        """Whether a column of the table is a number."""
        return len(self._numbers) > 0

    def matrix(self, table: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rows of such a table as rows of the matrix."""
        matrix = np.tile(self._constant, (len(table), 1))
        matrix[:, self._numbers] = table[:, : len(self._numbers)]
        for group, patterns, column in zip(self._groups, self._patterns, self.categories, strict=True):
            matrix[:, group] = patterns[np.rint(table[:, column]).astype(np.int64)]
        return matrix


def _sampler(cells: _Cells, wanted: dict[int, int], *, n_neighbours: int) -> Any:
    """imbalanced-learn's sampler for what the columns are."""
    from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC

    settings: dict[str, Any] = {
        "sampling_strategy": wanted,
        "k_neighbors": n_neighbours,
        "random_state": integer(0, Purpose.BALANCE),
    }
    if not cells.categories:
        return SMOTE(**settings)
    if not cells.has_numbers:
        return SMOTEN(**settings)
    return SMOTENC(categorical_features=cells.categories, **settings)
