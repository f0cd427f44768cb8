"""The last round: which points are trained again, with which seeds and splits, and which one wins.

trials -> finalists -> jobs, one a finalist and repeat, each repeat with its own seeds, row order and split -> winner

A score of the search has met its validation rows and its seed once, and the best of many scores is one that was lucky
in both. Repeats vary seed, order and split together (Bouthillier et al. 2021, arXiv 2103.03098, section 4: the more
sources of variation are varied, the better a comparison), and all finalists meet the same splits, so that they can be
paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.objective import Objective
from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.engines.asking import DEFAULT_TRIAL
from ffsearch.search.folder.ranking import standings
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.network.topology import Point, layer_sizes
from ffsearch.search.training.protocol import Job

__all__ = ["choose", "choose_finalists", "corrected_factor", "race", "repeat_jobs"]

SHARE_SMALL: Final = 0.4
"""Share of the finalists' places that go to smaller networks than the best.

choice: two of five. Samplers end near one size; without a small finalist there is nothing for the one-standard-error
rule to prefer.
"""

SMALLER: Final = 4
"""How many times fewer parameters each further small finalist has at most, from half of the best's on: 1/2, 1/8, 1/32.

choice: what is as good at half the size is worth having, and of a tenth one wants to know what it loses.
"""


# --- who they are ----------------------------------------------------------------------------------------------------


def choose_finalists(
    records: Sequence[TrialRecord], *, objective: Objective, n_finalists: int
) -> tuple[TrialRecord, ...]:
    """The trials whose points are trained again: the best topologies, the best of much smaller ones, and the default.

    Only one point of every topology (layer sizes, activation, batch normalisation) is taken, the best. A point that was
    tried with several seeds counts by its mean. Trials that were trained to their end go before pruned ones. The
    default point, trial 0, comes last and is there whatever its score, as long as it has one; it takes none of the
    places.

    Whether a small one is as good is for the repeats to say: it costs little to ask, and one score of the search is
    as far from the truth as seeds and rows differ.

    Args:
        records: All trials told.
        objective: What the scores are.
        n_finalists: Places, at least 1.

    Returns:
        Best first, then the small ones, then the default; empty when no trial has a score.
    """
    ranked = _distinct([one.record for one in standings(records, objective=objective)])
    n_small = min(int(n_finalists * SHARE_SMALL), n_finalists - 1)
    chosen = ranked[: n_finalists - n_small]
    limit = chosen[0].n_params / 2 if chosen else 0.0
    for _ in range(n_small):
        small = next((record for record in ranked if record.n_params <= limit and record not in chosen), None)
        chosen += [] if small is None else [small]
        limit /= SMALLER
    chosen += [record for record in ranked if record not in chosen][: n_finalists - len(chosen)]
    default = [r for r in records if r.trial == DEFAULT_TRIAL and r.value is not None]
    known = {record.point.identity for record in chosen}
    return (*chosen, *(record for record in default if record.point.identity not in known))


def _distinct(ranked: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The first of every topology."""
    seen: dict[object, TrialRecord] = {}
    for record in ranked:
        seen.setdefault(_topology(record.point), record)
    return list(seen.values())


def _topology(point: Point) -> tuple[object, ...]:
    return layer_sizes(point), point.activation, point.batch_norm, point.residual


# --- training them again ---------------------------------------------------------------------------------------------


def repeat_jobs(points: Sequence[tuple[int, Point]], repeats: Sequence[int], *, seed: int) -> Iterator[Job]:
    """One job a repeat and point, repeat by repeat: a round that is cut off leaves whole repeats.

    Train them on `Prepared.repeats(repeats)`: a job's fold is the place of its repeat there. Seeds follow from trial
    and repeat alone, not from who else is a finalist, nor from which other repeats are trained.

    Args:
        points: Trial numbers and points; points that were no trial have numbers of their own.
        repeats: Numbers of the repeats, from 1.
        seed: The run's seed.
    """
    for place, repeat in enumerate(repeats):
        for trial, point in points:
            yield Job(trial=trial, point=point, seed=child(seed, Purpose.FINALIST, trial, repeat), fold=place)


# --- the choice ------------------------------------------------------------------------------------------------------


def choose(
    losses: NDArray[np.float64], *, n_params: Sequence[int], test_to_train: float, worth: float = 0.0
) -> NDArray[np.intp]:
    """The winner: the fewest parameters among those within one standard error of the best mean over repeats.

    Within one standard error are those not shown to be worse than the best: with d the differences to the best one's
    scores, repeat by repeat, the mean of d is at most sqrt((1 / n_repeats + test_to_train) * var(d)). And those whose
    loss, shown or not, is less than the standard error of the best one's own mean, and less than is worth having. The
    best itself is always within it. With a single repeat there is no standard error, and the best mean wins. Of equal
    sizes the better one.

    Args:
        losses: Shape (..., n_finalists, n_repeats); what is not finite is worst.
        n_params: Parameters of every finalist.
        test_to_train: Validation rows per training row, for `corrected_factor`.
        worth: The least difference worth having, in the objective's unit.

    Returns:
        Place of the winner among the finalists, shape (...).

    Source: the one-standard-error rule of Breiman et al. 1984, *Classification and Regression Trees*, section 3.4.3.
    DIFFERS: theirs is the error of the best one's mean alone. On few rows that is so wide that much would be given up
    for a smaller network, hence `worth`; and it does not fall with the difference's own error, which may be the wider
    one. Nadeau and Bengio 2003 for repeats that share rows.
    """
    losses = np.where(np.isfinite(losses), losses, np.inf)
    means = losses.mean(axis=-1)
    best = means.argmin(axis=-1)
    n_repeats = losses.shape[-1]
    if n_repeats < 2:
        return np.asarray(best)
    factor = corrected_factor(n_repeats, test_to_train=test_to_train)
    of_best = np.take_along_axis(losses, best[..., None, None], axis=-2)
    with np.errstate(invalid="ignore"):  # inf - inf: a finalist that diverged is never within
        differences = losses - of_best
        error = np.sqrt(factor * differences.var(axis=-1, ddof=1))
        own_error = np.sqrt(factor * of_best.var(axis=-1, ddof=1))
        within = differences.mean(axis=-1) <= np.maximum(error, np.minimum(own_error, worth))
    within |= np.arange(losses.shape[-2]) == best[..., None]
    sizes = np.asarray(n_params, dtype=np.float64)
    smallest = np.where(within, sizes, np.inf).min(axis=-1)
    return np.asarray(np.where(within & (sizes == smallest[..., None]), means, np.inf).argmin(axis=-1))


def race(
    losses: NDArray[np.float64],
    *,
    n_params: Sequence[int],
    test_to_train: float,
    n_left: int,
    worth: float = 0.0,
) -> list[int]:
    """The finalists that go on after the first repeats: the one that would win now, then the best means.

    Args:
        losses: Shape (n_finalists, n_repeats); what is not finite is worst.
        n_params: Parameters of every finalist.
        test_to_train: Validation rows per training row.
        n_left: How many go on.
        worth: The least difference worth having.

    Returns:
        Their places, ascending.
    """
    winner = int(choose(losses, n_params=n_params, test_to_train=test_to_train, worth=worth))
    means = np.where(np.isfinite(losses), losses, np.inf).mean(axis=1)
    ranked = [winner, *(int(place) for place in np.argsort(means, kind="stable") if place != winner)]
    return sorted(ranked[:n_left])


def corrected_factor(n_repeats: int, *, test_to_train: float) -> float:
    """What the variance of one repeat's difference is multiplied by for the variance of their mean.

    Repeats learn from and are judged on overlapping rows, so their mean knows less than 1 / n_repeats says.

    Source: Nadeau and Bengio 2003, *Inference for the generalization error*, doi 10.1023/A:1024068626366, equation 9:
    1 / n_repeats + n_test / n_train.
    """
    return 1 / n_repeats + test_to_train
