"""What is worth saying of a table before a network is trained on it, as findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.data.copies import Copies
from ffsearch.search.data.features.images import ImageLayout
from ffsearch.search.data.features.preprocess import Layout
from ffsearch.search.data.kinds import Column
from ffsearch.search.data.parsing.cells import Levels
from ffsearch.search.data.splits import FEW_GROUPS, Guide, Splits
from ffsearch.search.data.table import Table
from ffsearch.search.data.text_kinds import sentinels, variants
from ffsearch.search.network.heads import Head, Task
from ffsearch.search.wording.codes import Code, Severity
from ffsearch.search.wording.finding import Finding, found

__all__ = [
    "N_NAMED", "of_bins", "of_classes", "of_columns", "of_copies", "of_groups", "of_parts", "of_targets", "of_weights",
]  # fmt: skip

MANY_COPIES: Final = 0.01
"""Share of rows that repeat another one from which on it is said. Choice: fewer cannot move a score much."""

RARE: Final = 0.1
"""Share of a class below which accuracy hides it. choice: ignoring it still gives 0.9."""

RARE_BESIDE_EVEN: Final = 0.5
"""Of many classes none has a tenth: one is rare that has less than half of its even share. choice."""

N_NAMED: Final = 10
"""Columns or classes named in one sentence; the table of columns has them all."""


def of_columns(columns: Sequence[Column]) -> list[Finding]:
    """The first columns that are not used, and what is worth knowing of the cells of those that are."""
    left_out = [column for column in columns if not column.used]
    notices = [
        found(Code.NOT_USED, "column", column=column.name, kind=str(column.kind), reasons=column.reasons)
        for column in left_out[:N_NAMED]
    ]
    if len(left_out) > N_NAMED:
        notices.append(found(Code.NOT_USED, "more", n=len(left_out) - N_NAMED))
    return notices + [
        replace(reason, about=column.name)
        for column in columns
        if column.used
        for reason in column.reasons[1:]
        if reason.code.severity is not Severity.INFO
    ]


def of_bins(layout: Layout | ImageLayout) -> list[Finding]:
    """Whether networks read more than the numbers themselves."""
    n_bins = 0 if isinstance(layout, ImageLayout) else max((number.n_bins for number in layout.numbers), default=0)
    return [found(Code.NUMBER_BINS, n=n_bins)] if n_bins else []


def of_copies(copies: Copies, *, guide: Guide, n_test_rows: int) -> list[Finding]:
    """Whether rows repeat others in all columns, and what splits do with them."""
    n_rows = len(copies.first)
    notices = []
    if copies.n_copies >= MANY_COPIES * n_rows:
        form = "together" if guide.copies is not None else "apart" if copies.stay_together else "many"
        notices.append(found(Code.COPIES, form, n=copies.n_copies, total=n_rows, way=guide.method))
    n_seen = int((copies.first[n_rows - n_test_rows :] < n_rows - n_test_rows).sum())
    if n_seen >= max(1, MANY_COPIES * n_test_rows):
        notices.append(found(Code.COPIES_OF_TEST, n=n_seen, total=n_test_rows))
    return notices


def of_classes(truth: NDArray[Any], *, head: Head) -> list[Finding]:
    """Whether a class is so rare that a network which never answers it looks good."""
    if head.task is Task.REGRESSION:
        return []
    counts = np.bincount(truth, minlength=len(head.labels))
    if counts.min() >= min(RARE, RARE_BESIDE_EVEN / len(counts)) * len(truth):
        return []
    return [found(Code.RARE_CLASS, label=head.labels[int(counts.argmin())], n=int(counts.min()), total=len(truth))]


def of_targets(truth: NDArray[Any], *, head: Head) -> list[Finding]:
    """Whether numbers to predict hold one that looks like a missing cell, and labels differ by case or blanks alone."""
    if head.task is not Task.REGRESSION:
        labels = Levels(codes=np.arange(len(head.labels)), texts=head.labels)
        return [replace(one, about=head.target_names[0]) for one in variants(labels)]
    columns = zip(head.target_names, truth.T, strict=True)
    return [replace(one, about=name) for name, cells in columns for one in sentinels(cells)]


def of_weights(table: Table, rows: NDArray[np.int64]) -> list[Finding]:
    """What rows outside the test part weigh, and how many rows of one weight would know as much."""
    if table.weights is None:
        return []
    weights = table.weights.take(rows)
    told: dict[str, Any] = {"low": float(weights.values.min()), "high": float(weights.values.max())}
    n_alike = round(weights.n_alike)
    return [found(Code.ROWS_WEIGH, column=weights.cells.name, **told, n=len(rows), n_alike=n_alike)]


def of_groups(table: Table, *, splits: Splits, guide: Guide) -> list[Finding]:
    """Whether few groups are sealed, and whether groups of the main file come again in the test file."""
    if guide.groups is None or not len(splits.test):
        return []
    n_sealed = len(np.unique(guide.groups[splits.test]))
    notices = []
    if n_sealed < FEW_GROUPS:
        form = "one" if n_sealed == 1 else "few"
        notices.append(found(Code.FEW_GROUPS_SEALED, form, n=n_sealed, n_groups=len(np.unique(guide.groups))))
    seen = np.isin(guide.groups[splits.test], guide.groups[: table.n_rows - table.n_test_rows])
    if table.n_test_rows and seen.any():
        notices.append(found(Code.SAME_GROUPS, n=int(seen.sum())))
    return notices


def of_parts(truth: NDArray[Any], development: NDArray[np.int64], *, splits: Splits, head: Head) -> list[Finding]:
    """Every part of a fold in which a class is absent."""
    if head.task is Task.REGRESSION:
        return []
    notices = []
    form = "fold" if len(splits.folds) > 1 else "holdout"
    for number, (train, valid) in enumerate(splits.folds, start=1):
        for part, rows in (("training", train), ("validation", valid)):
            present = np.isin(np.arange(len(head.labels)), truth[np.searchsorted(development, rows)])
            absent = [label for label, is_there in zip(head.labels, present, strict=True) if not is_there]
            if absent:
                classes, n_more = tuple(absent[:N_NAMED]), max(0, len(absent) - N_NAMED)
                notices.append(found(Code.CLASS_ABSENT, form, part=part, fold=number, classes=classes, n_more=n_more))
    return notices
