"""The linear rival: logits, or standardised targets, linear in standardised columns, and in their products.

What it may choose, on the validation rows: how strongly slopes are drawn to nothing; on small tables whether products
of every two columns are columns, too; and where networks are balanced or the objective asks for it, whether classes
weigh alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.data.features.problem import MatrixColumns, Problem, Role, Split
from ffsearch.search.evidence.baseline_models.rivals import LearntRows, Made, largest_rows, split_loss, tune, weighings
from ffsearch.search.network.heads import Head, Task, probabilities
from ffsearch.search.training.balance import class_numbers

if TYPE_CHECKING:
    from ffsearch.search.data.prepare import Refit

__all__ = ["MAX_LINEAR_CELLS", "fit_linear", "n_products"]

STRENGTHS: Final = (10.0, 1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""Penalties of the linear model, `strength / 2 * sum w^2` beside the mean loss of standardised columns.

choice: from almost no slopes to almost no penalty; strongest first, so that each fit starts near its end.
"""

MAX_LINEAR_CELLS: Final = 20_000_000
"""Rows times columns times outputs a linear model learns from at most; beyond it rows are drawn at random.

choice: some 20 seconds for all strengths, and still a hundred rows a coefficient where there are 400 columns.
"""

PRODUCT_ROWS: Final = 5_000
"""Rows from which on no products are tried. choice: with more rows the network and the trees find what matters of them,
and a linear model with thousands of slopes is no longer what people mean by one."""

MAX_PRODUCT_CELLS: Final = 3_000_000
"""Rows times columns, products among them, times outputs up to which products are tried. choice: some 10 seconds."""

LINEAR_ITERATIONS: Final = 200
"""Most steps of the logistic fit of a strength. choice: standardised columns take 10 to 100."""

_FAR: Final = 20.0
"""How far below all others the logit of a class lies that no training row had."""


@dataclass(frozen=True, kw_only=True)
class LinearSetting:
    """What a path of strengths is fitted to.

    Args:
        products: Whether products of every two columns are columns, too.
        class_weight: Whether all classes count alike.
    """

    products: bool
    class_weight: bool


def fit_linear(
    problem: Problem, refit: Refit, *, seed: int, metric: str, is_balanced: bool, is_over: Callable[[], bool]
) -> Made:
    """One setting and one strength for all splits: those whose validation score is the best in their mean."""
    head, splits = problem.head, problem.splits
    largest = largest_rows(problem.n_features * _n_slopes(head), MAX_LINEAR_CELLS)
    pairs = _pairs(problem.matrix_columns)

    def path(setting: LinearSetting, rows: LearntRows, strengths: Sequence[float]) -> list[_Linear]:
        columns = _Columns.of(rows.x, pairs if setting.products else pairs[:0])
        return _path(head, columns, rows.weighted(is_balanced=setting.class_weight), strengths=strengths)

    def learn(setting: LinearSetting, number: int, split: Split) -> _Path:
        fitted = path(setting, LearntRows.of(split).drawn(largest, seed=seed, key=number), STRENGTHS)
        valid = [model.outputs(split.x_valid) for model in fitted]
        return _Path(valid=valid, losses=[split_loss(head, metric, split, outputs) for outputs in valid])

    has_products = n_products(problem, n_rows=len(refit.x)) > 0
    settings = [
        LinearSetting(products=products, class_weight=weight)
        for products, weight in product(
            (False, True) if has_products else (False,), weighings(head, metric, is_balanced=is_balanced)
        )
    ]
    tuned = tune(
        settings, splits, learn=learn, loss=lambda of_split, _: of_split.losses, n_judges=len(splits),
        is_over=is_over,
    )  # fmt: skip
    best = int(np.argmin(np.mean([one.losses for one in tuned.learnt], axis=0)))
    rows = LearntRows.of_all(refit).drawn(largest, seed=seed, key=len(tuned.learnt))
    chosen: dict[str, float] = {"strength": STRENGTHS[best]}
    chosen |= {"products": float(tuned.setting.products)} if has_products else {}
    chosen |= {"class_weight": float(tuned.setting.class_weight)} if settings[-1].class_weight else {}
    return Made(
        model=path(tuned.setting, rows, STRENGTHS[: best + 1])[-1],
        valid=[one.valid[best] for one in tuned.learnt],
        settings=chosen | {"n_rows": len(rows.x)},
        n_tried=tuned.n_tried * len(STRENGTHS),
    )


def n_products(problem: Problem, *, n_rows: int) -> int:
    """Products of columns that a linear model may have; 0 where they are not tried.

    Args:
        problem: What is learnt.
        n_rows: Development rows.
    """
    pairs = _pairs(problem.matrix_columns)
    n_cells = n_rows * (problem.n_features + len(pairs)) * _n_slopes(problem.head)
    return len(pairs) if n_rows < PRODUCT_ROWS and n_cells <= MAX_PRODUCT_CELLS else 0


def _pairs(columns: MatrixColumns) -> NDArray[np.intp]:
    """Every two columns that come from different cells of a row, shape (n_pairs, 2); none of bins, nor of images."""
    places = np.flatnonzero(columns.role != Role.BIN)
    if columns.image is not None or len(places) > MAX_PRODUCT_CELLS**0.5:
        return np.empty((0, 2), np.intp)
    one, other = np.triu_indices(len(places), k=1)
    pairs = np.column_stack([places[one], places[other]])
    return np.asarray(pairs[columns.cell[pairs[:, 0]] != columns.cell[pairs[:, 1]]], np.intp)


def _n_slopes(head: Head) -> int:
    """Outputs that have slopes of their own and are fitted together."""
    return len(head.labels) if head.task is Task.MULTICLASS else 1


@dataclass(frozen=True, kw_only=True, eq=False)
class _Path:
    """What every strength answers to the validation rows of a split, and its loss there."""

    valid: Sequence[NDArray[np.float64]]
    losses: Sequence[float]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Columns:
    """The matrix as the model reads it: standardised columns, then products of some of them, standardised again."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    pairs: NDArray[np.intp]
    mean_of_products: NDArray[np.float64]
    scale_of_products: NDArray[np.float64]

    @classmethod
    def of(cls, x: NDArray[np.float32], pairs: NDArray[np.intp]) -> _Columns:
        """Learnt from training rows."""
        mean, scale = x.mean(axis=0, dtype=np.float64), _scale_of(x)
        z = ((x - mean) / scale).astype(np.float32)
        products = z[:, pairs[:, 0]] * z[:, pairs[:, 1]]
        return cls(
            mean=mean, scale=scale, pairs=pairs,
            mean_of_products=products.mean(axis=0, dtype=np.float64), scale_of_products=_scale_of(products),
        )  # fmt: skip

    def read(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Shape (n_rows, n_features + n_pairs)."""
        z = ((x - self.mean) / self.scale).astype(np.float32)
        if not len(self.pairs):
            return z
        products = z[:, self.pairs[:, 0]] * z[:, self.pairs[:, 1]]
        return np.hstack([z, ((products - self.mean_of_products) / self.scale_of_products).astype(np.float32)])


def _scale_of(x: NDArray[np.float32]) -> NDArray[np.float64]:
    scale = x.std(axis=0, dtype=np.float64)
    return np.where(scale > 0, scale, 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Linear:
    """Logits, or standardised targets, linear in columns."""

    head: Head
    columns: _Columns
    slopes: NDArray[np.float64]  # (n_columns, n_outputs)
    intercepts: NDArray[np.float64]

    def outputs(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        logits = np.asarray(self.columns.read(x) @ self.slopes + self.intercepts)
        return logits if self.head.task is Task.REGRESSION else probabilities(self.head, logits)


def _path(head: Head, columns: _Columns, rows: LearntRows, *, strengths: Sequence[float]) -> list[_Linear]:
    """A model a strength, each started from the one before."""
    fit = _ridge if head.task is Task.REGRESSION else _logistic
    fitted = fit(head, columns.read(rows.x), rows.y, weight=rows.weight, strengths=strengths)
    return [_Linear(head=head, columns=columns, slopes=slopes, intercepts=cut) for slopes, cut in fitted]


_Fitted = list[tuple[NDArray[np.float64], NDArray[np.float64]]]


def _ridge(
    head: Head, z: NDArray[np.float32], y: NDArray[Any], *, weight: NDArray[Any] | None, strengths: Sequence[float]
) -> _Fitted:
    from sklearn.linear_model import Ridge

    fitted = []
    for strength in strengths:
        model = Ridge(alpha=strength * len(z)).fit(z.astype(np.float64), y, sample_weight=weight)
        slopes = np.asarray(model.coef_, np.float64).reshape(head.n_outputs, -1).T
        fitted.append((slopes, np.asarray(model.intercept_, np.float64).reshape(-1)))
    return fitted


def _logistic(
    head: Head, z: NDArray[np.float32], y: NDArray[Any], *, weight: NDArray[Any] | None, strengths: Sequence[float]
) -> _Fitted:
    from sklearn.linear_model import LogisticRegression

    classes = class_numbers(y)
    known = np.unique(classes)
    if len(known) == 1:
        return [_one_class(head, int(known[0]), n_features=z.shape[1])] * len(strengths)
    model = LogisticRegression(max_iter=LINEAR_ITERATIONS, warm_start=True)
    fitted = []
    for strength in strengths:
        model.set_params(C=1 / (strength * len(z)))
        model.fit(z, classes, sample_weight=weight)
        slopes, cut = np.asarray(model.coef_, np.float64).T, np.asarray(model.intercept_, np.float64)
        fitted.append(_spread(head, known, slopes, cut))
    return fitted


def _spread(
    head: Head, known: NDArray[np.int64], slopes: NDArray[np.float64], cut: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slopes and intercepts of all outputs, from those of the classes that were there."""
    if head.task is Task.BINARY or len(known) == head.n_outputs:
        return slopes, cut
    if len(known) == 2:  # of two classes scikit-learn gives one column
        slopes, cut = np.hstack([np.zeros_like(slopes), slopes]), np.append(0.0, cut)
    wide = np.zeros((len(slopes), head.n_outputs))
    wide[:, known] = slopes
    low = np.full(head.n_outputs, cut.min() - _FAR)
    low[known] = cut
    return wide, low


def _one_class(head: Head, known: int, *, n_features: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    cut = np.array([_FAR if known else -_FAR]) if head.task is Task.BINARY else np.full(head.n_outputs, -_FAR)
    if head.task is Task.MULTICLASS:
        cut[known] = 0.0
    return np.zeros((n_features, head.n_outputs)), cut
