"""Rows of a run's table for the playground of its report: training and validation rows of one split, none sealed.

run folder, table -> the run's first repeat (else its first fold) -> some of its rows, prepared -> `PlaygroundRows`

The first repeat is the split that finalists were trained on again, so what the found network answered on its validation
rows is kept in the run folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import RunError
from ffsearch.search.base.seeds import Purpose, generator
from ffsearch.search.data.features.images import ImagePreprocessor
from ffsearch.search.data.features.preprocess import Preprocessor
from ffsearch.search.data.parsing.spelling import Spelling
from ffsearch.search.data.weights import of_mean_one
from ffsearch.search.evidence.predictions import FOLDER, RepeatPredictions
from ffsearch.search.folder.playground import FoundRows, MatrixColumn, MatrixPart, PlaygroundRows
from ffsearch.search.folder.reader import StoredRun, load
from ffsearch.search.network import defaults
from ffsearch.search.network.heads import Head, TargetScale, Task, row_losses
from ffsearch.search.steps.replay import same_inputs
from ffsearch.search.training.stopping import stopping_for

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.data.features.columns import CategoryColumn, NumberColumn
    from ffsearch.search.data.features.images import AnyPreprocessor
    from ffsearch.search.data.features.problem import Split
    from ffsearch.search.data.prepare import Prepared
    from ffsearch.search.steps.inputs import Inputs
    from ffsearch.spaces.schema import SearchSpace

__all__ = ["MAX_ROWS", "Kept", "carried_rows", "constants_of_training", "playground_rows"]

MAX_ROWS: Final = 2_000
"""Rows that a page carries at most. choice: an epoch of a small network stays well below a second in a browser."""

VALID_ROWS: Final = 600
"""Validation rows among them, where there are as many. choice: the interval of a score is 4 % of its spread then."""

_ROWS: Final = 21
"""Key of the generator that draws them."""

_TICKS: Final = (0.05, 0.5, 0.95)
"""Quantiles of a number's training rows that its scale names."""

_FIRST: Final = 1
"""The repeat whose split is played with."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """What the found network answered in the first repeat.

    Args:
        topology: Its line.
        outputs: On the repeat's validation rows, (n_valid, n_outputs).
    """

    topology: str
    outputs: NDArray[np.float32]


def playground_rows(path: str | Path, *, data: str | pd.DataFrame | None = None) -> PlaygroundRows:
    """Rows of the table that a run was made from, as its networks read them.

    Args:
        path: The run folder.
        data: Where the table lies now, or the frame itself; by default where the run found it.

    Raises:
        RunError: If the run is a capacity study, or the table is not the one it was made from.
        DataError: If the table cannot be read.
    """
    run = load(path)
    if run.results.kind == "capacity":
        raise RunError(f"{run.path} is a capacity study, and a playground is of a search. Name the folder of a search.")
    inputs = same_inputs(run, data)
    return carried_rows(inputs, kept=_kept(run, inputs.prepared))


def carried_rows(inputs: Inputs[SearchSpace], *, kept: Kept | None) -> PlaygroundRows:
    """The rows that a page carries.

    Args:
        inputs: The run's space and table.
        kept: What the found network answered in the first repeat; None: the search's own (last) fold is played with.
    """
    prepared, head, repeat = inputs.prepared, inputs.prepared.head, 0 if kept is None else _FIRST
    train, valid = prepared.repeat_rows(repeat)
    split, preprocessor = prepared.repeats([repeat]).splits[0], prepared.repeat_preprocessor(repeat)
    of_train, of_valid = _drawn(len(train), len(valid), seed=inputs.space.search.seed)
    return PlaygroundRows(
        task=str(head.task), loss=str(head.loss), target=head.target_names, labels=head.labels,
        n_outputs=head.n_outputs, columns=tuple(_columns(preprocessor, prepared, train)),
        x=np.concatenate([split.x_train[of_train], split.x_valid[of_valid]]),
        y=np.concatenate([split.y_train[of_train], split.y_valid[of_valid]]),
        weight=_weight(split, of_train, of_valid), n_train=len(of_train), n_of_train=len(train),
        n_of_valid=len(valid), scale=_scale(head, split.target_scale), constants=constants_of_training(),
        batch_size=stopping_for(inputs.space.train, len(of_train)).batch_size, patience=defaults.PATIENCE_UPDATES,
        most=defaults.MAX_UPDATES, found=None if kept is None else _found(head, split, kept, of_valid),
    )  # fmt: skip


def _kept(run: StoredRun, prepared: Prepared) -> Kept | None:
    """What the winner's network answered in the first repeat; None where that is not kept."""
    best = run.results.best
    if best is None or not (run.path / FOLDER / f"repeat-{_FIRST}.bin").exists():
        return None
    split = prepared.repeats([_FIRST]).splits[0]
    numbers, outputs = RepeatPredictions.file(run.path, _FIRST, split, prepared.head).read()
    if best.trial not in numbers:
        return None
    return Kept(topology=best.topology, outputs=outputs[0][numbers.index(best.trial)])


def _drawn(n_train: int, n_valid: int, *, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the rows that are carried, ascending, of those to learn from and of those to be judged by."""
    rng = generator(seed, Purpose.EVIDENCE, _ROWS)
    most_valid = min(n_valid, max(VALID_ROWS, MAX_ROWS - n_train))
    most_train = min(n_train, MAX_ROWS - most_valid)
    return np.sort(rng.permutation(n_train)[:most_train]), np.sort(rng.permutation(n_valid)[:most_valid])


def _weight(split: Split, train: NDArray[np.int64], valid: NDArray[np.int64]) -> NDArray[np.float32] | None:
    if split.train_weight is None or split.valid_weight is None:
        return None
    return np.concatenate([_mean_one(split.train_weight[train]), _mean_one(split.valid_weight[valid])])


def _mean_one(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    return of_mean_one(weight.astype(np.float64))


def _scale(head: Head, scale: TargetScale | None) -> tuple[float, float] | None:
    if scale is None or head.n_outputs > 1:
        return None
    return float(scale.mean[0]), float(scale.scale[0])


def _found(head: Head, split: Split, kept: Kept, rows: NDArray[np.int64]) -> FoundRows:
    """What the found network answered on some validation rows, as losses and as a measure people know."""
    y, outputs = split.y_valid[rows], kept.outputs[rows]
    return FoundRows(
        topology=kept.topology, n_train=len(split.x_train), losses=row_losses(head, y, outputs).astype(np.float32),
        seconds=_second_measure(head, split, y, outputs),
    )  # fmt: skip


def _second_measure(head: Head, split: Split, y: NDArray[Any], outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Whether each class is right, 1 or 0; or how far off each number is, in its own unit where there is one target."""
    if head.task is Task.MULTICLASS:
        return np.asarray(outputs.argmax(axis=1) == y, np.float32)
    if head.task is Task.BINARY:
        return np.asarray((outputs[:, 0] > 0) == (y.reshape(-1) > 0), np.float32)
    unit = _scale(head, split.target_scale)
    error = np.abs(outputs - y.reshape(outputs.shape)).mean(axis=1)
    return np.asarray(error * (1.0 if unit is None else unit[1]), np.float32)


def constants_of_training() -> dict[str, float]:
    """The numbers of training that lanes have, by the names the playground's trainer knows them by."""
    return {
        "adam_beta_1": defaults.ADAM_BETA_1, "adam_beta_2": defaults.ADAM_BETA_2,
        "optimizer_epsilon": defaults.OPTIMIZER_EPSILON, "later_weights": defaults.LATER_WEIGHTS,
        "batch_norm_momentum": defaults.BATCH_NORM_MOMENTUM, "batch_norm_epsilon": defaults.BATCH_NORM_EPSILON,
        "leaky_relu": defaults.LEAKY_RELU_SLOPE, "prelu": defaults.PRELU_START, "elu": defaults.ELU_ALPHA,
        "selu_alpha": defaults.SELU_ALPHA, "selu_scale": defaults.SELU_SCALE,
        "truncated_std": defaults.TRUNCATED_NORMAL_STD, "huber_delta": defaults.HUBER_DELTA,
    }  # fmt: skip


# --- what the columns of the matrix are, in their order --------------------------------------------------------------


def _columns(preprocessor: AnyPreprocessor, prepared: Prepared, rows: NDArray[np.int64]) -> Iterator[MatrixColumn]:
    if not isinstance(preprocessor, Preprocessor):
        assert isinstance(preprocessor, ImagePreprocessor)
        yield from (MatrixColumn(column=name, part=MatrixPart.NUMBER) for name in preprocessor.feature_names)
        return
    places = np.searchsorted(prepared.development_rows, rows)
    for number in preprocessor.numbers:
        ticks = _ticks(number, prepared.raw[number.name][places])
        yield MatrixColumn(column=number.name, part=MatrixPart.NUMBER, ticks=ticks)
    for number in preprocessor.numbers:
        if number.flag:
            yield MatrixColumn(column=number.name, part=MatrixPart.MISSING)
    for category in preprocessor.categories:
        yield from _slots(category)
    for cycles in preprocessor.cycles:
        for place in range(1, len(cycles.feature_names) + 1):
            yield MatrixColumn(column=cycles.name, part=MatrixPart.CALENDAR, detail=str(place))
    for number in preprocessor.numbers:
        for place in range(1, number.n_bins + 1):
            yield MatrixColumn(column=number.name, part=MatrixPart.BIN, detail=str(place))


def _slots(category: CategoryColumn) -> Iterator[MatrixColumn]:
    name, part = category.name, MatrixPart.STEP if category.ordered else MatrixPart.LEVEL
    for level in category.levels[category.ordered :]:
        yield MatrixColumn(column=name, part=part if level else MatrixPart.MISSING, detail=level)
    yield MatrixColumn(column=name, part=MatrixPart.OTHER)
    for place in range(1, category.n_features - category.n_slots + 1):
        yield MatrixColumn(column=name, part=MatrixPart.TARGET, detail=str(place))


def _ticks(number: NumberColumn, raw: NDArray[np.float32]) -> tuple[tuple[float, float], ...]:
    """Places on a number's scale that people can read; none of dates and times, which are days there."""
    known = raw[np.isfinite(raw)]
    if not isinstance(number.reading, Spelling) or not len(known):
        return ()
    numbers = np.unique(np.quantile(known, _TICKS, method="nearest")).astype(np.float32)
    offset = float(number.reading.as_dict().get("offset", 0.0))
    places = number.scaled(numbers)
    return tuple((float(place), float(value) + offset) for place, value in zip(places, numbers, strict=True))
