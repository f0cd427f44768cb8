"""Whether networks trained for longer would stand in another order: the two that decide most, trained once more.

    tuned cells -> budget of the best network -> its best deep and its best wide cell -> so many times the updates
    gain after half (from the curves), after all, after more -> same order, another, or not to be told

All of it on validation rows, before the test rows are opened: it is a check of the protocol, and compares nothing. Only
two cells are trained, so that it costs little beside the learning rates that were tried in all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import TAIL
from ffsearch.search.capacity.plan import Training
from ffsearch.search.evidence.correction import score_at_look
from ffsearch.search.folder.results import Estimate
from ffsearch.search.folder.study_results import LongerTraining, OrderKind
from ffsearch.search.folder.trial_record import TrialRecord

if TYPE_CHECKING:
    from ffsearch.search.capacity.setup import Study

__all__ = ["half_score", "longer_results", "longer_trainings", "order_of"]

Losses = Mapping[Training, float | None]


def longer_trainings(study: Study, losses: Losses) -> list[Training]:
    """What is trained for longer, once all cells are tuned: every seed of two cells at their tuned rates.

    Args:
        study: What is compared.
        losses: What every training came to, lower is better; None: it diverged.
    """
    pair = _deciding(study, losses) if study.plan.longer > 1 else None
    if pair is None:
        return []
    return [
        Training(_tuned(study, cell, losses), cell, seed, is_longer=True)
        for cell in pair
        for seed in range(study.plan.n_seeds)
    ]


def longer_results(study: Study, records: Sequence[TrialRecord], *, margin: float) -> LongerTraining | None:
    """What training for longer would change; None where nothing was trained longer, or hardly any seed came through.

    Args:
        study: What is compared.
        records: All networks that were trained.
        margin: Differences below it count as none.
    """
    losses = study.all_losses(records)
    cells = sorted({training.cell for training in losses if training.is_longer})
    if len(cells) != 2:
        return None
    wide, deep = cells  # lines stand in the order of depth
    places = {cell: _tuned(study, cell, study.losses(records)) for cell in cells}
    by_number = {record.trial: record for record in records}
    of_halves = {
        Training(places[cell], cell, seed): _half_loss(study, by_number, Training(places[cell], cell, seed))
        for cell in cells
        for seed in range(study.plan.n_seeds)
    }
    half, whole, longer = (
        np.array(
            [
                _difference(known, [Training(places[cell], cell, seed, is_longer=is_longer) for cell in (wide, deep)])
                for seed in range(study.plan.n_seeds)
            ]
        )
        for known, is_longer in ((of_halves, False), (losses, False), (losses, True))
    )
    came = np.isfinite(whole) & np.isfinite(longer)
    if came.sum() < 2:
        return None
    is_half_known = bool(np.isfinite(half[came]).all())
    deeper, reference = study.plan.cells[deep], study.plan.cells[wide]
    return LongerTraining(
        depth=deeper.depth,
        reference=reference.depth,
        budget=deeper.budget,
        times=study.plan.longer,
        half=_mean(half[came]) if is_half_known else None,
        whole=_mean(whole[came]),
        longer=_mean(longer[came]),
        at_half=order_of(half[came], whole[came], margin=margin) if is_half_known else None,
        later=order_of(longer[came], whole[came], margin=margin),
    )


def half_score(study: Study, record: TrialRecord) -> float | None:
    """What a network scored on validation rows at its best look in the first half of its updates.

    Its curve is of the head's loss. None where that does not tell the objective, or nothing was scored.
    """
    if record.value is None or record.curve.n_looks < 2:
        return None
    losses = record.curve.valid_loss[: record.curve.n_looks // 2]
    if not np.isfinite(losses).any():
        return None
    return score_at_look(
        record,
        int(np.nanargmin(losses)),
        metric=study.objective.name,
        loss=str(study.problem.head.loss),
        score=record.value,
    )


def order_of(then: NDArray[np.float64], now: NDArray[np.float64], *, margin: float) -> OrderKind:
    """Whether two gains, seed by seed, say the same of an order: ahead or behind by more than the margin, or level.

    An order that differs by chance is not another one: the change has to be shown, by Student's t over seeds.

    Args:
        then: The gain of every seed after other updates, shape (n_seeds,), at least two.
        now: Its gain as the study trained it.
        margin: Differences below it count as none.
    """
    before, after = (int(np.sign(gain)) * (abs(gain) > margin) for gain in (now.mean(), then.mean()))
    if before == after:
        return OrderKind.SAME
    change = _mean(then - now)
    return OrderKind.OTHER if change.low > 0 or change.high < 0 else OrderKind.UNCLEAR


def _deciding(study: Study, losses: Losses) -> tuple[int, int] | None:
    """The best wide and the best deep cell, on validation rows, of the budget where the best network of both is."""
    plan = study.plan
    means = {cell: _mean_loss(study, cell, losses) for cell in range(len(plan.cells))[plan.main]}
    shallowest = min(cell.depth for cell in plan.cells)
    wide = [cell for cell in means if plan.cells[cell].depth == shallowest]
    deep = [cell for cell in means if plan.cells[cell].depth > shallowest]
    budgets = {plan.cells[cell].budget for cell in wide} & {plan.cells[cell].budget for cell in deep}
    best = min((cell for cell in means if plan.cells[cell].budget in budgets), key=means.__getitem__, default=None)
    if best is None or not np.isfinite(means[best]):
        return None
    at = plan.cells[best].budget
    found = [
        min((cell for cell in cells if plan.cells[cell].budget == at), key=means.__getitem__) for cells in (wide, deep)
    ]
    return (found[0], found[1]) if np.isfinite([means[cell] for cell in found]).all() else None


def _tuned(study: Study, cell: int, losses: Losses) -> int:
    """Place of a cell's tuned learning rate."""
    return study.plan.rates.best(study.plan.scores_of(cell, losses))


def _mean_loss(study: Study, cell: int, losses: Losses) -> float:
    """Of a cell's tuned networks; infinite where one diverged."""
    known = study.plan.scores_of(cell, losses)[_tuned(study, cell, losses)]
    return float(np.mean([np.inf if loss is None else loss for loss in known]))


def _half_loss(study: Study, by_number: Mapping[int, TrialRecord], training: Training) -> float | None:
    score = half_score(study, by_number[study.plan.number(training)])
    return None if score is None else study.objective.sign * score


def _difference(losses: Losses, pair: Sequence[Training]) -> float:
    """How much better the second is; NaN where one of both is not known."""
    wide, deep = (losses.get(training) for training in pair)
    return np.nan if wide is None or deep is None else wide - deep


def _mean(values: NDArray[np.float64]) -> Estimate:
    """The mean over seeds, with Student's interval."""
    from scipy.special import stdtrit

    mean, n_seeds = float(values.mean()), len(values)
    reach = float(stdtrit(n_seeds - 1, 1 - TAIL)) * float(values.std(ddof=1)) / np.sqrt(n_seeds)
    return Estimate(value=mean, low=mean - reach, high=mean + reach)
