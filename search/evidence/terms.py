"""What every row adds to a score, so that a score of resampled rows is one matrix product away.

A metric of this package is a simple function of sums over rows: of log probabilities, of hits, of squared errors. Kept
once a row and network, these terms give the score of any resample without reading the predictions again:

    terms (n_models, n_rows, n_terms)   weights (n_resamples, n_rows)   ->   scores (n_resamples, n_models)

The weight of a row is how often a resample drew it. With all weights 1 the score is the metric's own. Where rows weigh
by themselves (`weight`, shape (n_rows,), None: all alike), a draw counts as much as the row does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.evidence.metrics import PROBABILITY_FLOOR, RowWeight, placements
from ffsearch.search.evidence.units import Units
from ffsearch.search.network.heads import Task

__all__ = [
    "RESAMPLED",
    "everyday_metric",
    "everyday_terms",
    "if_wrong",
    "mean_influences",
    "row_influences",
    "row_terms",
    "row_weights",
    "strata",
    "weight_chunks",
    "weighted_scores",
]

Terms = NDArray[np.float32]
Weights = NDArray[np.float32]

CHUNK_CELLS: Final = 8_000_000
"""Weights held at a time, 32 MB. Choice: larger chunks are no faster, matrix products are efficient from 1 MB on."""

RESAMPLED: Final = frozenset({"log_loss", "accuracy", "balanced_accuracy", "roc_auc", "rmse", "mae"})
"""Metrics that have terms: every metric that can be an objective."""


def row_terms(
    task: Task, metric: str, *, truth: NDArray[Any], predictions: NDArray[Any], weight: RowWeight = None
) -> Terms:
    """The terms of one network's predictions.

    Args:
        task: What is predicted.
        metric: Name of a metric in `RESAMPLED`.
        truth: As `metrics` wants it: class numbers (n_rows,) or values (n_rows, n_targets).
        predictions: Probabilities (n_rows, n_classes) or values (n_rows, n_targets).
        weight: What rows weigh; only the places of rows in an order ask for it.

    Returns:
        Shape (n_rows, n_terms). One term a row, but for RMSE one a target, and for ROC AUC of more than two classes one
        a class.
    """
    if metric == "rmse":
        return np.asarray(np.square(predictions - truth), np.float32)
    if metric == "mae":
        return np.asarray(np.abs(predictions - truth).mean(axis=1, keepdims=True), np.float32)
    if metric == "log_loss":
        given = np.where(truth >= 0, predictions[np.arange(len(truth)), np.maximum(truth, 0)], 0.0)
        return np.asarray(-np.log(np.clip(given, PROBABILITY_FLOOR, 1.0))[:, None], np.float32)
    if metric in ("accuracy", "balanced_accuracy"):
        return np.asarray((predictions.argmax(axis=1) == truth)[:, None], np.float32)
    classes = _curves(predictions.shape[1] if task is Task.MULTICLASS else 2)
    return np.column_stack([_placements(truth == number, predictions[:, number], weight) for number in classes])


def everyday_terms(task: Task, *, truth: NDArray[Any], predictions: NDArray[Any], weight: RowWeight = None) -> Terms:
    """What every row adds to the score that a figure for readers shows; its mean is the score.

    Of classes whether the answer is right; of numbers the share of these rows' variance that is explained, mean over
    targets, with the variance of all rows for the unit.

    Args:
        task: What is predicted.
        truth: As for `row_terms`.
        predictions: As for `row_terms`.
        weight: What rows weigh.

    Returns:
        Shape (n_rows, 1); NaN where a target does not vary.
    """
    if task is not Task.REGRESSION:
        return row_terms(task, "accuracy", truth=truth, predictions=predictions)
    mean = np.average(truth, axis=0, weights=weight)
    spread = np.average(np.square(truth - mean), axis=0, weights=weight)
    unexplained = np.square(predictions - truth) / np.where(spread > 0, spread, np.nan)
    return np.asarray(1.0 - unexplained.mean(axis=1, keepdims=True), np.float32)


def everyday_metric(task: Task) -> Literal["accuracy", "r2"]:
    """The name of the score that `everyday_terms` are of; higher is better."""
    return "r2" if task is Task.REGRESSION else "accuracy"


def weighted_scores(
    metric: str, *, truth: NDArray[Any], terms: Terms, weights: Weights, weight: RowWeight = None
) -> NDArray[np.float64]:
    """The score of every network on every resample.

    For ROC AUC this is exact where all weights are alike, and else its projection on single rows (the placement values
    of DeLong et al. 1988), which leaves out what pairs of rows add: of order 1 / n_rows beside a spread of order
    1 / sqrt(n_rows).

    Args:
        metric: The metric the terms are of.
        truth: As for `row_terms`; classes are looked at, values are not.
        terms: Shape (n_models, n_rows, n_terms).
        weights: How often each row was drawn, shape (n_resamples, n_rows).
        weight: What rows weigh.

    Returns:
        Shape (n_resamples, n_models); NaN where a resample holds no row that the metric needs.
    """
    own = None if weight is None else _own(weight, len(truth)).astype(np.float32)
    weights = weights if own is None else weights * own
    if metric == "balanced_accuracy":
        shares = [_means(terms[:, rows], weights[:, rows])[:, :, 0] for rows in _members(truth)]
        return _mean_of_known(shares)
    if metric == "roc_auc":
        return _areas(truth, terms, weights, own)
    means = _means(terms, weights)
    if metric == "rmse":
        return np.asarray(np.sqrt(np.maximum(means, 0)).mean(axis=2))
    return np.asarray(means[:, :, 0])


def row_influences(metric: str, *, truth: NDArray[Any], terms: Terms, weight: RowWeight = None) -> NDArray[np.float64]:
    """What every row adds to every network's score: their mean is the score, their spread its error over rows.

    Exact for scores that are means of rows that weigh alike; else linear in the rows, the derivative of
    `weighted_scores` by their weights.

    Args:
        metric: The metric the terms are of.
        truth: As for `row_terms`.
        terms: Shape (n_models, n_rows, n_terms).
        weight: What rows weigh.

    Returns:
        Shape (n_models, n_rows); NaN where the score is not defined on these rows.

    Source: the infinitesimal jackknife, Efron and Tibshirani 1993, chapter 22; for ROC AUC DeLong et al. 1988.
    """
    exact, own = terms.astype(np.float64), _own(weight, terms.shape[1])
    if metric == "balanced_accuracy":
        return _added(exact[:, :, 0], _members(truth), own)
    if metric == "roc_auc":
        return _added_to_areas(truth, exact, own)
    if metric == "rmse":
        means = np.average(exact, axis=1, weights=own)[:, None]
        roots = np.sqrt(means)
        return np.asarray((roots + own[:, None] * (exact - means) / (2 * np.maximum(roots, _TINY))).mean(axis=2))
    return exact[:, :, 0] if weight is None else _of_mean(exact[:, :, 0], exact[:, :, 0], own)


def mean_influences(values: NDArray[np.float64], weight: RowWeight) -> NDArray[np.float64]:
    """What every row adds to the weighted mean of some values, which is their mean, shape (n_rows,)."""
    return values if weight is None else _of_mean(values[None], values[None], _own(weight, len(values)))[0]


def if_wrong(metric: str, *, truth: NDArray[Any], terms: Terms, weight: RowWeight = None) -> NDArray[np.float64] | None:
    """What every row would add to every network's score if the network were wrong about it.

    How dear an error is that was not seen, the predictions say themselves: a network that gives the true class .999
    would pay the logarithm of .001. Rows about which an order of rows knows nothing are at their place by a coin.

    Args:
        metric: The metric the terms are of.
        truth: As for `row_terms`.
        terms: Shape (n_models, n_rows, n_terms).
        weight: What rows weigh.

    Returns:
        Shape (n_models, n_rows); None for numbers, whose errors have no bound.
    """
    added = row_influences(metric, truth=truth, terms=terms, weight=weight)
    exact, n_rows, own = terms.astype(np.float64), terms.shape[1], _own(weight, terms.shape[1])
    if metric == "log_loss":
        others = -np.expm1(-np.maximum(exact[:, :, 0], 0.0))  # the probability of all other classes
        dear = -np.log(np.clip(others, PROBABILITY_FLOOR, 1.0))
        return np.asarray(dear if weight is None else _of_mean(dear, exact[:, :, 0], own))
    if metric == "accuracy":
        return added - own * exact[:, :, 0]
    if metric == "balanced_accuracy":
        members = _members(truth)
        for rows in members:
            added[:, rows] -= exact[:, rows, 0] * (own[rows] * n_rows / (own[rows].sum() * len(members)))
        return added
    if metric == "roc_auc":
        n_curves = terms.shape[2]
        known = [(place, positive) for place, positive in _sides(truth, n_curves) if 0 < positive.sum() < n_rows]
        for place, positive in known:
            n_alike = np.where(positive, own[positive].sum(), own[~positive].sum())
            added += (0.5 - exact[:, :, place]) * own * n_rows / (n_alike * len(known))
        return added
    return None


def strata(metric: str, truth: NDArray[Any]) -> list[NDArray[np.intp]]:
    """The rows among which an error that was not seen would be one of few: all, or those of a class that weighs alone.

    Args:
        metric: The metric.
        truth: As for `row_terms`.
    """
    return _members(truth) if metric in ("balanced_accuracy", "roc_auc") else [np.arange(len(truth))]


def row_weights(n_resamples: int, *, units: Units, rng: np.random.Generator) -> Weights:
    """Bootstrap resamples as counts, shape (n_resamples, n_rows): as many draws as there are units.

    Args:
        n_resamples: How many resamples.
        units: The unit of every row: they are drawn whole, since their rows are not independent.
        rng: Where draws come from.
    """
    n_units = units.n_units
    drawn = rng.integers(n_units, size=(n_resamples, n_units))
    drawn += np.arange(n_resamples)[:, None] * n_units
    counts = np.bincount(drawn.ravel(), minlength=n_resamples * n_units).reshape(n_resamples, n_units)
    return counts[:, units.numbers].astype(np.float32)


def weight_chunks(n_resamples: int, *, units: Units, rng: np.random.Generator) -> Iterator[Weights]:
    """`row_weights`, a part at a time, so that memory does not grow with the number of resamples."""
    size = max(1, CHUNK_CELLS // max(1, len(units.numbers)))
    for start in range(0, n_resamples, size):
        yield row_weights(min(size, n_resamples - start), units=units, rng=rng)


def _means(terms: Terms, weights: Weights) -> NDArray[np.float64]:
    """Weighted means of all terms, shape (n_resamples, n_models, n_terms); NaN for a resample without a row."""
    n_models, n_rows, n_terms = terms.shape
    flat = np.moveaxis(terms, 1, 0).reshape(n_rows, n_models * n_terms)
    # Sums in float32 keep about six digits once the terms are centred, and one matrix product is what makes this fast.
    centre = flat.mean(axis=0, dtype=np.float64) if n_rows else np.zeros(n_models * n_terms)
    sums = weights @ (flat - centre.astype(np.float32))
    total = weights.sum(axis=1, dtype=np.float64)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / total + centre.astype(np.float32)
    return np.asarray(means, np.float64).reshape(len(weights), n_models, n_terms)


def _members(truth: NDArray[Any]) -> list[NDArray[np.intp]]:
    """The rows of every class that is there."""
    return [np.flatnonzero(truth == number) for number in np.unique(truth)]


def _own(weight: RowWeight, n_rows: int) -> NDArray[np.float64]:
    """What rows weigh, mean 1, shape (n_rows,)."""
    return np.ones(n_rows) if weight is None else np.asarray(weight / np.mean(weight), np.float64)


def _of_mean(values: NDArray[np.float64], terms: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    """What rows of some values add to the weighted mean of terms, which is a ratio of sums: (n_models, n_rows)."""
    means = np.average(terms, axis=1, weights=own)[:, None]
    return np.asarray(means + own * (values - means))


def _added(
    terms: NDArray[np.float64], members: Sequence[NDArray[np.intp]], own: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What rows add to the mean over sets of the sets' means, shape (n_models, n_rows)."""
    n_rows = terms.shape[1]
    means = np.stack([np.average(terms[:, rows], axis=1, weights=own[rows]) for rows in members], axis=1)
    added = np.repeat(means.mean(axis=1, keepdims=True), n_rows, axis=1)
    for place, rows in enumerate(members):
        share = own[rows] * n_rows / (own[rows].sum() * len(members))
        added[:, rows] += (terms[:, rows] - means[:, [place]]) * share
    return added


def _added_to_areas(truth: NDArray[Any], terms: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    """The influence of every row on the area under each ROC curve (DeLong, DeLong and Clarke-Pearson 1988).

    The placements of the positive rows have the area as their mean, and so have those of the negative rows: a row's
    influence is twice its share of both means, less the area.
    """
    areas = []
    for place, positive in _sides(truth, terms.shape[2]):
        if positive.any() and not positive.all():
            term = terms[:, :, place]
            added = _added(term, [np.flatnonzero(positive), np.flatnonzero(~positive)], own)
            areas.append(2 * added - added.mean(axis=1, keepdims=True))
    return np.mean(areas, axis=0) if areas else np.full(terms.shape[:2], np.nan)


_TINY: Final = 1e-30
"""Keeps an error of nothing from being divided by."""


def _curves(n_classes: int) -> Sequence[int]:
    """The classes that have a ROC curve of their own: of two, the second."""
    return [1] if n_classes == 2 else range(n_classes)


def _sides(truth: NDArray[Any], n_curves: int) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Of every curve its place among the terms, and which rows are of its class."""
    for place, number in enumerate([1] if n_curves == 1 else range(n_curves)):
        yield place, truth == number


def _areas(truth: NDArray[Any], terms: Terms, weights: Weights, own: NDArray[np.float32] | None) -> NDArray[np.float64]:
    areas = []
    for place, positive in _sides(truth, terms.shape[2]):
        if not positive.any() or positive.all():
            continue
        term = terms[:, :, place : place + 1]
        alike = None if own is None else own[positive].astype(np.float64)
        whole = np.average(term[:, positive, 0].astype(np.float64), axis=1, weights=alike)
        ends = [_means(term[:, rows], weights[:, rows])[:, :, 0] for rows in (positive, ~positive)]
        areas.append(np.clip(ends[0] + ends[1] - whole, 0.0, 1.0))
    return _mean_of_known(areas) if areas else np.full((len(weights), len(terms)), np.nan)


def _placements(positive: NDArray[np.bool_], score: NDArray[Any], weight: RowWeight) -> Terms:
    """`metrics.placements`; NaN where there is one class only."""
    if not positive.any() or positive.all():
        return np.full(len(score), np.nan, np.float32)
    return placements(positive, score, weight).astype(np.float32)


def _mean_of_known(values: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean over what is known of the first axis; NaN where nothing is."""
    stacked = np.stack(values)
    known = np.isfinite(stacked)
    n_known = known.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, stacked, 0.0).sum(axis=0) / np.where(n_known, n_known, np.nan))
