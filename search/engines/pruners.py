"""When a running trial is not worth finishing. Rules over the curves of all trials; whichever engine, the same rules.

A rule looks at validation losses alone, so smaller is better whatever the objective. It depends on what was seen so
far, which is why the curves of an interrupted run are given back to it before it is asked again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Final
from zlib import crc32

from ffsearch.spaces.sampling import BY_FOLDS

__all__ = [
    "FIRST_RUNG",
    "MEDIAN_STARTUP",
    "PRUNERS",
    "REDUCTION",
    "SURE",
    "CurveBook",
    "asha",
    "below_median",
    "first_rung_for",
    "hyperband",
    "one_epoch",
    "worse_in_folds",
    "worse_than_any_fold",
]

FIRST_RUNG: Final = 3
"""Epochs before anything is judged, at least. choice: fewer say more of the initial weights than of the point."""

FIRST_RUNG_UPDATES: Final = 200
"""Updates before anything is judged. choice: on a small table 3 epochs are a few dozen updates, and what leads then is
the largest learning rate; after 200 the batch normalisation's statistics have settled too."""

REDUCTION: Final = 3
"""One in so many goes on from a rung to the next. Source: Li et al. 2020, arXiv 1810.05934, section 4 (eta 3 or 4)."""

MEDIAN_STARTUP: Final = 5
"""Trials trained to their end before a median means something. Source: Optuna's MedianPruner, n_startup_trials."""

SURE: Final = 0.1
"""Chance of losing so clearly by luck, below which a trial has lost. Source: Optuna's WilcoxonPruner, p_threshold; four
folds that are all worse are the fewest that come below it (1/16; three have 1/8)."""

MIN_FOLDS: Final = 2
"""Folds before a trial is judged by them. Source: the same, n_startup_steps."""


@dataclass
class CurveBook:
    """Validation losses of all trials, and which trials were trained to their own end.

    What rules call an epoch is what lies between two evaluations: an epoch, or on a small table several.

    Args:
        first_rung: Epochs before anything is judged.
        max_epochs: Most epochs of a trial.
        losses: By trial, an entry an epoch.
        complete: Trials that came to their own end.
    """

    first_rung: int = FIRST_RUNG
    max_epochs: int | None = None
    losses: dict[int, list[float]] = field(default_factory=dict)
    complete: set[int] = field(default_factory=set)

    def at(self, epoch: int, trials: set[int] | None = None) -> list[float]:
        """Losses after an epoch of those trials, by default of all, that got so far."""
        chosen = self.losses if trials is None else trials
        return [self.losses[trial][epoch - 1] for trial in chosen if len(self.losses[trial]) >= epoch]

    def best_by(self, epoch: int, trials: set[int]) -> list[float]:
        """Lowest losses until an epoch of those trials that got so far."""
        return [min(self.losses[trial][:epoch]) for trial in trials if len(self.losses[trial]) >= epoch]


def first_rung_for(n_updates: int, *, n_folds: int = 1) -> int:
    """Epochs before anything is judged.

    Where there are folds the first rung is left out: what a trial's first fold comes to decides for all of them, on few
    rows, whose networks are trained for many updates.

    Args:
        n_updates: Updates of an epoch.
        n_folds: Folds of a trial.
    """
    first = max(FIRST_RUNG, math.ceil(FIRST_RUNG_UPDATES / n_updates))
    return first if n_folds == 1 else first * REDUCTION


Rule = Callable[[CurveBook, int], bool]
"""Whether a trial should end after its last noted epoch."""


def asha(book: CurveBook, trial: int) -> bool:
    """Asynchronous successive halving: at each rung only the best third of those that got there go on.

    The first rung is some epochs in, each further one three times as far. A trial is judged by its best epoch so far,
    for that is the one it keeps: a network that learns fast and then overfits is not behind.

    Source: Li et al. 2020, *A system for massively parallel hyperparameter tuning*, arXiv 1810.05934, who judge by the
    loss at the rung. As in Optuna's SuccessiveHalvingPruner, a trial is judged once, when it reaches the rung, and the
    first two go on if they are best.
    """
    return _is_behind(book, trial, first_rung=book.first_rung, rivals=set(book.losses))


def hyperband(book: CurveBook, trial: int) -> bool:
    """Several asha side by side, each with a first rung three times as far as the one before: some give points time.

    Every trial belongs to one of these brackets, by a hash of its number, and is judged among those of its bracket.
    A bracket gets trials in proportion to how many it ends early, so that all spend about as many epochs.

    Source: Li et al. 2018, *Hyperband*, JMLR 18 (185), made asynchronous as in Optuna's HyperbandPruner.
    """
    weights = _bracket_weights(book)
    bracket = _bracket(trial, weights)
    rivals = {other for other in book.losses if _bracket(other, weights) == bracket}
    return _is_behind(book, trial, first_rung=book.first_rung * REDUCTION**bracket, rivals=rivals)


def below_median(book: CurveBook, trial: int) -> bool:
    """The median rule: a trial ends when its best loss so far is above the median of finished trials at that epoch.

    Source: Golovin et al. 2017, *Google Vizier*, section 3.1 (there with running averages), as Optuna's MedianPruner.
    """
    epoch = len(book.losses[trial])
    if epoch < book.first_rung or len(book.complete) < MEDIAN_STARTUP:
        return False
    others = book.at(epoch, book.complete)
    return bool(others) and min(book.losses[trial]) > median(others)


def one_epoch(book: CurveBook, trial: int) -> bool:
    """Everything ends after one epoch but what is then the best of all so far.

    Source: Egele et al. 2023, *Is one epoch all you need for multi-fidelity hyperparameter optimization?*,
    arXiv 2307.15422. DIFFERS: there all are trained for one epoch and the best are finished afterwards; here each new
    best is finished at once, so that nothing has to be trained twice.
    """
    losses = book.losses[trial]
    return len(losses) == 1 and losses[0] > min(book.at(1))


def worse_in_folds(losses: Mapping[int, float], best: Sequence[float]) -> bool:
    """Whether a trial is worse than the best one in the folds it has had, by Wilcoxon's signed-rank test.

    Args:
        losses: Its validation losses, by fold.
        best: Those of the best trial, of all folds.

    Source: Optuna's WilcoxonPruner, which does not end a trial either whose mean is better than the best one's.
    """
    if len(losses) < MIN_FOLDS or fmean(losses.values()) <= fmean(best):
        return False
    from scipy.stats import wilcoxon

    differences = [loss - best[fold] for fold, loss in losses.items()]
    return bool(wilcoxon(differences, alternative="greater", zero_method="zsplit").pvalue < SURE)


def worse_than_any_fold(losses: Mapping[int, float], best: Sequence[float]) -> bool:
    """Whether a trial's mean over the folds it has had is worse than the best one's worst fold.

    Args:
        losses: Its validation losses, by fold.
        best: Those of the best trial, of all folds.

    Source: Bergman, Purucker, Hutter 2024, *Don't waste your time: early stopping cross-validation*, PMLR 256, section
    3 ("forgiving").
    """
    return fmean(losses.values()) > max(best)


def _is_behind(book: CurveBook, trial: int, *, first_rung: int, rivals: set[int]) -> bool:
    """Whether a trial stands on a rung, and is not in the best third of those that got there."""
    epoch = len(book.losses[trial])
    if not _is_rung(epoch, first_rung):
        return False
    losses = sorted(book.best_by(epoch, rivals))
    n_promoted = max(1, len(losses) // REDUCTION)
    return min(book.losses[trial]) > losses[n_promoted - 1]


def _bracket_weights(book: CurveBook) -> list[int]:
    """Shares of the brackets, the one with the earliest rung first. Source: Li et al. 2018, algorithm 1, line 2."""
    last = book.max_epochs or book.first_rung
    n_brackets = 1
    while book.first_rung * REDUCTION**n_brackets < last:
        n_brackets += 1
    return [math.ceil(n_brackets * REDUCTION**halvings / (halvings + 1)) for halvings in reversed(range(n_brackets))]


def _bracket(trial: int, weights: list[int]) -> int:
    place = crc32(str(trial).encode()) % sum(weights)
    return next(bracket for bracket in range(len(weights)) if place < sum(weights[: bracket + 1]))


def _is_rung(epoch: int, first: int) -> bool:
    while epoch > first and epoch % REDUCTION == 0:
        epoch //= REDUCTION
    return epoch == first


PRUNERS: Final[dict[str, Rule | None]] = {
    "asha": asha,
    "hyperband": hyperband,
    "median": below_median,
    "one_epoch": one_epoch,
    BY_FOLDS: None,
    "none": None,
}
"""Rules by the names a space file has for them; none where nothing is judged within a fold."""
