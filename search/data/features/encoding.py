"""Categories of very many levels: what rows of a level had as target in the mean, each row without its own.

    encoding = (sum of the level's targets + PRIOR_ROWS x mean of all) / (rows of the level + PRIOR_ROWS)

Targets are standardised before, or for classes 1 and 0 less the class's share, doubled; so an unseen level is about 0.
A row that is trained on is encoded by what the other four fifths of the training rows say of its level: its own target
in its own feature would teach the network to read it off there. All other rows are encoded by all training rows.

Source: Pargent, Pfisterer, Thomas, Bischl, Regularized target encoding outperforms traditional methods in supervised
machine learning with high cardinality features, Computational Statistics 2022: five-fold encoding was best or close.
Hashing was the other choice: no target is needed, but levels that fall together stay together, and the runtimes
that take codes for texts cannot hash a text they have no code of.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.network.heads import Head, TargetScale, Task

__all__ = ["MAX_ENCODINGS", "fit_encodings", "n_encodings", "other_fold_encodings", "targets_to_encode"]

PRIOR_ROWS: Final = 10
"""Rows that the mean of all counts for. Choice: a level of ten rows is half believed."""

N_FOLDS: Final = 5
"""Parts of which the other ones encode each. Source: Pargent et al. 2022, section 3."""

MAX_ENCODINGS: Final = 20
"""Most features that a column becomes by its targets. Choice: more classes widen the matrix more than they tell."""


def n_encodings(head: Head) -> int:
    """Features that a category of many levels becomes: one a target, one a class; none where these are too many."""
    n_outputs = len(head.labels) if head.task is Task.MULTICLASS else head.n_outputs
    return n_outputs if n_outputs <= MAX_ENCODINGS else 0


def targets_to_encode(raw: NDArray[Any], head: Head, *, scale: TargetScale | None) -> NDArray[np.float64]:
    """Targets of training rows in the form that is averaged, shape (n_rows, n_encodings).

    Args:
        raw: Targets in the user's units, or numbers of classes; `targets.raw_targets` tells more.
        head: The end of the network.
        scale: How regression targets are standardised.
    """
    if head.task is Task.REGRESSION:
        standardised: NDArray[np.float64] = raw if scale is None else (raw - scale.mean) / scale.scale
        return standardised
    classes = [1] if head.task is Task.BINARY else range(len(head.labels))
    is_class = np.stack([raw == label for label in classes], axis=1).astype(np.float64)
    centred: NDArray[np.float64] = 2 * (is_class - is_class.mean(axis=0))
    return centred


def fit_encodings(places: NDArray[np.int64], targets: NDArray[np.float64], *, n_places: int) -> NDArray[np.float64]:
    """The encoding of every place of a vocabulary; of one that no row has it is the mean of all.

    Args:
        places: Place of each row, shape (n_rows,), below `n_places`.
        targets: Their targets, shape (n_rows, n_encodings).
        n_places: Places; the last one is that of all other texts.

    Returns:
        Shape (n_places, n_encodings).
    """
    counts = np.bincount(places, minlength=n_places)[:, None]
    sums = np.stack([np.bincount(places, weights=column, minlength=n_places) for column in targets.T], axis=1)
    mean = targets.mean(axis=0) if len(targets) else np.zeros(targets.shape[1])
    encodings: NDArray[np.float64] = (sums + PRIOR_ROWS * mean) / (counts + PRIOR_ROWS)
    return encodings


def other_fold_encodings(
    places: NDArray[np.int64], targets: NDArray[np.float64], *, n_places: int
) -> NDArray[np.float64]:
    """The encoding of each training row by rows of the other folds, shape (n_rows, n_encodings).

    Folds go by place, every fifth row: files are often sorted, and neighbours should not fall into one fold.
    """
    fold = np.arange(len(places)) % N_FOLDS
    encoded = np.empty_like(targets)
    for number in range(N_FOLDS):
        mine = fold == number
        others = fit_encodings(places[~mine], targets[~mine], n_places=n_places)
        encoded[mine] = others[places[mine]]
    return encoded
