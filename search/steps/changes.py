"""What a change of one thing would do to the winner: its partners, the repeats in which they meet, and what came of it.

winner -> partners -> the deeper and the wider one at rates of their own -> repeats that chose none of them -> effects
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.effects import Partner, at_rates, partners, weigh_effects
from ffsearch.search.evidence.scoring import Setting
from ffsearch.search.folder.results import Effect
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.observer import Observer, Phase
from ffsearch.search.steps.effort import affordable_partners
from ffsearch.search.steps.repeats import Repeater, Round
from ffsearch.search.steps.told_trials import ToldTrials
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.spaces.schema import MAX_TRIALS, EvidenceSpec, SearchSpace

__all__ = ["EFFECT_REPEATS", "FIRST_PARTNER", "Changes", "change_one_thing"]

FIRST_PARTNER: Final = MAX_TRIALS
"""Number of the first partner: beyond all trials."""

AT_OTHER_RATES: Final = 3 * MAX_TRIALS
"""Number of the first partner at a learning rate of its own: beyond all others."""

EFFECT_REPEATS: Final = 3
"""Repeats that show what single changes do.

choice: the fewest of which a third is not lost with one that diverged; simulated with 12 changes of no effect whose
spreads differ by a factor of two, three called some change a finding in 11 % of runs, two in 13 %.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Changes:
    """What became of the winner with one thing changed.

    Args:
        partners: The changes that were tried.
        meeting: The repeats in which they met the winner; None where nothing was tried.
        effects: What they do; none where too few repeats were done.
        notices: What was not tried, or not learnt.
    """

    partners: tuple[Partner, ...] = ()
    meeting: Round | None = None
    effects: tuple[Effect, ...] = ()
    notices: tuple[Finding, ...] = ()


def change_one_thing(
    winner: TrialRecord,
    told: ToldTrials,
    setting: Setting,
    space: SearchSpace,
    *,
    n_epochs: int,
    repeater: Repeater,
    observer: Observer,
) -> Changes:
    """Train the winner and what differs from it in one thing, in repeats that chose none of them.

    Args:
        winner: The winner.
        told: What the search came to.
        setting: What scores rest on.
        space: What was searched, and what evidence is wanted.
        n_epochs: How long the winner learnt.
        repeater: Trains points again.
        observer: Told of the phase.
    """
    wanted, objective = space.evidence, setting.objective
    possible, tried, at_other_rates = _partners_of(winner, told, setting, space, n_epochs=n_epochs, repeater=repeater)
    notices = (_not_asked(possible[len(tried) :]),) if len(tried) < len(possible) else ()
    if not tried:
        return Changes(notices=notices)
    n_at_rates = len(_at_rates(tried, space)[1]) if at_other_rates else 0
    observer.phase(Phase.EFFECTS, n_networks=n_at_rates + (1 + len(tried)) * _n_repeats(wanted))
    if at_other_rates:
        tried = _at_their_rates(repeater, winner, tried, space, objective=objective, n_epochs=n_epochs)
    met = _meet(repeater, winner, tried, wanted=wanted, n_epochs=n_epochs)
    if len(met.repeats) < EFFECT_REPEATS:
        return Changes(partners=tried, meeting=met, notices=(*notices, Finding(Code.CHANGES_UNLEARNT)))
    effects = weigh_effects(
        met.scores([winner.trial])[0],
        tried,
        met.scores([FIRST_PARTNER + place for place in range(len(tried))]),
        objective=objective,
        test_to_train=met.test_to_train,
    )
    return Changes(partners=tried, meeting=met, effects=effects, notices=notices)


def _partners_of(
    winner: TrialRecord, told: ToldTrials, setting: Setting, space: SearchSpace, *, n_epochs: int, repeater: Repeater
) -> tuple[tuple[Partner, ...], tuple[Partner, ...], bool]:
    """The winner with one thing changed: all there are, those that are tried, and whether at rates of their own."""
    asked, problem = space.evidence.effects, setting.problem
    if not asked:
        return (), (), False
    size = {"n_features": problem.seen_by(winner.point).n_features, "n_outputs": problem.head.n_outputs}
    possible = partners(winner.point, space.parameters, **size, max_params=space.search.max_params)
    if asked != "auto":
        return possible, possible, True
    tried, at_other_rates = affordable_partners(
        winner.point,
        possible,
        parameters=space.parameters,
        n_repeats=EFFECT_REPEATS,
        n_epochs=n_epochs,
        searched=((record.point, record.n_epochs) for record in told.records),
        problem=problem,
        batch_size=repeater.trainers.stopping.batch_size,
    )
    return possible, tried, at_other_rates


def _at_their_rates(
    repeater: Repeater,
    winner: TrialRecord,
    changed: Sequence[Partner],
    space: SearchSpace,
    *,
    objective: Objective,
    n_epochs: int,
) -> tuple[Partner, ...]:
    """The partners, the deeper and the wider one each at the learning rate that is best in the first repeat.

    That repeat is none of those in which they meet the winner. Where time is up all have the winner's rate.
    """
    asked, variants = _at_rates(changed, space)
    if not variants:
        return tuple(changed)
    points = [(AT_OTHER_RATES + place, one.point) for place, one in enumerate(variants)]
    met = repeater.train(points, (1,), usual=dict.fromkeys((n for n, _ in points), n_epochs), winner=winner)
    if not met.repeats:
        return tuple(changed)
    losses = objective.sign * met.scores([number for number, _ in points])[:, 0]
    known = {one.point.identity: loss for one, loss in zip(variants, losses, strict=True) if math.isfinite(loss)}
    return tuple(min(of_one, key=lambda one: known.get(one.point.identity, math.inf)) for of_one in asked)


def _at_rates(changed: Sequence[Partner], space: SearchSpace) -> tuple[list[tuple[Partner, ...]], list[Partner]]:
    """Every partner at its rates, and all of those that have several."""
    asked = [tuple(at_rates(one, space.parameters)) for one in changed]
    return asked, [one for of_partner in asked if len(of_partner) > 1 for one in of_partner]


def _n_repeats(wanted: EvidenceSpec) -> int:
    return EFFECT_REPEATS if wanted.effects == "auto" else wanted.effects


def _meet(
    repeater: Repeater, winner: TrialRecord, changed: Sequence[Partner], *, wanted: EvidenceSpec, n_epochs: int
) -> Round:
    """The winner and its partners, trained in repeats that did not choose it."""
    points = [(winner.trial, winner.point), *((FIRST_PARTNER + place, one.point) for place, one in enumerate(changed))]
    first = wanted.repeats + 1
    return repeater.train(
        points,
        range(first, first + _n_repeats(wanted)),
        usual=dict.fromkeys((number for number, _ in points), n_epochs),
        winner=winner,
    )


def _not_asked(left_out: Sequence[Partner]) -> Finding:
    """The changes that were not tried."""
    forms = ["size" if one.factor in ("depth", "width") else "parameter" for one in left_out]
    changes = [
        found(Code.CHANGE, form, factor=one.factor, change=one.change)
        for one, form in zip(left_out, forms, strict=True)
    ]
    return found(Code.CHANGES_LEFT_OUT, changes=tuple(changes))
