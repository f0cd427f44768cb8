"""From what training came to, to the record that is kept of it: of a trial, a repeat, or a network of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ffsearch.search.evidence.scoring import Setting, score_folds
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.network.topology import describe, n_params
from ffsearch.search.training.protocol import Ended, Trained

__all__ = ["make_record"]


def make_record(
    folds: Sequence[Trained],
    setting: Setting,
    *,
    ended: Ended,
    repeat_of: int | None = None,
    notes: Mapping[str, Any] | None = None,
) -> TrialRecord:
    """All that is kept of a point that was trained; curves and i* are those of its first fold, scores the mean of all.

    Args:
        folds: What its folds came to, by fold; at least one.
        setting: Where their validation rows are, and what is optimised.
        ended: Why the whole ended.
        repeat_of: The first trial of the same point, when this is another seed of it.
        notes: What is to be kept beside; fit for JSON.
    """
    first, problem = folds[0], setting.problem
    point = first.job.point
    score = score_folds(folds, problem, setting.objective) if ended.has_value else None
    size = {"n_features": problem.seen_by(point).n_features, "n_outputs": problem.head.n_outputs}
    return TrialRecord(
        trial=first.job.trial,
        point=point,
        topology=describe(point, **size),
        n_params=n_params(point, **size),
        value=None if score is None else score.value,
        valid_loss=None if score is None else score.valid_loss,
        metrics={} if score is None else score.metrics,
        ended=ended,
        best_epoch=first.best_epoch,
        n_epochs=first.curve.n_epochs,
        n_updates=first.n_updates,
        train_s=sum(fold.train_s for fold in folds),
        compile_s=sum(fold.compile_s for fold in folds),
        seed=tuple(map(int, (setting.seed, *first.job.seed.spawn_key))),
        curve=first.curve,
        repeat_of=repeat_of,
        error=next((fold.error for fold in folds if fold.error), None),
        notes={**_notes(folds), **(notes or {})},
    )


def _notes(folds: Sequence[Trained]) -> dict[str, Any]:
    """How often its workers were lost, and how every fold ended, where there are several: i* is their median."""
    n_retries = sum(fold.notes.get("n_retries", 0) for fold in folds)
    retries = {"n_retries": n_retries} if n_retries else {}
    if len(folds) == 1:
        return retries
    return retries | {
        "folds": [
            {
                "fold": fold.job.fold,
                "ended": str(fold.ended),
                "best_epoch": fold.best_epoch,
                "n_updates": fold.n_updates,
                "valid_loss": fold.lowest_loss,
            }
            for fold in folds
        ]
    }
