"""What must be beaten for a network to be worth it: knowing nothing, a linear model, boosted trees.

All learn from the matrix and the splits of the networks and answer in the same units, so that answers can be compared
row by row. What each may choose by itself (the linear model's strength, the number of trees) is chosen on the
validation rows, as the networks' points are; then all development rows are learnt from, and the test rows answered.

Trees get the matrix in the form they are best at: a category's slots become one column of codes, and a missing number
becomes missing again. They know what the networks know, with rare levels pooled alike; one-hot columns would only slow
them down, and a baseline that is hampered proves nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice, takewhile
from statistics import median
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.environment import n_cpus, threads_wait_asleep
from ffsearch.search.base.seeds import Purpose, generator, integer
from ffsearch.search.data.problem import MatrixColumns, Problem, Role, Split
from ffsearch.search.evidence.scoring import answers_from_logits
from ffsearch.search.evidence.stopped_trees import fit_stopped
from ffsearch.search.network.heads import Head, Loss, TargetScale, Task, probabilities, row_losses, values
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

if TYPE_CHECKING:
    from ffsearch.search.data.prepare import Refit

__all__ = ["MAX_BOOSTING_CELLS", "MAX_LINEAR_CELLS", "Baseline", "BaselineName", "fit_baseline", "tree_columns"]

STRENGTHS: Final = (10.0, 1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""Penalties of the linear model, `strength / 2 * sum w^2` beside the mean loss of standardised columns.

choice: from almost no slopes to almost no penalty; strongest first, so that each fit starts near its end.
"""

MAX_LINEAR_CELLS: Final = 20_000_000
"""Rows times columns times outputs a linear model learns from at most; beyond it rows are drawn at random.

choice: some 20 seconds for all strengths, and still a hundred rows a coefficient where there are 400 columns.
"""

MAX_BOOSTING_CELLS: Final = 20_000_000
"""Rows times columns boosting learns from at most; beyond it rows are drawn at random. choice: some 2 minutes."""

MIN_SHARED_CELLS: Final = 200_000
"""Rows times columns from which on several threads grow the trees of all development rows.

Source: our measurement on two busy cores, 1,200 rows x 8: threads that wait for each other at every split of a tree
made a fit take 3.4 s on average, most of it waiting.
"""

MIN_CAPPED_ROWS: Final = 2_000
"""No cap leaves fewer rows. choice: with many columns and classes time has to give way."""

LINEAR_ITERATIONS: Final = 200
"""Most steps of the logistic fit of a strength. choice: standardised columns take 10 to 100."""

TREES_RATE: Final = 0.1
"""Learning rate of boosting, scikit-learn's default."""

TREES_L2: Final = 1.0
"""Penalty on the values of leaves, XGBoost's default; scikit-learn's is 0.

Source: our measurement on shuttle, whose rarest class has 10 of 58,000 rows: without it, leaves of nearly pure classes
take huge values, the validation loss only rises after the first iteration (log loss 0.39), and any network beats
boosting; with 1 it reaches 0.0008. Adult 0.2809 instead of 0.2814.
"""

TREES_PATIENCE: Final = 20
"""Iterations without a better validation loss before boosting stops. choice: twice scikit-learn's, noise is jagged."""

MAX_ITERATIONS: Final = 1_000
"""Most iterations of boosting. choice: at a rate of 0.1 early stopping comes long before."""

MAX_TREES: Final = 10_000
"""Most trees of one boosting, iterations times classes. choice: 26 classes have 384 iterations, 1,000 have 20."""

MAX_GROWN_CELLS: Final = 2e10
"""Rows times columns times trees that one boosting grows at most.

choice: some 3 minutes of one core where columns are many (a cell of 784 columns took 10 ns a tree, one of 9 took 17).
"""

MIN_ITERATIONS: Final = 20
"""Iterations that many classes or columns leave at least."""

_FAR: Final = 20.0
"""How far below all others the logit of a class lies that no training row had."""


class BaselineName(StrEnum):
    """Who has to be beaten."""

    DUMMY = "dummy"
    LINEAR = "linear"
    BOOSTING = "boosting"


class FittedModel(Protocol):
    """A baseline that has learnt."""

    def outputs(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities (n_rows, n_classes), or standardised targets (n_rows, n_targets)."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Baseline:
    """A baseline with what it answered.

    Args:
        name: Which one.
        settings: What it chose on the validation rows, or was given.
        valid: Answers to the validation rows of every split, in the unit of scores: probabilities (n_valid, n_classes)
            or values (n_valid, n_targets).
        notes: What was cut short.
        head: What is predicted.
        target_scale: How targets of all development rows were standardised; None for classes.
        model: Learnt from all development rows.
    """

    name: BaselineName
    settings: dict[str, float]
    valid: tuple[NDArray[np.float64], ...]
    notes: tuple[Finding, ...]
    head: Head = field(repr=False)
    target_scale: TargetScale | None = field(repr=False)
    model: FittedModel = field(repr=False)

    def answers(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Answers to other rows in the user's units, as the packaged network gives them.

        Args:
            x: Matrix as the refit's preprocessor makes it, shape (n_rows, n_features).
        """
        outputs = self.model.outputs(x)
        return outputs if self.target_scale is None else values(self.head, outputs, scale=self.target_scale)


def fit_baseline(
    name: BaselineName,
    problem: Problem,
    refit: Refit,
    *,
    seed: int,
    metric: str,
    is_over: Callable[[], bool] = lambda: False,
) -> Baseline:
    """Let a baseline learn: on every split for its choices and its answers, then on all development rows.

    Args:
        name: Which one.
        problem: The splits, those of the search or those of the finalists' repeats.
        refit: All development rows.
        seed: The run's seed; the same seed gives the same answers.
        metric: The objective; for `mae` the best constant is the median.
        is_over: Whether no time is left for another split; asked before each but the first. A baseline that learnt from
            fewer splits has fewer answers in `valid`, and says so in its notes.
    """
    made = {
        BaselineName.DUMMY: lambda: _fit_dummy(problem, refit, metric=metric),
        BaselineName.LINEAR: lambda: _fit_linear(problem, refit, seed=seed, is_over=is_over),
        BaselineName.BOOSTING: lambda: _fit_boosting(problem, refit, seed=seed, is_over=is_over),
    }[name]()
    head = problem.head
    return Baseline(
        name=name,
        settings=made.settings,
        valid=tuple(
            outputs
            if head.task is not Task.REGRESSION
            else answers_from_logits(head, outputs, scale=split.target_scale)
            for outputs, split in zip(made.valid, problem.splits, strict=False)  # time may have ended splits
        ),
        notes=(*made.notes, *_ended(name, len(made.valid), len(problem.splits))),
        head=head,
        target_scale=refit.target_scale,
        model=made.model,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Made:
    """A model of all rows, and the outputs on validation rows of its like."""

    model: FittedModel
    valid: Sequence[NDArray[np.float64]]
    settings: dict[str, float]
    notes: tuple[Finding, ...] = ()


# --- knowing nothing -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Constant:
    """One answer for all rows, shape (n_outputs,) of probabilities or standardised targets."""

    answer: NDArray[np.float64]

    def outputs(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.tile(self.answer, (len(x), 1))


def _fit_dummy(problem: Problem, refit: Refit, *, metric: str) -> _Made:
    def constant(y: NDArray[Any]) -> _Constant:
        if problem.head.task is Task.REGRESSION:
            middle = np.median if metric == "mae" else np.mean
            return _Constant(answer=np.asarray(middle(y.astype(np.float64), axis=0)))
        return _Constant(answer=np.bincount(_classes(y), minlength=len(problem.head.labels)) / len(y))

    valid = [constant(split.y_train).outputs(split.x_valid) for split in problem.splits]
    return _Made(model=constant(refit.y), valid=valid, settings={})


# --- a linear model --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Linear:
    """Logits, or standardised targets, linear in standardised columns."""

    head: Head
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    slopes: NDArray[np.float64]  # (n_features, n_outputs)
    intercepts: NDArray[np.float64]

    def logits(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        slopes = self.slopes / self.scale[:, None]
        return np.asarray(x @ slopes + (self.intercepts - self.mean @ slopes))

    def outputs(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        logits = self.logits(x)
        return logits if self.head.task is Task.REGRESSION else probabilities(self.head, logits)


def _fit_linear(problem: Problem, refit: Refit, *, seed: int, is_over: Callable[[], bool]) -> _Made:
    """One strength for all splits: the one whose validation loss is lowest in their mean."""
    head = problem.head
    n_classes = max(1, len(head.labels) if head.task is Task.MULTICLASS else 1)
    largest = _largest_rows(problem.n_features * n_classes, MAX_LINEAR_CELLS)

    def learnt(number: int, split: Split) -> list[_Linear]:
        rows = _drawn(len(split.x_train), largest, seed=seed, key=number)
        x, y, weight = _of_rows(rows, split.x_train, split.y_train, split.train_weight)
        return _linear_path(head, x, y, weight=weight, strengths=STRENGTHS)

    paths = _by_split(problem.splits, learnt, is_over)
    losses = [
        [row_losses(head, split.y_valid, model.logits(split.x_valid)).mean() for model in path]
        for path, split in zip(paths, problem.splits, strict=False)
    ]
    best = int(np.argmin(np.mean(losses, axis=0)))
    rows = _drawn(len(refit.x), largest, seed=seed, key=len(paths))
    x, y, weight = _of_rows(rows, refit.x, refit.y, None)
    return _Made(
        model=_linear_path(head, x, y, weight=weight, strengths=STRENGTHS[: best + 1])[-1],
        valid=[path[best].outputs(split.x_valid) for path, split in zip(paths, problem.splits, strict=False)],
        settings={"strength": STRENGTHS[best], "n_rows": len(x)},
        notes=_capped(BaselineName.LINEAR, largest, len(refit.x)),
    )


def _linear_path(
    head: Head, x: NDArray[np.float32], y: NDArray[Any], *, weight: NDArray[Any] | None, strengths: Sequence[float]
) -> list[_Linear]:
    """A model a strength, each started from the one before."""
    mean, scale = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    scale = np.where(scale > 0, scale, 1.0)
    z = ((x - mean) / scale).astype(np.float32)
    fit = _ridge if head.task is Task.REGRESSION else _logistic
    fitted = fit(head, z, y, weight=weight, strengths=strengths)
    return [_Linear(head=head, mean=mean, scale=scale, slopes=slopes, intercepts=cut) for slopes, cut in fitted]


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

    classes = _classes(y)
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


# --- boosted trees ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cells:
    """The matrix as trees read it: a column a number, one a category, and what else is made of a cell as it is.

    Args:
        numbers: For each number its column and the column of its missing flag, or -1.
        categories: For each category the columns of its slots.
        features: All other columns but bins.
    """

    numbers: tuple[tuple[int, int], ...]
    categories: tuple[NDArray[np.intp], ...]
    features: NDArray[np.intp]

    @classmethod
    def of(cls, columns: MatrixColumns) -> _Cells:
        roles = Role.NUMBER, Role.FLAG, Role.SLOT, Role.FEATURE  # without bins: trees cut numbers themselves
        numbers, flags, slots, features = (np.flatnonzero(columns.role == role) for role in roles)
        flag_of = dict(zip(columns.cell[flags].tolist(), flags.tolist(), strict=True))
        of_slots = columns.cell[slots]
        return cls(
            numbers=tuple((int(place), flag_of.get(int(columns.cell[place]), -1)) for place in numbers),
            categories=tuple(slots[of_slots == cell] for cell in dict.fromkeys(of_slots.tolist())),
            features=features,
        )

    @property
    def n_columns(self) -> int:
        return len(self.is_category)

    @property
    def is_category(self) -> list[bool]:
        return [False] * len(self.numbers) + [True] * len(self.categories) + [False] * len(self.features)

    def read(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Shape (n_rows, n_columns): numbers, NaN where flagged as missing, codes of categories, other features."""
        cells = np.empty((len(x), self.n_columns), np.float32)
        for place, (number, flag) in enumerate(self.numbers):
            cells[:, place] = x[:, number] if flag < 0 else np.where(x[:, flag] > 0, np.nan, x[:, number])
        for place, slots in enumerate(self.categories, start=len(self.numbers)):
            cells[:, place] = x[:, slots].argmax(axis=1)
        cells[:, self.n_columns - len(self.features) :] = x[:, self.features]
        return cells


def tree_columns(columns: MatrixColumns) -> int:
    """How many columns trees read of a matrix."""
    return _Cells.of(columns).n_columns


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trees:
    """Boosted trees, one model for classes, one a target for numbers, cut after some iterations."""

    head: Head
    cells: _Cells
    models: tuple[Any, ...]
    n_iterations: tuple[int, ...]

    def outputs(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        cells = self.cells.read(x)
        each = [_staged(model, cells, at) for model, at in zip(self.models, self.n_iterations, strict=True)]
        if self.head.task is Task.REGRESSION:
            return np.column_stack(each)
        shares = np.zeros((len(x), len(self.head.labels)))
        shares[:, self.models[0].classes_] = each[0]
        return shares


def _staged(model: Any, cells: NDArray[np.float32], n_iterations: int) -> NDArray[np.float64]:
    """What a model answers with its first trees alone."""
    classes = hasattr(model, "classes_")
    if model.n_iter_ == n_iterations:
        return np.asarray(model.predict_proba(cells) if classes else model.predict(cells))
    stages = model.staged_predict_proba(cells) if classes else model.staged_predict(cells)
    return np.asarray(next(islice(stages, n_iterations - 1, None)))


def _fit_boosting(problem: Problem, refit: Refit, *, seed: int, is_over: Callable[[], bool]) -> _Made:
    """Early stopping on each split's validation rows; all rows then with the median number of iterations."""
    from threadpoolctl import threadpool_limits

    head, cells = problem.head, _Cells.of(problem.matrix_columns)
    largest = _largest_rows(cells.n_columns, MAX_BOOSTING_CELLS)
    n_most = _most_iterations(head, n_cells=min(largest, len(refit.x)) * cells.n_columns)
    stopped = _by_split(
        problem.splits,
        lambda number, split: _stopped_trees(head, cells, split, largest=largest, n_most=n_most, seed=seed, key=number),
        is_over,
    )
    grown = [trees.n_iterations for trees in stopped if trees is not None]
    dummy = _fit_dummy(problem, refit, metric="")
    if not grown:
        return dummy
    n_iterations = tuple(round(median(at)) for at in zip(*grown, strict=True))
    rows = _drawn(len(refit.x), largest, seed=seed, key=len(stopped))
    x, y, _ = _of_rows(rows, refit.x, refit.y, None)
    shared = x.size >= MIN_SHARED_CELLS and threads_wait_asleep()
    with threadpool_limits(limits=None if shared else 1, user_api="openmp"):
        models = tuple(
            _booster(head, cells, n_iterations=n, seed=seed, stops=False).fit(cells.read(x), target)
            for n, target in zip(n_iterations, _targets(head, y), strict=True)
        )
    return _Made(
        model=_Trees(head=head, cells=cells, models=models, n_iterations=n_iterations),
        valid=[
            constant if trees is None else trees.outputs(split.x_valid)
            for trees, constant, split in zip(stopped, dummy.valid, problem.splits, strict=False)
        ],
        settings={"n_iterations": float(np.mean(n_iterations)), "n_rows": len(x)},
        notes=(
            *_capped(BaselineName.BOOSTING, largest, len(refit.x)),
            *(
                [found(Code.BASELINE_IMPROVING, model=str(BaselineName.BOOSTING), n=n_most)]
                if max(n_iterations) == n_most
                else []
            ),
        ),
    )


def _stopped_trees(
    head: Head, cells: _Cells, split: Split, *, largest: int, n_most: int, seed: int, key: int
) -> _Trees | None:
    """Trees stopped where the validation loss was lowest; None where a single class leaves nothing to tell apart."""
    rows = _drawn(len(split.x_train), largest, seed=seed, key=key)
    x, y, weight = _of_rows(rows, split.x_train, split.y_train, split.train_weight)
    known = np.ones(len(split.y_valid), np.bool_)
    if head.task is not Task.REGRESSION:
        known = np.isin(_classes(split.y_valid), _classes(y))  # trees cannot be judged on a class they never saw
        if len(np.unique(y)) < 2 or not known.any():
            return None
    x_valid = cells.read(split.x_valid[known])
    models, n_iterations = [], []
    for target, of_valid in zip(_targets(head, y), _targets(head, split.y_valid[known]), strict=True):
        model = _booster(head, cells, n_iterations=n_most, seed=seed, stops=True)
        n_iterations.append(fit_stopped(model, cells.read(x), target, weight=weight, x_valid=x_valid, y_valid=of_valid))
        models.append(model)
    return _Trees(head=head, cells=cells, models=tuple(models), n_iterations=tuple(n_iterations))


def _booster(head: Head, cells: _Cells, *, n_iterations: int, seed: int, stops: bool) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    settings: dict[str, Any] = {
        "learning_rate": TREES_RATE,
        "l2_regularization": TREES_L2,
        "max_iter": n_iterations,
        "categorical_features": cells.is_category,
        "early_stopping": stops,
        "n_iter_no_change": TREES_PATIENCE,
        "random_state": integer(seed, Purpose.BASELINE),
    }
    if head.task is not Task.REGRESSION:
        return HistGradientBoostingClassifier(**settings)
    loss = "absolute_error" if head.loss is Loss.MAE else "squared_error"
    return HistGradientBoostingRegressor(loss=loss, **settings)


def _most_iterations(head: Head, *, n_cells: int) -> int:
    """Iterations that a matrix of so many cells is given time for."""
    n_trees = head.n_outputs if head.task is Task.MULTICLASS else 1
    affordable = int(MAX_GROWN_CELLS / (n_cells * n_trees))
    return max(MIN_ITERATIONS, min(MAX_ITERATIONS, MAX_TREES // n_trees, affordable))


def _targets(head: Head, y: NDArray[Any]) -> list[NDArray[Any]]:
    """What each model learns: the classes, or one target after the other."""
    return list(y.T) if head.task is Task.REGRESSION else [_classes(y)]


# --- what they share -------------------------------------------------------------------------------------------------


def _classes(y: NDArray[Any]) -> NDArray[np.int64]:
    """Class numbers, shape (n_rows,), whatever the head wants."""
    return y.reshape(len(y)).astype(np.int64)


def _largest_rows(n_columns: int, n_cells: int) -> int:
    return max(MIN_CAPPED_ROWS, n_cells // max(1, n_columns))


def _drawn(n_rows: int, largest: int, *, seed: int, key: int) -> NDArray[np.int64] | None:
    """The rows to learn from where there are too many; None for all."""
    if n_rows <= largest:
        return None
    return np.sort(generator(seed, Purpose.BASELINE, key).permutation(n_rows)[:largest])


def _of_rows(
    rows: NDArray[np.int64] | None, x: NDArray[np.float32], y: NDArray[Any], weight: NDArray[np.float32] | None
) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[np.float32] | None]:
    if rows is None:
        return x, y, weight
    return x[rows], y[rows], None if weight is None else weight[rows]


_Learnt = TypeVar("_Learnt")


def _by_split(
    splits: Sequence[Split], learn: Callable[[int, Split], _Learnt], is_over: Callable[[], bool]
) -> list[_Learnt]:
    """What is learnt from the first split, then from the others while time is left.

    Splits are learnt from side by side, each by one thread: they do not wait for each other, as threads that share a
    fit do.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    def in_time(number: int) -> list[_Learnt]:
        if number and is_over():
            return []
        with threadpool_limits(limits=1, user_api="openmp"):  # which is set for each thread apart
            return [learn(number, splits[number])]

    with threadpool_limits(limits=1), warnings.catch_warnings(), ThreadPoolExecutor(min(n_cpus(), len(splits))) as pool:
        # Near its end is near enough for a baseline. Filters are the process's, so they are set outside the threads.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = list(pool.map(in_time, range(len(splits))))
    return [one for (one,) in takewhile(bool, found)]


def _ended(name: BaselineName, n_learnt: int, n_splits: int) -> tuple[Finding, ...]:
    if n_learnt == n_splits:
        return ()
    return (found(Code.BASELINE_SPLITS, model=str(name), n=n_learnt, total=n_splits),)


def _capped(name: BaselineName, largest: int, n_rows: int) -> tuple[Finding, ...]:
    return (found(Code.BASELINE_ROWS, model=str(name), n=largest, total=n_rows),) if n_rows > largest else ()
