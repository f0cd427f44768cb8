"""Early stopping of boosted trees on validation rows of our own choice, under every scikit-learn we take.

scikit-learn 1.7 takes such rows in `fit`. Before it, `fit` could judge only by rows that it drew itself from those it
learns from, so there trees are grown in stages, and the same rule is applied to the losses of the stages. Both ways
lead to the same trees, bit for bit.
"""

from __future__ import annotations

import inspect
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.evidence.baseline_models.rivals import medians

__all__ = ["fit_stopped", "fit_stopped_in_stages"]

_FIRST_STAGE: Final = 50
"""Iterations grown before the rule is first asked, then twice as many each time.

choice: at a rate of 0.1 many tables stop before that; doubling grows at most twice the trees that are needed.
"""


def fit_stopped(
    model: Any,
    x: NDArray[np.float32],
    y: NDArray[Any],
    *,
    weight: NDArray[np.float32] | None,
    x_valid: NDArray[np.float32],
    y_valid: NDArray[Any],
    weight_valid: NDArray[np.float32] | None = None,
) -> int:
    """Grow trees until the validation loss has not fallen for `n_iter_no_change` iterations.

    Args:
        model: A `HistGradientBoosting` model that shall stop early; it learns here.
        x: What is learnt from, shape (n_train, n_columns).
        y: Classes or one target, shape (n_train,).
        weight: Weight of each training row; None when all count alike.
        x_valid: What the loss is judged on, shape (n_valid, n_columns).
        y_valid: Its classes, all of which `y` has too, or its target, shape (n_valid,).
        weight_valid: Weight of each of these rows in that loss; None when all count alike.

    Returns:
        The iterations with the lowest validation loss, at least one. The model may have grown more.
    """
    if "X_val" not in inspect.signature(model.fit).parameters:
        return fit_stopped_in_stages(
            model, x, y, weight=weight, x_valid=x_valid, y_valid=y_valid, weight_valid=weight_valid
        )
    model.fit(x, y, sample_weight=weight, X_val=x_valid, y_val=y_valid, sample_weight_val=weight_valid)
    return max(1, int(np.argmax(model.validation_score_)))  # place 0 is before the first tree


def fit_stopped_in_stages(
    model: Any,
    x: NDArray[np.float32],
    y: NDArray[Any],
    *,
    weight: NDArray[np.float32] | None,
    x_valid: NDArray[np.float32],
    y_valid: NDArray[Any],
    weight_valid: NDArray[np.float32] | None = None,
) -> int:
    """See `fit_stopped`: the same without validation rows in `fit`."""
    n_most, n_grown = model.max_iter, _FIRST_STAGE
    model.set_params(early_stopping=False, warm_start=True)
    staged = model.staged_decision_function if model.loss == "log_loss" else model.staged_predict
    while True:
        model.set_params(max_iter=min(n_grown, n_most)).fit(x, y, sample_weight=weight)
        stages = [_before_trees(model, y, weight=weight, n_rows=len(x_valid)), *staged(x_valid)]
        losses = [_loss(model, raw, y_valid, weight_valid) for raw in stages]
        stop = _stop(losses, patience=model.n_iter_no_change, tolerance=model.tol)
        if stop is not None or n_grown >= n_most:
            return max(1, int(np.argmin(losses[:stop])))
        n_grown *= 2


def _stop(losses: list[float], *, patience: int, tolerance: float) -> int | None:
    """How many losses had been seen when none of the last `patience` was better than the one before them."""
    for n_seen in range(patience + 1, len(losses) + 1):
        reference, *recent = losses[n_seen - patience - 1 : n_seen]
        if min(recent) >= reference - tolerance:
            return n_seen
    return None


def _before_trees(
    model: Any, y: NDArray[Any], *, weight: NDArray[np.float32] | None, n_rows: int
) -> NDArray[np.float64]:
    """What boosting starts from, as the stages answer for each validation row: the constant of the lowest loss."""
    if model.loss == "log_loss":
        _, codes = np.unique(y, return_inverse=True)
        logits = np.log(np.bincount(codes, weights=weight))
        return np.full(n_rows, logits[1] - logits[0]) if len(logits) == 2 else np.tile(logits, (n_rows, 1))
    exact = y.astype(np.float64)[:, None]
    middle = medians(exact, weight) if model.loss == "absolute_error" else np.average(exact, axis=0, weights=weight)
    return np.full(n_rows, middle.item())


def _loss(model: Any, raw: NDArray[np.float64], y: NDArray[Any], weight: NDArray[np.float32] | None) -> float:
    """Mean loss of raw predictions in the unit that boosting counts in, to which its tolerance refers."""
    if model.loss == "log_loss":
        logits = np.column_stack([np.zeros(len(raw)), raw]) if raw.ndim == 1 else raw
        of_truth = logits[np.arange(len(logits)), np.searchsorted(model.classes_, y)]
        return float(np.average(np.logaddexp.reduce(logits, axis=1) - of_truth, weights=weight))
    residual = y.astype(np.float64) - raw
    lost = np.abs(residual) if model.loss == "absolute_error" else 0.5 * residual**2
    return float(np.average(lost, weights=weight))
