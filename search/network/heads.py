"""Output layer and loss by task: which belong together, and why others are refused. No Keras here.

| task | output | loss | because |
|---|---|---|---|
| regression | linear, one unit a target | mse (mae, huber on request) | Gaussian |
| binary | sigmoid, one unit | binary cross-entropy | Bernoulli |
| multiclass | softmax, one unit a class | categorical cross-entropy | Multinoulli |

Training works on logits and on standardised targets; people get probabilities, labels and their own units. The NumPy
functions here work in float64 and are what the trainers are checked against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import SpaceError
from ffsearch.search.network import defaults
from ffsearch.spaces.pairing import LOSSES, OUTPUTS

__all__ = [
    "PAIRINGS",
    "Head",
    "Loss",
    "Output",
    "Pairing",
    "TargetScale",
    "Task",
    "check_pairing",
    "default_loss",
    "mean_logits",
    "mean_loss",
    "probabilities",
    "row_losses",
    "values",
]


class Task(StrEnum):
    """What is predicted."""

    REGRESSION = "regression"
    BINARY = "binary"
    MULTICLASS = "multiclass"


class Output(StrEnum):
    """What the output layer's units mean."""

    LINEAR = "linear"
    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"


class Loss(StrEnum):
    """What is minimised."""

    MSE = "mse"
    MAE = "mae"
    HUBER = "huber"
    BINARY_CROSSENTROPY = "binary_crossentropy"
    CATEGORICAL_CROSSENTROPY = "categorical_crossentropy"


@dataclass(frozen=True, kw_only=True)
class Head:
    """The end of a network, fixed by the data and not searched.

    Args:
        task: What is predicted.
        loss: What is minimised.
        n_outputs: Units of the output layer: targets, 1, or classes.
        target_names: Names of the target columns; classes have one.
        labels: Names of the classes in the order of their numbers, two for binary (the second is the positive one);
            empty for regression.
    """

    task: Task
    loss: Loss
    n_outputs: int
    target_names: tuple[str, ...]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TargetScale:
    """How regression targets were standardised: `standardised = (raw - mean) / scale`, each of shape (n_outputs,)."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]


# --- which output and loss belong to which task ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """One row of the table: the output a task has, its losses (the default first), and why."""

    output: Output
    losses: tuple[Loss, ...]
    because: str


_BECAUSE: Final = {
    Task.REGRESSION: "a number with Gaussian noise has no bounds, and its likelihood is the squared error",
    Task.BINARY: "a yes or no is Bernoulli: one probability, whose likelihood is the binary cross-entropy",
    Task.MULTICLASS: "one class of several is Multinoulli: probabilities that sum to 1, whose likelihood is the "
    "categorical cross-entropy",
}
"""Source: Goodfellow, Bengio, Courville 2016, section 6.2.2 (output units and the likelihoods they come from)."""

PAIRINGS: Final[dict[Task, Pairing]] = {
    task: Pairing(output=Output(OUTPUTS[task]), losses=tuple(map(Loss, LOSSES[task])), because=because)
    for task, because in _BECAUSE.items()
}
"""As space files have them."""


def default_loss(task: Task) -> Loss:
    """The loss of a task when none is asked for."""
    return PAIRINGS[task].losses[0]


def check_pairing(task: Task, *, loss: Loss | None = None, output: Output | None = None) -> None:
    """Refuse an output or a loss that does not belong to the task; None stands for the task's own.

    Raises:
        SpaceError: With the reason, and with what is legal.
    """
    pairing = PAIRINGS[task]
    wrong = []
    if output is not None and output is not pairing.output:
        wrong.append(f"output {output}")
    if loss is not None and loss not in pairing.losses:
        wrong.append(f"loss {loss}")
    if wrong:
        legal = f"output {pairing.output} with loss {' or '.join(pairing.losses)}"
        raise SpaceError(
            f"{' and '.join(wrong)} does not fit task {task}: {pairing.because}. "
            f"Use {legal}, or leave both out and get {pairing.output} with {pairing.losses[0]}."
        )


# --- from logits to predictions ---------------------------------------------------------------------------------------


def probabilities(head: Head, logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Class probabilities.

    Args:
        head: Of a binary or multiclass task.
        logits: Shape (n_rows, n_outputs).

    Returns:
        Shape (n_rows, n_classes), in the order of `head.labels`; two columns for binary.
    """
    scores = np.asarray(logits, np.float64)
    if head.task is Task.BINARY:
        scores = np.hstack([np.zeros_like(scores), scores])
    return np.exp(_log_softmax(scores))


def values(head: Head, logits: NDArray[np.floating[Any]], *, scale: TargetScale) -> NDArray[np.float64]:
    """Predicted targets in the user's units, shape (n_rows, n_outputs).

    Args:
        head: Of a regression.
        logits: Standardised predictions, shape (n_rows, n_outputs).
        scale: How the targets were standardised.
    """
    standardised = np.asarray(logits, np.float64).reshape(-1, head.n_outputs)
    return standardised * scale.scale + scale.mean


def mean_logits(head: Head, several: Sequence[NDArray[np.floating[Any]]]) -> NDArray[np.float32]:
    """Logits of the mean of what several networks answer: of their probabilities, or of their values.

    Args:
        head: The end of all of them.
        several: Their logits, each of shape (n_rows, n_outputs).

    Returns:
        Shape (n_rows, n_outputs).
    """
    if head.task is Task.REGRESSION:
        return np.asarray(np.mean(several, axis=0, dtype=np.float64), np.float32)
    scores = [np.asarray(logits, np.float64) for logits in several]
    if head.task is Task.BINARY:
        scores = [np.hstack([np.zeros_like(one), one]) for one in scores]
    logs = np.logaddexp.reduce([_log_softmax(one) for one in scores], axis=0) - np.log(len(scores))
    return np.asarray(logs[:, 1:] - logs[:, :1] if head.task is Task.BINARY else logs, np.float32)


# --- the losses, as the trainers must have them ----------------------------------------------------------------------


def mean_loss(
    head: Head,
    y: NDArray[np.floating[Any]] | NDArray[np.integer[Any]],
    logits: NDArray[np.floating[Any]],
    *,
    weight: NDArray[np.floating[Any]] | None = None,
) -> float:
    """The head's loss on its own scale: mean over outputs, then over rows; without penalties.

    Args:
        head: The end of the network.
        y: Targets as a `Split` holds them.
        logits: Shape (n_rows, n_outputs).
        weight: Of each row, mean 1, shape (n_rows,); None when all count alike.
    """
    losses = row_losses(head, y, logits)
    return float(np.mean(losses if weight is None else losses * weight))


def row_losses(
    head: Head, y: NDArray[np.floating[Any]] | NDArray[np.integer[Any]], logits: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """The head's loss of every row, mean over outputs, shape (n_rows,); NaN or infinite for a diverged network."""
    scores = np.asarray(logits, np.float64).reshape(-1, head.n_outputs)
    with np.errstate(invalid="ignore", over="ignore"):
        if head.loss is Loss.CATEGORICAL_CROSSENTROPY:
            numbers = np.asarray(y, np.int64).reshape(-1)
            return -np.asarray(_log_softmax(scores)[np.arange(len(numbers)), numbers])
        targets = np.asarray(y, np.float64).reshape(scores.shape)
        return np.asarray(_ELEMENTWISE[head.loss](targets, scores).mean(axis=1))


def _huber(y: NDArray[np.float64], predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared up to `HUBER_DELTA`, linear beyond."""
    delta = defaults.HUBER_DELTA
    error = np.abs(y - predicted)
    return np.where(error <= delta, error**2 / 2, delta * error - delta**2 / 2)


def _log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shifted by the largest score, so that no exponential overflows."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


_ELEMENTWISE: Final[dict[Loss, Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]]] = {
    Loss.MSE: lambda y, predicted: (y - predicted) ** 2,
    Loss.MAE: lambda y, predicted: np.abs(y - predicted),
    Loss.HUBER: _huber,
    Loss.BINARY_CROSSENTROPY: lambda y, logits: np.logaddexp(0.0, logits) - y * logits,
}
