"""Learning curves of a run: the winner's, trained again where it was, and a sample of all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.reports.tables import RunLike, best_trial, kept, ranked

__all__ = ["Curves", "ThinnedCurve", "learning_curves"]

MAX_FAINT_CURVES: Final = 60
"""Other trials' curves that are drawn. Choice: more are a grey area, and weigh 2 kB each."""

MAX_CURVE_POINTS: Final = 150
"""Points of a faint curve. Choice: one every five pixels of the figure."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ThinnedCurve:
    """A network's validation loss by epoch, thinned to what a figure can show; the trial of its point."""

    trial: int
    epochs: NDArray[np.int64]
    losses: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Learning curves: one of the winner whole, the others thinned.

    Args:
        trial: Number of the winner.
        best_epoch: The best epoch of what is shown whole, counted from 1.
        best: Its frame: epoch, train_loss, valid_loss.
        others: Those of some other trials.
        finalists: Those of the other finalists, in the search.
        repeat: Which of its repeats is shown whole; None where there are none, and the search's own is shown.
        repeats: Its other repeats.
    """

    trial: int
    best_epoch: int
    best: pd.DataFrame
    others: Sequence[ThinnedCurve]
    finalists: Sequence[ThinnedCurve] = ()
    repeat: int | None = None
    repeats: Sequence[ThinnedCurve] = ()


def learning_curves(run: RunLike) -> Curves | None:
    """The winner's curve and a sample over the ranks of the others'; None while nothing was learnt.

    In the search the winner may have been pruned after a few epochs. Where it was trained again, the repeat is shown
    whose best epoch is the middle one of all: by it the final training goes.
    """
    trial = best_trial(run)
    if trial is None or run.curves.empty:
        return None
    by_trial = {int(str(key)): frame for key, frame in run.curves.sort_values("epoch").groupby("trial", sort=True)}
    if trial not in by_trial:
        return None
    frame = kept(run, "finalists")
    finalists = [] if frame.empty else [int(number) for number in frame["trial"].unique()]
    finalists = [number for number in finalists if number != trial and number in by_trial]
    apart = {trial, *finalists}
    others = [int(number) for number in ranked(run)["trial"] if number not in apart and number in by_trial]
    again = _trained_again(run, trial)
    middle = sorted(again, key=lambda repeat: (_best_epoch(again[repeat]), repeat))[len(again) // 2] if again else None
    whole = by_trial[trial] if middle is None else again[middle]
    row = run.trials.loc[run.trials["trial"] == trial]
    return Curves(
        trial=trial,
        best_epoch=int(row["best_epoch"].iloc[0]) if middle is None else _best_epoch(whole),
        best=whole[["epoch", "train_loss", "valid_loss"]].reset_index(drop=True),
        others=[_thinned(others[index], by_trial[others[index]]) for index in _spread(len(others), MAX_FAINT_CURVES)],
        finalists=[_thinned(number, by_trial[number]) for number in finalists],
        repeat=middle,
        repeats=[_thinned(trial, again[repeat]) for repeat in sorted(again) if repeat != middle],
    )


def _trained_again(run: RunLike, trial: int) -> dict[int, pd.DataFrame]:
    """Curves of a point's repeats by their number, without those that came to nothing."""
    frame = getattr(run, "repeat_curves", None)
    if frame is None or frame.empty:
        return {}
    own = frame[frame["trial"] == trial].sort_values("epoch")
    found = {int(str(repeat)): curve for repeat, curve in own.groupby("repeat", sort=True)}
    return {repeat: curve for repeat, curve in found.items() if np.isfinite(curve["valid_loss"]).any()}


def _best_epoch(curve: pd.DataFrame) -> int:
    """Epochs until the lowest validation loss."""
    finite = curve[np.isfinite(curve["valid_loss"])]
    return int(finite["epoch"].to_numpy()[finite["valid_loss"].to_numpy().argmin()])


def _spread(n: int, n_most: int) -> list[int]:
    """At most `n_most` indices of 0..n-1, evenly spread and with both ends."""
    if n <= n_most:
        return list(range(n))
    return [int(index) for index in np.linspace(0, n - 1, n_most).round()]


def _thinned(trial: int, curve: pd.DataFrame) -> ThinnedCurve:
    """A curve at no more points than a figure can show."""
    finite = curve[np.isfinite(curve["valid_loss"])]
    kept = finite.iloc[_spread(len(finite), MAX_CURVE_POINTS)]
    return ThinnedCurve(
        trial=trial,
        epochs=kept["epoch"].to_numpy(dtype=np.int64),
        losses=kept["valid_loss"].to_numpy(dtype=np.float64),
    )
