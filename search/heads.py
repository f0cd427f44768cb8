"""Output layer and loss by task: which belong together, and why others are refused. No Keras here.

| task | output | loss | because |
|---|---|---|---|
| regression | linear, one unit a target | mse (mae, huber on request) | Gaussian |
| binary | sigmoid, one unit | binary cross-entropy | Bernoulli |
| multiclass | softmax, one unit a class | categorical cross-entropy | Multinoulli |

Training works on logits and on standardised targets; people get probabilities, labels and their own units.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Head", "Loss", "Task"]


class Task(StrEnum):
    """What is predicted."""

    REGRESSION = "regression"
    BINARY = "binary"
    MULTICLASS = "multiclass"


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
