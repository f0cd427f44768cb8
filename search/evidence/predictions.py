"""What networks answered on rows they had not learnt from, kept in the run folder and read back as terms of a score.

evidence/search.bin     a record a trial: terms of the objective on its validation rows (a part of them, if many)
evidence/repeat-N.bin   a record a network of repeat N: its outputs on all validation rows of that repeat
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.objective import Objective
from ffsearch.search.base.seeds import Purpose, generator
from ffsearch.search.data.features.problem import Problem, Split
from ffsearch.search.data.splits import Guide
from ffsearch.search.evidence.correction import OutOfSample, Part
from ffsearch.search.evidence.scoring import predictions_from_logits, truth_of
from ffsearch.search.evidence.stored import TermsFile, kept_rows
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.evidence.units import units_of
from ffsearch.search.network.heads import Head, TargetScale, Task
from ffsearch.search.training.protocol import Trained

__all__ = ["FOLDER", "RepeatPredictions", "SearchPredictions", "pooled_weight", "terms_of"]

FOLDER: Final = "evidence"

EXPECTED_TRIALS: Final = 1_000
"""Trials the rows kept are chosen for. choice: a constant, so that a search that goes on keeps the same rows."""

_KEPT: Final = 0
"""Key of the generator that draws the rows kept."""


def terms_of(
    head: Head,
    objective: Objective,
    y: NDArray[Any],
    logits: NDArray[Any],
    *,
    scale: TargetScale | None,
    weight: NDArray[Any] | None = None,
) -> NDArray[np.float32]:
    """Terms of one network's outputs.

    Args:
        head: What is predicted.
        objective: What the terms are of.
        y: Targets of the rows, as a `Split` holds them.
        logits: Shape (n_rows, n_outputs).
        scale: How the split's regression targets were standardised.
        weight: What each row weighs; None: all alike.
    """
    truth, predictions = truth_of(head, y, scale=scale), predictions_from_logits(head, logits, scale=scale)
    return row_terms(head.task, objective.name, truth=truth, predictions=predictions, weight=weight)


class SearchPredictions:
    """The trials' predictions on the validation rows of the search.

    Args:
        folder: The run folder.
        problem: Its folds.
        objective: What terms are kept of.
        rows: Table rows of every fold's validation part.
        guide: What the splits go by.
        seed: The run's seed.
    """

    def __init__(
        self,
        folder: Path,
        problem: Problem,
        objective: Objective,
        *,
        rows: Sequence[NDArray[np.int64]],
        guide: Guide,
        seed: int,
    ) -> None:
        self._head, self._objective = problem.head, objective
        n_terms = _n_terms(problem.head, objective)
        self._kept = [
            kept_rows(
                len(of_fold),
                n_trials=EXPECTED_TRIALS * len(rows),
                n_terms=n_terms,
                rng=generator(seed, Purpose.EVIDENCE, _KEPT, fold),
            )
            for fold, of_fold in enumerate(rows)
        ]
        self._rows = [of_fold[kept] for of_fold, kept in zip(rows, self._kept, strict=True)]
        self._splits = problem.splits
        self._units = units_of(guide, np.unique(np.concatenate(self._rows)))
        path = folder / FOLDER / "search.bin"
        self._file = TermsFile(path=path, n_rows=[len(kept) for kept in self._kept], n_terms=n_terms)

    def add(self, trial: int, folds: Sequence[Trained]) -> None:
        """Keep what a trial answered at the best epoch of every fold; nothing where it came to none in some fold."""
        if len(folds) < len(self._splits) or any(not fold.best_epoch for fold in folds):
            return
        terms = [
            terms_of(
                self._head,
                self._objective,
                split.y_valid[kept],
                fold.valid_logits[kept],
                scale=split.target_scale,
                weight=_taken(split.valid_weight, kept),
            )
            for fold, split, kept in zip(folds, self._splits, self._kept, strict=True)
        ]
        self._file.path.parent.mkdir(exist_ok=True)
        self._file.add(trial, terms)

    def read(self, trials: Sequence[int]) -> tuple[list[int], OutOfSample]:
        """What trials answered, as far as it is kept.

        Args:
            trials: Those wanted.

        Returns:
            The trials found, in ascending order, and their terms, a part a fold.
        """
        found, of_folds = self._file.read()
        places = [place for place, trial in enumerate(found) if trial in set(trials)]
        parts = tuple(
            Part(
                rows=rows,
                truth=truth_of(self._head, split.y_valid[kept], scale=split.target_scale),
                terms=terms[places],
                weight=_taken(split.valid_weight, kept),
            )
            for rows, split, kept, terms in zip(self._rows, self._splits, self._kept, of_folds, strict=True)
        )
        out = OutOfSample(objective=self._objective, parts=parts, units=self._units)
        return [found[place] for place in places], out


@dataclass(frozen=True, kw_only=True, eq=False)
class RepeatPredictions:
    """What networks answered on the validation rows of one repeat.

    Args:
        repeat: Its number, from 1.
        rows: Table rows it validated on.
        n_train: Rows it learnt from.
        head: What is predicted.
        y: Targets of the validation rows, as a `Split` holds them.
        scale: How its regression targets were standardised; None for classes.
        outputs: By number of the point, shape (n_rows, n_outputs).
        weight: What each row weighs, as shares of the heaviest of the table; None: all alike.
    """

    repeat: int
    rows: NDArray[np.int64]
    n_train: int
    head: Head
    y: NDArray[Any]
    scale: TargetScale | None
    outputs: dict[int, NDArray[np.float32]]
    weight: NDArray[np.float64] | None = None

    @staticmethod
    def file(folder: Path, repeat: int, split: Split, head: Head) -> TermsFile:
        """Where the outputs of a repeat are kept."""
        path = folder / FOLDER / f"repeat-{repeat}.bin"
        return TermsFile(path=path, n_rows=[len(split.y_valid)], n_terms=head.n_outputs)

    @property
    def truth(self) -> NDArray[Any]:
        """As `row_terms` wants it."""
        return truth_of(self.head, self.y, scale=self.scale)

    def predictions(self, point: int, *, divisor: float | None = None) -> NDArray[np.float64]:
        """What a point answered, as `metrics` wants it.

        Args:
            point: Its number.
            divisor: What logits of classes are divided by; None: nothing.
        """
        outputs = self.outputs[point] if divisor is None else self.outputs[point] / divisor
        return predictions_from_logits(self.head, outputs, scale=self.scale)

    def part(self, objective: Objective, points: Sequence[int]) -> Part:
        """Terms of some of the points, in their order."""
        terms = [
            terms_of(self.head, objective, self.y, self.outputs[point], scale=self.scale, weight=self.weight)
            for point in points
        ]
        return Part(rows=self.rows, truth=self.truth, terms=np.stack(terms), weight=self.weight)


def pooled_weight(repeats: Sequence[RepeatPredictions]) -> NDArray[np.float64] | None:
    """What the rows of several repeats weigh, one repeat after the other; None: all alike."""
    known = [one.weight for one in repeats if one.weight is not None]
    return np.concatenate(known) if known else None


def _taken(weight: NDArray[Any] | None, rows: NDArray[Any]) -> NDArray[Any] | None:
    return None if weight is None else weight[rows]


def _n_terms(head: Head, objective: Objective) -> int:
    """Terms a row, as `row_terms` gives them."""
    if objective.name == "rmse":
        return head.n_outputs
    return len(head.labels) if objective.name == "roc_auc" and head.task is Task.MULTICLASS else 1
