"""From the `data:` section of a space file to a problem: read, seal, look, split, and turn into matrices.

The order matters. The test part is taken away before any column is looked at; what columns are, which levels they have
and how they are scaled never depends on a sealed row. Only how rows are dealt out does, where that goes by class, group
or time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.base.texts import counted
from ffsearch.search.data import notices
from ffsearch.search.data.asked import RowReader
from ffsearch.search.data.copies import find_copies
from ffsearch.search.data.features.encoding import targets_to_encode
from ffsearch.search.data.features.images import IMAGE, AnyPreprocessor, ImageLayout, ImagePreprocessor
from ffsearch.search.data.features.preprocess import Layout, Preprocessor, Raw, take
from ffsearch.search.data.features.problem import Problem, Split
from ffsearch.search.data.kinds import Column, Kind, column_in_role, read_columns, row_names_column
from ffsearch.search.data.learnt import learnt_reading
from ffsearch.search.data.parsing.cells import Cells
from ffsearch.search.data.parsing.dates import as_moments, moments_per_unit
from ffsearch.search.data.splits import (
    Fold,
    Guide,
    Splits,
    limit_rows,
    part_of,
    split_test,
    split_valid,
    without_gap,
)
from ffsearch.search.data.table import Table, read_table
from ffsearch.search.data.targets import (
    class_codes,
    fit_target_scale,
    head_targets,
    infer_head,
    infer_task,
    labels_of,
    raw_targets,
)
from ffsearch.search.data.ways import layouts
from ffsearch.search.data.weights import of_mean_one
from ffsearch.search.network.heads import Head, TargetScale, Task
from ffsearch.search.network.topology import Numbers
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.search.wording.language import kept
from ffsearch.spaces.schema import HOLDOUT

if TYPE_CHECKING:
    from ffsearch.spaces.schema import DataSpec, ValidSpec

__all__ = ["Prepared", "Refit", "SealedRows", "prepare"]

FOLDS_BELOW: Final = 3_000
"""Rows outside the test part below which folds choose: a fifth of fewer says little of a network."""

N_SHOWN: Final = 16_384
"""Rows outside the test part whose raw cells are kept. Choice: as many as a model answers at once, to time it by."""

NEARLY_ALL: Final = 0.9
"""Share of all rows from which on nothing is gained by giving up the others. Choice."""

N_FOLDS: Final = 5
"""Folds then. choice: they learn from as many rows as beside a holdout of a fifth, the share of repeats."""


class Refit(NamedTuple):
    """All rows outside the test part, for the last training: algorithm 7.2.

    Attributes:
        preprocessor: Learnt from all these rows.
        x: Matrix, shape (n_rows, n_features).
        y: Targets as the head wants them.
        target_scale: How regression targets were standardised; None for classes.
        weight: Of each row, mean 1, shape (n_rows,); None when all count alike.
    """

    preprocessor: AnyPreprocessor
    x: NDArray[np.float32]
    y: NDArray[np.float32] | NDArray[np.int32]
    target_scale: TargetScale | None
    weight: NDArray[np.float32] | None = None


@dataclass(frozen=True, kw_only=True)
class SealedRows:
    """The test part, opened.

    Args:
        features: Raw columns, as a user of the model would give them.
        y: Targets in the user's units, float64 (n_rows, n_outputs), or int64 class numbers (n_rows,); -1 is a class
            that no other row has, which no answer can meet.
        notices: What the opening showed.
        weight: Of each row, shape (n_rows,); None when all count alike.
    """

    features: pd.DataFrame
    y: NDArray[Any]
    notices: tuple[Finding, ...]
    weight: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True)
class Dealt:
    """How training and validation rows are dealt out: a holdout of so large a share, or so many folds."""

    holdout: float | None
    n_folds: int | None
    guide: Guide
    seed: int

    def folds(self, rows: NDArray[np.int64], *, repeat: int = 0) -> tuple[Fold, ...]:
        """Training and validation rows among these, for the search (0) or a repeat; `split_valid` tells more."""
        return split_valid(
            rows, holdout=self.holdout, folds=self.n_folds, guide=self.guide, seed=self.seed, repeat=repeat
        )


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A table made ready: everything a run needs to know of its data.

    Args:
        table: Raw rows.
        columns: What each column is, targets left out.
        head: What is predicted, with the task's own loss.
        task_reason: Why that task.
        splits: Rows of every part.
        development_rows: All rows outside the test part, ascending.
        layout: Columns of the matrix.
        other_layouts: Of the matrices in which numbers are shown otherwise, where points may ask for that.
        notices: What was done or looks suspicious.
        raw: Columns of the development rows, in their order, as the saved model takes them.
        truth: Targets of the same rows in the user's units: float64 (n_rows, n_outputs) for regression, else int64
            class numbers (n_rows,).
        dealt: How rows were dealt out, to deal them out again.
        kept: The rows whose raw cells are still in memory, ascending; None: all.
    """

    table: Table
    columns: tuple[Column, ...]
    head: Head
    task_reason: Finding
    splits: Splits
    development_rows: NDArray[np.int64]
    layout: Layout | ImageLayout
    notices: tuple[Finding, ...]
    raw: Raw = field(repr=False)
    truth: NDArray[Any] = field(repr=False)
    dealt: Dealt = field(repr=False)
    other_layouts: Mapping[Numbers, Layout] = field(default_factory=dict)
    kept: NDArray[np.int64] | None = field(default=None, repr=False)

    @property
    def n_features(self) -> int:
        """Columns of the matrix."""
        return self.layout.n_features

    @property
    def n_features_of(self) -> dict[Numbers, int]:
        """The same of every way to show numbers that a point may ask for."""
        others = {way: layout.n_features for way, layout in self.other_layouts.items()}
        return {Numbers.ROBUST: self.n_features, **others}

    def described(self) -> dict[str, Any]:
        """How the table was understood, fit for JSON: what a run folder keeps for readers without the data."""
        return {"columns": [column.as_dict() for column in self.columns], "notices": list(map(kept, self.notices))}

    def problem(self) -> Problem:
        """The matrices of every fold, each preprocessed by what its own training rows teach, in all ways there are."""
        return self._problem(self.splits.folds, ways=self.other_layouts)

    def repeat_rows(self, repeat: int, *, share: float = 1.0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Training and validation rows of a fresh split for a finalist's repeat.

        Of folds dealt anew it is the last one; by time every repeat ends earlier than the one before (rolling origins).

        Args:
            repeat: Its number, from 1; 0 is the search's own.
            share: Share of its training rows to learn from.

        Raises:
            DataError: If so few rows or groups cannot be shared out further.
        """
        train, valid = self.dealt.folds(self.development_rows, repeat=repeat)[-1]
        if share < 1:
            train = part_of(train, share, guide=self.dealt.guide, seed=self.dealt.seed, repeat=repeat)
        return train, valid

    def repeats(self, numbers: Sequence[int], *, share: float = 1.0, ways: Collection[Numbers] = ()) -> Problem:
        """The matrices of several repeats as one problem, so that they can be trained together: split i is repeat i's.

        Each holds a matrix of its own in memory; ask for one at a time where that is too much.

        Args:
            numbers: Of the repeats.
            share: Share of their training rows to learn from.
            ways: How numbers are shown to the points that are trained, beside the matrix that baselines read.
        """
        folds = [self.repeat_rows(number, share=share) for number in numbers]
        return self._problem(folds, ways=[way for way in self.other_layouts if way in ways])

    def without(self, names: Collection[str]) -> Prepared:
        """The same rows in the same splits for networks that are not shown some of a table's columns."""
        assert isinstance(self.layout, Layout)
        others = {way: layout.without(names) for way, layout in self.other_layouts.items()}
        return replace(self, layout=self.layout.without(names), other_layouts=others)

    def repeat_preprocessor(self, repeat: int, *, share: float = 1.0) -> AnyPreprocessor:
        """What the training rows of a repeat teach about features: it turns any raw rows into that repeat's matrix."""
        return self._learn(self.repeat_rows(repeat, share=share)[0], self.layout)[0]

    def fit_all(self, way: Numbers = Numbers.ROBUST) -> Refit:
        """The matrix of all rows outside the test part, preprocessed by what they teach, numbers shown in one way."""
        return self._learn(self.development_rows, self._layout(way))

    def weight_of(self, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """What some rows of the table weigh, as shares of the heaviest, so that rows of several parts compare.

        Args:
            rows: Their numbers.

        Returns:
            Shape (n_rows,); None when all count alike.
        """
        weights = self.table.weights
        return None if weights is None else weights.values[rows] / weights.values.max()

    def cells_of(self, rows: NDArray[np.int64]) -> pd.DataFrame:
        """Raw cells of some rows, as a user of the model would give them.

        Args:
            rows: Their numbers; of a thinned table those of the test part and the first outside it.
        """
        if self.kept is None:
            return self.table.features.take(rows)
        places = np.searchsorted(self.kept, rows)
        assert np.array_equal(self.kept.take(places, mode="clip"), rows), "these raw cells were given up"
        return self.table.features.take(places)

    def thinned(self) -> Prepared:
        """The same without most raw cells: what networks get of development rows is read, and half of memory is texts.

        Left are the cells of the sealed rows, and of the first outside them, by which the saved model is checked.
        """
        kept = np.union1d(self.development_rows[:N_SHOWN], self.splits.test)
        if len(kept) > NEARLY_ALL * self.table.n_rows:
            return self
        table = self.table
        features = table.features.take(kept)
        thin = replace(table, features=features, dropped=table.dropped[:0], row_names=table.row_names[:0])
        return replace(self, table=thin, kept=kept)

    def test_rows(self) -> SealedRows:
        """Open the sealed part. Whoever calls this counts it; nothing else in this package reads those rows."""
        rows = self.splits.test
        y = raw_targets(self.table.target.take(rows), self.head)
        n_unknown = 0 if self.head.task is Task.REGRESSION else int((y < 0).sum())
        notices = (found(Code.UNKNOWN_CLASS, n=n_unknown),) if n_unknown else ()
        return SealedRows(features=self.cells_of(rows), y=y, notices=notices, weight=self.weight_of(rows))

    def sealed_cells(self, preprocessor: AnyPreprocessor, sealed: SealedRows) -> tuple[Raw, tuple[Finding, ...]]:
        """The sealed rows as a preprocessor takes them; those of a file of their own may be written otherwise."""
        if not self.has_test_file or not isinstance(preprocessor, Preprocessor):
            return preprocessor.raw_inputs(sealed.features), ()
        reader = RowReader(preprocessor, lenient=True)
        return reader.read(sealed.features), reader.findings()

    @property
    def has_test_file(self) -> bool:
        """Whether the sealed rows come from another table."""
        return self.table.n_test_rows > 0 and self.table.image is None

    def refuse_unread_test(self) -> None:
        """Refuse a test file of which too much cannot be read, before anything is trained: only that is looked at.

        Raises:
            DataError: With the columns and cells.
        """
        if self.has_test_file and isinstance(self.layout, Layout):
            reader = RowReader(self._fitted(self.layout, self.development_rows))
            reader.read(self.cells_of(self.splits.test))
            reader.check(what="The rows of the test file", lenient="")

    def _fitted(self, layout: Layout, rows: NDArray[np.int64]) -> Preprocessor:
        """What training rows teach about their features."""
        raw, truth = self._raw_of(rows), self._truth_of(rows)
        scale = self._scale_of(rows)
        targets = targets_to_encode(truth, self.head, scale=scale) if layout.has_encodings else None
        return Preprocessor.fit(layout, raw, targets=targets)

    def _scale_of(self, rows: NDArray[np.int64]) -> TargetScale | None:
        """How the targets of training rows are standardised; None for classes."""
        if self.head.task is not Task.REGRESSION:
            return None
        return fit_target_scale(self._truth_of(rows), weight=self.weight_of(rows))

    def _mean_one(self, rows: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """What rows of one part weigh in its loss."""
        weight = self.weight_of(rows)
        return None if weight is None else of_mean_one(weight)

    def _layout(self, way: Numbers) -> Layout | ImageLayout:
        return self.layout if way is Numbers.ROBUST else self.other_layouts[way]

    def _problem(self, folds: Sequence[Fold], *, ways: Collection[Numbers]) -> Problem:
        """Training and validation rows as matrices, and the same rows in other ways."""

        def shown(way: Numbers, others: Mapping[Numbers, Problem]) -> Problem:
            layout = self._layout(way)
            splits = tuple(self._split(*fold, layout=layout) for fold in folds)
            return Problem(head=self.head, splits=splits, columns=layout.matrix_columns(), others=others)

        return shown(Numbers.ROBUST, {way: shown(way, {}) for way in ways})

    def _split(self, train: NDArray[np.int64], valid: NDArray[np.int64], *, layout: Layout | ImageLayout) -> Split:
        preprocessor, x_train, y_train, scale, weight = self._learn(train, layout)
        x_valid = preprocessor.matrix(self._raw_of(valid), n_rows=len(valid))
        y_valid = head_targets(self._truth_of(valid), self.head, scale=scale)
        return Split(
            x_train=x_train, y_train=y_train, x_valid=x_valid, y_valid=y_valid, target_scale=scale,
            train_weight=weight, valid_weight=self._mean_one(valid),
        )  # fmt: skip

    def _learn(self, rows: NDArray[np.int64], layout: Layout | ImageLayout) -> Refit:
        """What training rows teach about features and targets, and their own matrix."""
        raw, truth = self._raw_of(rows), self._truth_of(rows)
        scale, weight = self._scale_of(rows), self._mean_one(rows)
        y = head_targets(truth, self.head, scale=scale)
        if isinstance(layout, ImageLayout):
            images = ImagePreprocessor.fit(layout, raw)
            return Refit(images, images.matrix(raw, n_rows=len(rows)), y, scale, weight)
        targets = targets_to_encode(truth, self.head, scale=scale) if layout.has_encodings else None
        preprocessor = Preprocessor.fit(layout, raw, targets=targets)
        x = preprocessor.training_matrix(raw, n_rows=len(rows), targets=targets)
        return Refit(preprocessor, x, y, scale, weight)

    def _raw_of(self, rows: NDArray[np.int64]) -> Raw:
        """Columns of some development rows, whose places among them are found."""
        return take(self.raw, np.searchsorted(self.development_rows, rows))

    def _truth_of(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        return self.truth[np.searchsorted(self.development_rows, rows)]


def prepare(
    spec: DataSpec, *, frame: pd.DataFrame | None = None, seed: int, ways: Collection[Numbers] | None = None
) -> Prepared:
    """Read a table and make it ready.

    Args:
        spec: The `data:` section of a space file.
        frame: A frame from Python that is used in place of `spec.source`.
        seed: The run's seed; it decides how rows are dealt out.
        ways: How points may ask numbers to be shown. With them `data.number_bins` says how many bins there are, and no
            longer that there are some; None: points do not say.

    Raises:
        DataError: If the table cannot be read, split or learnt from; the text says what to do.
    """
    table = _limited(read_table(spec, frame=frame), spec, seed=seed)
    guide, told = _guide(table, spec)
    copies = find_copies(table.features, table.target.frame, are_images=table.image is not None)
    if guide.groups is None and guide.moments is None and copies.stay_together:
        guide = replace(guide, copies=copies.first)
    test = _test(table, spec, guide=guide, seed=seed)
    development = without_gap(np.setdiff1d(np.arange(table.n_rows), test), test, guide=guide)
    seen = table.target.take(development)
    head, task_reason = infer_head(seen, stated=spec.task)
    truth = raw_targets(seen, head)
    holdout, n_folds = _ways(spec.valid, development, guide=guide)
    dealt = Dealt(holdout=holdout, n_folds=n_folds, guide=guide, seed=seed)
    splits = Splits(test=test, folds=dealt.folds(development), method=guide.method)
    judged, raw = _images(table, development) if table.image else _columns(table, development, spec=spec)
    table = replace(table, reading=learnt_reading(table, judged, development))
    layout, others = layouts(table, raw, judged, spec=spec, head=head, ways=ways)
    names = [row_names_column(Cells(table.row_names[name].take(development))) for name in table.row_names.columns]
    told += notices.of_columns((*judged, *names))
    told += notices.of_bins(layout)
    told += notices.of_copies(copies, guide=guide, n_test_rows=table.n_test_rows)
    told += notices.of_classes(truth, head=head)
    told += notices.of_targets(truth, head=head)
    told += notices.of_weights(table, development)
    told += notices.of_groups(table, splits=splits, guide=guide)
    told += notices.of_parts(truth, development, splits=splits, head=head)
    prepared = Prepared(
        table=table,
        columns=(*judged, *names, *_set_apart(table, development)),
        head=head,
        task_reason=task_reason,
        splits=splits,
        development_rows=development,
        layout=layout,
        other_layouts=others,
        notices=(*table.notices, *told),
        raw=raw,
        truth=truth,
        dealt=dealt,
    )
    prepared.refuse_unread_test()
    return prepared


def _ways(spec: ValidSpec, rows: NDArray[np.int64], *, guide: Guide) -> tuple[float | None, int | None]:
    """The share of a holdout or the number of folds; where the space leaves it to the rows, few of them have folds.

    Args:
        spec: What the space says.
        rows: Those outside the test part.
        guide: What splits go by; by time folds leave rows out, so there is a holdout.
    """
    if not spec.is_auto:
        return spec.holdout, spec.folds
    n_units = len(rows) if guide.groups is None else len(np.unique(guide.groups[rows]))
    if guide.moments is None and len(rows) < FOLDS_BELOW and n_units >= N_FOLDS:
        return None, N_FOLDS
    return HOLDOUT, None


def _limited(table: Table, spec: DataSpec, *, seed: int) -> Table:
    """The table with at most `data.rows` rows, those of a test part of its own apart, which stays whole."""
    n_main = table.n_rows - table.n_test_rows
    if spec.rows is None or spec.rows >= n_main:
        return table
    guide, _ = _guide(table, spec)
    kept = limit_rows(np.arange(n_main), spec.rows, guide=guide, seed=seed)
    rows = np.concatenate([kept, np.arange(n_main, table.n_rows)])
    limited = found(Code.ROWS_LIMITED, n=spec.rows, total=n_main, way=guide.method)
    return replace(table.taken(rows), notices=(*table.notices, limited))


def _columns(table: Table, development: NDArray[np.int64], *, spec: DataSpec) -> tuple[tuple[Column, ...], Raw]:
    """What the columns of a table are, and those that are used, of the development rows."""
    columns, raw = read_columns(
        table.features,
        development,
        categories=spec.categories,
        stated_numbers=spec.numbers,
        keep=spec.keep,
        merge=spec.merge,
        orders=spec.ordinal,
        table=table.reading,
    )
    if not raw:
        told = "; ".join(f"{column.name!r} is {column.kind} ({column.reason})" for column in columns[: notices.N_NAMED])
        raise DataError(
            f"{table.source} has no column that can be learnt from{': ' + told if told else ''}. Add columns, or check "
            "data.delimiter, data.header and data.drop."
        )
    return columns, raw


def _images(table: Table, development: NDArray[np.int64]) -> tuple[tuple[Column, ...], Raw]:
    """All pixels as one column, and their values in the development rows."""
    assert table.image is not None
    height, width, channels = table.image
    pixels = table.features.to_numpy()[development]
    reason = found(Code.PIXELS, height=height, width=width, n=channels)
    column = Column(name=IMAGE, kind=Kind.IMAGE, reasons=(reason,), n_missing=0, n_levels=len(pixels))
    return (column,), {IMAGE: pixels}


def _guide(table: Table, spec: DataSpec) -> tuple[Guide, list[Finding]]:
    """What the splits go by. Classes are those of the whole table: a stratified split needs them before it is made."""
    main = table.target.take(np.arange(table.n_rows - table.n_test_rows))
    task, _ = infer_task(main, stated=spec.task)
    classes = None if task is Task.REGRESSION else class_codes(table.target, labels_of(main))
    if table.groups is not None and table.time is not None:
        raise DataError(
            "data.groups and data.time are both named, and a split cannot keep groups whole and be by time. Name one."
        )
    moments, doubt = (None, None) if table.time is None else as_moments(table.time)
    gap = 0.0 if table.time is None else spec.gap * moments_per_unit(table.time)
    guide = Guide(classes=classes, groups=_groups(table), moments=moments, gap=gap)
    return guide, [] if doubt is None else [doubt]


def _groups(table: Table) -> NDArray[np.int64] | None:
    if table.groups is None:
        return None
    codes = table.groups.levels.codes
    n_missing = int((codes < 0).sum())
    if n_missing:
        raise DataError(
            f"The groups column {table.groups.name!r} has {counted(n_missing, 'missing cell')}, but every row needs "
            "its group. Fill them in, remove those rows, or leave data.groups out."
        )
    return codes


def _test(table: Table, spec: DataSpec, *, guide: Guide, seed: int) -> NDArray[np.int64]:
    if isinstance(spec.test, str) or table.n_test_rows:
        return np.arange(table.n_rows - table.n_test_rows, table.n_rows)
    if spec.test is None:
        return np.arange(0)
    return split_test(np.arange(table.n_rows), spec.test, guide=guide, seed=seed)


def _set_apart(table: Table, rows: NDArray[np.int64]) -> list[Column]:
    """The columns that the space file gives another role."""
    apart = [
        column_in_role(Cells(table.dropped[name].take(rows)), kind=Kind.DROPPED, key="data.drop")
        for name in table.dropped.columns
    ]
    weights = None if table.weights is None else table.weights.cells
    for cells, kind, key in (
        (table.groups, Kind.GROUPS, "data.groups"),
        (table.time, Kind.TIME, "data.time"),
        (weights, Kind.WEIGHTS, "data.weights"),
    ):
        if cells is not None:
            apart.append(column_in_role(cells.take(rows), kind=kind, key=key))
    return apart
