"""What a winner is worth once its luck in being chosen is taken away.

    naive       the best score of the search: lucky rows, a lucky seed, and the best of many
    corrected   the choice itself repeated on resampled rows, and judged on rows and repeats that had no part in it
    optimism    naive - corrected, positive where the naive score flatters

`correct_search` needs nothing but the search's own out-of-sample predictions (BBC-CV; with one fold its holdout form).
It takes away luck in rows; luck in seeds stays, for the same trained networks are judged again. `correct_repeats` works
on the finalists' repeats, where seeds and splits are fresh, and takes both away.

    draw rows with replacement -> choose by the rows drawn -> judge by the rows left out -> mean over draws
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import TAIL
from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.comparison import SeedSpread
from ffsearch.search.evidence.finalists import choose
from ffsearch.search.evidence.intervals import mean_quantiles
from ffsearch.search.evidence.learning import limits_of_gain
from ffsearch.search.evidence.metrics import bounds
from ffsearch.search.evidence.terms import row_influences, weight_chunks, weighted_scores
from ffsearch.search.evidence.units import Units
from ffsearch.search.folder.results import Corrected, Estimate, RowsGain
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.training.protocol import Trained

__all__ = [
    "Correction",
    "OutOfSample",
    "Part",
    "correct_repeats",
    "correct_search",
    "part_scores",
    "score_at_look",
    "stopping_optimism",
]

Scores = NDArray[np.float64]

N_RESAMPLES: Final = 1000
"""Resamples of an interval; its ends then move by about 2 % of its width. Choice: enough for two digits."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Rows that the same networks have answered, none of which they have learnt from: a fold, or a repeat.

    Args:
        rows: Their numbers in the table, shape (n_rows,), each once.
        truth: As `row_terms` wants it.
        terms: Of every network, shape (n_models, n_rows, n_terms).
        weight: What each row weighs, shape (n_rows,); None: all alike.
    """

    rows: NDArray[np.int64]
    truth: NDArray[Any]
    terms: NDArray[np.float32]
    weight: NDArray[np.floating[Any]] | None = None

    def scores(self, metric: str, drawn: NDArray[np.float32]) -> Scores:
        """Score of every network on every resample, shape (n_resamples, n_models).

        Args:
            metric: What the terms are of.
            drawn: How often each row was drawn, shape (n_resamples, n_rows).
        """
        return weighted_scores(metric, truth=self.truth, terms=self.terms, weights=drawn, weight=self.weight)


@dataclass(frozen=True, kw_only=True, eq=False)
class OutOfSample:
    """All that is kept of what several candidates answered on rows they have not learnt from.

    Args:
        objective: What the networks are compared by.
        parts: Folds or repeats; candidate i is place i of `Part.terms` in each of them.
        units: What is independent, of `rows`; None: every row by itself.
    """

    objective: Objective
    parts: tuple[Part, ...]
    units: Units | None = None

    @property
    def rows(self) -> NDArray[np.int64]:
        """Numbers of all rows that were answered, ascending."""
        return np.unique(np.concatenate([part.rows for part in self.parts]))


@dataclass(frozen=True, kw_only=True)
class Correction:
    """The corrected estimate beside the naive one.

    Args:
        naive: The score that chose.
        score: The corrected one.
        optimism: How much better the naive score is than what its own trial came to again, positive where it flatters;
            where that trial was not trained again, than the corrected value.
        seeds: How far one candidate's true score scatters from seed to seed; None when it is not known.
    """

    naive: float
    score: Corrected
    optimism: float
    seeds: SeedSpread | None = None


def part_scores(out: OutOfSample) -> Scores:
    """Score of every candidate on every part, shape (n_models, n_parts); a candidate's score is the mean over parts."""
    scores = [part.scores(out.objective.name, np.ones((1, len(part.rows)), np.float32)) for part in out.parts]
    return np.concatenate(scores).T


# --- from the search's own predictions --------------------------------------------------------------------------------


def correct_search(out: OutOfSample, *, rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> Correction:
    """The winner's score without its luck in rows, from the search's out-of-sample predictions alone.

    For 500 trials and 10,000 rows, a thousand resamples take two matrix products of 10 GFLOP each: seconds.

    Args:
        out: What every trial that may win answered.
        rng: Where resamples are drawn from.
        n_resamples: Resamples.

    Source: Tsamardinos, Greasidou, Borboudakis 2018, doi 10.1007/s10994-018-5714-4, algorithm 5 (BBC-CV); the interval
    is that of its section 3.4, percentiles of the scores on the rows left out.
    """
    losses = out.objective.sign * part_scores(out).mean(axis=1)
    best = int(np.nanargmin(losses))
    values, again = [], []
    for drawn, left in _resampled(out, n_resamples, rng=rng, with_left=True):
        means = _mean_of_known(drawn)
        chosen = np.where(np.isnan(means), np.inf, means).argmin(axis=1)
        assert left is not None
        values.append(np.take_along_axis(_mean_of_known(left), chosen[:, None], axis=1)[:, 0])
        again.append(chosen == best)
    spread = np.concatenate(values)
    low, high = (float(end) for end in np.nanquantile(spread, [TAIL, 1 - TAIL]))
    return _corrected(
        out,
        method="search",
        naive=float(losses[best]),
        found=Estimate(value=float(np.nanmean(spread)), low=low, high=high),
        chosen_again=float(np.mean(np.concatenate(again))),
    )


# --- from the finalists' repeats -------------------------------------------------------------------------------------


def correct_repeats(
    repeats: OutOfSample,
    *,
    winner: int,
    n_params: Sequence[int],
    test_to_train: float,
    naive: float,
    rng: np.random.Generator,
    again: float | None = None,
    worth: float = 0.0,
    stopping: float = 0.0,
    rows: RowsGain | None = None,
    left: OutOfSample | None = None,
    n_resamples: int = N_RESAMPLES,
) -> Correction:
    """The winner's score without its luck in rows, seeds and splits, with an interval for the network refitted once.

    Every resample chooses a finalist by the rows drawn in all repeats but one, by the rule that chose the winner. What
    its mean there promises more than it holds on all rows of the one left out is what choosing gains; each repeat is
    left out in turn, and the mean gain is taken off the winner's mean over repeats.

    The repeats lack the rows they are judged on, which the refit learns from: what these are worth is taken off, too.

    The interval is for one network of the winner's kind, trained with a seed of its own: rows, with what each adds to
    all repeats together; seeds, whose spread is what remains between finalists and repeats once both are allowed for,
    less what finite rows explain of it; and what is not known of the worth of the refit's rows. Independent parts add
    up by the squares of their reach.

    DIFFERS from BBC-CV: judged on all rows instead of those left out. There the networks are the same and only rows can
    be new; here seed and split are new, and leaving rows out as well took off twice what was gained. Simulated
    (`benchmarks/coverage_simulated.py`), this leaves at most a third of the naive score's bias either way, also where
    finalists were chosen over folds that share all rows with the repeats.

    Args:
        repeats: What the finalists answered, one part a repeat, on the rows each repeat has validated on.
        winner: Place of the winner among the finalists.
        n_params: Of every finalist, for the rule.
        test_to_train: Validation rows per training row, for the rule.
        naive: Best score of the search.
        again: What its own trial came to in the repeats; None where it was not trained again.
        rng: Where resamples are drawn from.
        worth: The least difference worth having, for the rule.
        stopping: What early stopping on the repeats' rows gained, as `stopping_optimism` gives it.
        rows: What the refit's rows are worth, as far as that was learnt.
        left: What the finalists that were left behind after some repeats answered, in the same parts, their terms NaN
            in those that they were not trained in: they tell how far seeds scatter, and are not chosen among.
        n_resamples: Resamples.
    """
    sign, n_repeats = repeats.objective.sign, len(repeats.parts)
    met = repeats if left is None else _together(repeats, left)
    of_met = sign * part_scores(met)
    drawn_of_met = np.concatenate([losses for losses, _ in _resampled(met, n_resamples, rng=rng, with_left=False)])
    scores, drawn = (of_all[..., : len(n_params), :] for of_all in (of_met, drawn_of_met))
    rule = partial(choose, n_params=n_params, test_to_train=test_to_train, worth=worth)
    # Chosen anew as seeds and splits are new, too: as many repeats drawn, some twice.
    fresh = rng.integers(n_repeats, size=(len(drawn), 1, n_repeats))
    chosen_again = rule(np.take_along_axis(drawn, fresh, axis=2)) == winner
    seeds = _seeds(of_met, drawn_of_met, winner=winner)
    of_rows = rows.value if rows else 0.0
    value = float(scores[winner].mean()) + _gained_by_choosing(scores, drawn, rule) + stopping - of_rows
    below, above = _reach(repeats, winner, seeds=seeds, rows=rows, rng=rng)
    return _corrected(
        repeats,
        method="repeats",
        naive=sign * naive,
        again=None if again is None else sign * again,
        found=Estimate(value=value, low=value - below, high=value + above),
        chosen_again=float(np.mean(chosen_again)),
        seeds=seeds,
        rows=rows,
    )


def _gained_by_choosing(scores: Scores, drawn: Scores, rule: Callable[[Scores], NDArray[np.intp]]) -> float:
    """What the chosen one's mean promises more than it holds in the repeat that is left out, the mean over these.

    Args:
        scores: Losses on all rows, shape (n_finalists, n_repeats).
        drawn: Losses on resampled rows, shape (n_resamples, n_finalists, n_repeats).
        rule: Chooses a finalist of every resample.
    """
    n_repeats = scores.shape[1]
    gains = []
    for out in range(n_repeats):
        others = drawn[:, :, [repeat for repeat in range(n_repeats) if repeat != out] or [out]]
        chosen = rule(others)
        promised = np.take_along_axis(others.mean(axis=2), chosen[:, None], axis=1)[:, 0]
        gains.append(scores[chosen, out] - promised)
    return float(np.nanmean(gains))


def _reach(
    repeats: OutOfSample, winner: int, *, seeds: SeedSpread | None, rows: RowsGain | None, rng: np.random.Generator
) -> tuple[float, float]:
    """How far the corrected loss reaches to below and to above: rows, seeds, and what is not known of the refit's rows.

    Args:
        repeats: What the finalists answered.
        winner: Place of the winner among them.
        seeds: Spread from seed to seed, where it is known.
        rows: What the refit's rows are worth, as far as that was learnt.
        rng: Draws of that.
    """
    of_seeds = 0.0 if seeds is None else seeds.reach(TAIL) * math.sqrt(1 + 1 / len(repeats.parts))
    added = _added(repeats, winner)
    low, high = mean_quantiles(added, np.array([TAIL, 1 - TAIL]))
    value, (least, most) = (rows.value, limits_of_gain(rows, TAIL, rng=rng)) if rows else (0.0, (0.0, 0.0))
    below = math.hypot(float(added.mean() - low), of_seeds, most - value)
    return below, math.hypot(float(high - added.mean()), of_seeds, value - least)


def _added(out: OutOfSample, model: int) -> Scores:
    """The influence of every row, or group of rows, on a candidate's mean loss, taken over all parts.

    The values are centred so that their mean is the loss itself: what resamples rows can then resample these.
    """
    rows = out.rows
    added, means = np.zeros(len(rows)), []
    for part in out.parts:
        [own] = out.objective.sign * row_influences(
            out.objective.name, truth=part.truth, terms=part.terms[[model]], weight=part.weight
        )
        means.append(own.mean())
        added[np.searchsorted(rows, part.rows)] += (own - own.mean()) / len(own)
    values = np.mean(means) + added * len(rows) / len(out.parts)
    return values if out.units is None else out.units.sums(values)


def stopping_optimism(
    repeats: Sequence[Trained | TrialRecord], *, metric: str, loss: str, scores: Sequence[float]
) -> float:
    """What a candidate's repeats gained by stopping at the epoch that was best on the very rows they are judged by.

    Each repeat's curve is read at the median best epoch of the others, for so the refit is stopped, and compared with
    its own best. Positive where it flatters. Zero for metrics that the curve's loss does not give: there the epoch was
    not chosen by them.

    Args:
        repeats: The candidate's repeats, all with a best epoch.
        metric: The objective.
        loss: The head's loss.
        scores: The objective of every repeat, shape (n_repeats,).
    """
    gains = []
    for place, (repeat, score) in enumerate(zip(repeats, scores, strict=True)):
        others = [other.best_epoch for at, other in enumerate(repeats) if at != place]
        if others:
            look = repeat.curve.look_at(float(np.median(others)))
            at_look = score_at_look(repeat, look, metric=metric, loss=loss, score=score)
            gains += [] if at_look is None else [at_look - score]
    return float(np.median(gains)) if gains else 0.0


def score_at_look(trained: Trained | TrialRecord, look: int, *, metric: str, loss: str, score: float) -> float | None:
    """What a network scored on its validation rows at another look than its best one, by its curve.

    Args:
        trained: The network, with a best epoch.
        look: The entry of the curve, from 0.
        metric: The objective.
        loss: The head's loss.
        score: The objective at the best look.

    Returns:
        None where the curve's loss does not tell the objective.
    """
    power = _CURVES.get((metric, loss))
    losses = trained.curve.valid_loss.astype(np.float64)
    ratio = losses[look] / losses[trained.curve.look_at(trained.best_epoch)]
    return None if power is None or not np.isfinite(ratio) else float(score * ratio**power)


_CURVES: Final = {
    ("log_loss", "binary_crossentropy"): 1.0,
    ("log_loss", "categorical_crossentropy"): 1.0,
    ("rmse", "mse"): 0.5,
    ("mae", "mae"): 1.0,
}
"""Objectives that a curve's loss gives, and the power of the loss they go by."""


def _together(repeats: OutOfSample, left: OutOfSample) -> OutOfSample:
    """All finalists, those that were left behind last."""
    parts = (
        replace(part, terms=np.concatenate([part.terms, of_left.terms]))
        for part, of_left in zip(repeats.parts, left.parts, strict=True)
    )
    return replace(repeats, parts=tuple(parts))


def _seeds(scores: Scores, resampled: Scores, *, winner: int) -> SeedSpread | None:
    """Spread of a candidate from seed to seed, by two-way analysis of variance, and what finite rows make of it.

    Finalists that were left behind after some repeats count as far as they went: with few of three repeats the spread
    of those that stayed has two degrees of freedom.

    Args:
        scores: Shape (n_finalists, n_repeats); NaN where one was not trained.
        resampled: The same on resampled rows, shape (n_resamples, n_finalists, n_repeats).
        winner: Place of the winner.
    """
    n_finalists, n_repeats = scores.shape
    if n_repeats < 2 or not np.isfinite(scores[winner]).all():
        return None
    finalists, repeats = np.nonzero(np.isfinite(scores))
    design = np.column_stack([np.eye(n_finalists)[finalists], np.eye(n_repeats)[repeats]])
    apart = np.eye(len(design)) - design @ np.linalg.pinv(design)  # what is left without their means and the repeats'
    degrees = round(float(np.trace(apart)))
    if degrees < 1:  # a single finalist; rows are part of it: too large rather than too small
        return SeedSpread(total=float(scores[winner].var(ddof=1)), of_rows=0.0, degrees=n_repeats - 1)
    return SeedSpread(
        total=float(np.square(apart @ scores[finalists, repeats]).sum()) / degrees,
        of_rows=float(np.nansum(np.nanvar(resampled[:, finalists, repeats] @ apart, axis=0))) / degrees,
        degrees=degrees,
    )


# --- what both share -------------------------------------------------------------------------------------------------


def _resampled(
    out: OutOfSample, n_resamples: int, *, rng: np.random.Generator, with_left: bool
) -> Iterator[tuple[Scores, Scores | None]]:
    """Losses of all candidates on the rows drawn and on the rows left out, each (n_chunk, n_models, n_parts).

    A row that several parts share is drawn for all of them or for none.
    """
    rows = out.rows
    places = [np.searchsorted(rows, part.rows) for part in out.parts]
    for weights in weight_chunks(n_resamples, units=out.units or Units.of_rows(len(rows)), rng=rng):
        of_parts = [weights[:, place] for place in places]
        left = [(counts == 0).astype(np.float32) for counts in of_parts] if with_left else None
        yield _losses(out, of_parts), None if left is None else _losses(out, left)


def _losses(out: OutOfSample, weights: Sequence[NDArray[np.float32]]) -> Scores:
    """Losses by the weights of every part's rows, shape (n_resamples, n_models, n_parts)."""
    scores = [part.scores(out.objective.name, of_part) for part, of_part in zip(out.parts, weights, strict=True)]
    return np.asarray(out.objective.sign * np.stack(scores, axis=2))


def _mean_of_known(scores: Scores) -> Scores:
    """Mean over the parts that have rows left."""
    known = np.isfinite(scores)
    n_known = known.sum(axis=2)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, scores, 0.0).sum(axis=2) / np.where(n_known, n_known, np.nan))


def _corrected(
    out: OutOfSample,
    *,
    method: Literal["repeats", "search"],
    naive: float,
    found: Estimate,
    chosen_again: float,
    again: float | None = None,
    seeds: SeedSpread | None = None,
    rows: RowsGain | None = None,
) -> Correction:
    """Losses turned back into scores."""
    lowest, highest = bounds(out.objective.name)
    sign = out.objective.sign
    value, *ends = np.clip(sign * np.array([found.value, found.low, found.high]), lowest, highest)
    score = Corrected(
        value=float(value),
        low=float(min(ends)),
        high=float(max(ends)),
        method=method,
        chosen_again=chosen_again,
        seed_sd=None if seeds is None else seeds.sd,
        rows=rows,
    )
    optimism = (found.value if again is None else again) - naive
    return Correction(naive=sign * naive, score=score, optimism=optimism, seeds=seeds)
