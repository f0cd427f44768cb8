"""After the search: which point is the winner, what its score is worth, what a change of one thing would do to it.

trials -> finalists -> repeats -> winner -> again on half of the rows -> corrected estimate
winner -> partners -> further repeats -> effects
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np

from ffsearch.errors import DataError, TrainingError
from ffsearch.search.base.objective import Objective
from ffsearch.search.base.seeds import Purpose, generator
from ffsearch.search.evidence.calibration import Validated, weigh_temperature
from ffsearch.search.evidence.comparison import moderated, paired_over_repeats
from ffsearch.search.evidence.correction import (
    Correction,
    OutOfSample,
    Part,
    correct_repeats,
    correct_search,
    stopping_optimism,
)
from ffsearch.search.evidence.effects import Partner
from ffsearch.search.evidence.facts import Smaller
from ffsearch.search.evidence.finalists import choose, choose_finalists, race
from ffsearch.search.evidence.importance import parameter_importances
from ffsearch.search.evidence.learning import LEARNING_REPEATS, PART, rows_gain
from ffsearch.search.evidence.scoring import Setting
from ffsearch.search.evidence.units import units_of
from ffsearch.search.folder.cut_results import Threshold
from ffsearch.search.folder.results import Effect, Importance, RowsGain, Temperature
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.network.heads import Head, Task
from ffsearch.search.observer import Observer, Phase
from ffsearch.search.steps.changes import change_one_thing
from ffsearch.search.steps.cut_asked import Asked
from ffsearch.search.steps.cutting import learnt_threshold, unlearnt
from ffsearch.search.steps.mean_networks import answered_by_mean
from ffsearch.search.steps.refitting import n_networks_of
from ffsearch.search.steps.repeats import Repeater, Round
from ffsearch.search.steps.told_trials import ToldTrials
from ffsearch.search.training.protocol import Ended
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.spaces.schema import MAX_TRIALS, EvidenceSpec, SearchSpace

if TYPE_CHECKING:
    from ffsearch.search.training.refit import Steps

__all__ = ["Weighed", "i_star", "n_repeats_in_all", "weigh"]

ON_FEWER_ROWS: Final = 2 * MAX_TRIALS
"""Added to the winner's number where it learns from fewer rows, so that its records there have a number of their own:
it is larger than that of every trial and every partner."""

RACE_REPEATS: Final = 2
"""Repeats after which the worse half of the finalists is left behind. choice: the fewest that have a spread."""

LEAST_LEFT: Final = 2
"""Finalists that stay for all repeats, where there are as many: of one alone it cannot be told how much of its spread
is its seeds', and how much is the rows' of each repeat."""

MIN_REPEATS: Final = 2
"""Repeats without which nothing is chosen by them: one says nothing about how far scores scatter."""

_CORRECTED, _IMPORTANCE = 2, 3
"""Keys of generators."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Weighed:
    """The winner and all that is known of it before the sealed test is opened.

    Args:
        winner: The trial whose point is refitted.
        steps: How long it is trained.
        naive: The best trial of the search.
        finalists: Round of the finalists that could win to the end, or None where there was none.
        records: Of all finalists, by trial and repeat.
        corrected: What the winner is worth without the luck of being chosen; None where nothing tells.
        smaller: The best smaller finalist.
        partners: The winner with one thing changed.
        answered: The winner's repeats as the saved model answers in them: of a mean of networks their mean; None where
            there are none.
        meeting: Round of the winner and its partners, or None.
        effects: What the changes do.
        importances: Which parameters told the best trials from the others.
        temperature: What mends the winner's probabilities, by its validation rows; None for regression, and where the
            model is the mean of several networks: on what that answers, rows of single ones are silent.
        threshold: Where the probability of one of two classes is cut; None where no repeats tell.
        notices: What time was too short for.
    """

    winner: TrialRecord
    steps: Steps
    naive: TrialRecord
    finalists: Round | None = None
    records: Mapping[tuple[int, int], TrialRecord] = field(default_factory=dict)
    corrected: Correction | None = None
    smaller: Smaller | None = None
    partners: tuple[Partner, ...] = ()
    answered: Round | None = None
    meeting: Round | None = None
    effects: tuple[Effect, ...] = ()
    importances: tuple[Importance, ...] = ()
    temperature: Temperature | None = None
    threshold: Threshold | None = None
    notices: tuple[Finding, ...] = ()

    @property
    def judged(self) -> tuple[TrialRecord, ...]:
        """The trials that the answer was chosen among, and their repeats."""
        return self.winner, self.naive, *self.records.values()

    def with_threshold(self, asked: Asked | None, *, observer: Observer) -> Weighed:
        """The same with the threshold that its repeats' rows give; that they give none is told."""
        threshold = learnt_threshold(asked, self.answered, self.winner.trial, divisor=self.divisor)
        lacking = unlearnt(asked, threshold)
        if lacking is not None:
            observer.noted(lacking)
        return replace(self, threshold=threshold, notices=(*self.notices, *([] if lacking is None else [lacking])))

    @property
    def divisor(self) -> float | None:
        """What the saved model divides its logits by; None: nothing."""
        return self.temperature.value if self.temperature is not None and self.temperature.in_model else None


def weigh(told: ToldTrials, setting: Setting, *, space: SearchSpace, repeater: Repeater, observer: Observer) -> Weighed:
    """Choose the winner among finalists that are trained again, and learn what its score is worth.

    Args:
        told: What the search came to.
        setting: What scores rest on.
        space: What was searched, and what evidence is wanted.
        repeater: Trains points again.
        observer: Told of every phase.

    Raises:
        TrainingError: If no trial came to a finite score.
    """
    wanted, objective = space.evidence, setting.objective
    best = _best(told)
    weighed = Weighed(winner=best, steps=i_star([best]), naive=best)
    if not wanted.finalists:
        return weighed
    finalists = choose_finalists(told.records, objective=objective, n_finalists=wanted.finalists)
    observer.phase(Phase.FINALISTS, n_networks=n_repeats_in_all(len(finalists), wanted.repeats))
    first, found, records = _repeated(repeater, setting, finalists, wanted=wanted, best=best)
    rng = generator(setting.seed, Purpose.EVIDENCE, _IMPORTANCE)
    weighed = replace(
        weighed,
        importances=parameter_importances(told.records, space.parameters, objective=objective, rng=rng),
        notices=(_cut(len(found.repeats), wanted.repeats),) if found.is_cut else (),
    )
    sound = [record for record in finalists if record.trial in found.sound]
    if len(found.repeats) < min(MIN_REPEATS, wanted.repeats) or not sound:
        return replace(weighed, corrected=_of_search(told, seed=setting.seed))
    place = _chosen(found, sound, setting, wanted.margin)
    winner = sound[place]
    steps = i_star(found.of(winner.trial))
    answered: Round | None = found
    if space.model == "average":
        n_networks = n_networks_of(space.model)
        answered = answered_by_mean(repeater, found, winner, n_networks=n_networks, n_epochs=steps.epochs)
    observer.phase(Phase.ROWS, n_networks=min(LEARNING_REPEATS, len(found.repeats)))
    rows = _rows_gain(repeater, found, winner, objective=objective, n_epochs=steps.epochs)
    changes = change_one_thing(
        winner, told, setting, space, n_epochs=steps.epochs, repeater=repeater, observer=observer
    )
    return replace(
        weighed,
        winner=winner,
        steps=steps,
        finalists=found,
        records=records,
        corrected=_corrected(
            setting,
            found,
            sound,
            records,
            place=place,
            naive=best,
            rows=rows,
            share=wanted.margin,
            left=_left_behind(first, found, objective),
        ),
        smaller=_smaller(found, finalists, records, winner=winner, objective=objective),
        partners=changes.partners,
        answered=answered,
        meeting=changes.meeting,
        effects=changes.effects,
        temperature=_temperature(found, winner, head=setting.head) if space.model == "single" else None,
        notices=(
            *weighed.notices,
            *((_unlearnt(found),) if rows is None else ()),
            *changes.notices,
        ),
    )


def n_repeats_in_all(n_finalists: int, n_repeats: int) -> int:
    """Networks that finalists are trained again as: all of them first, then the half that may still win."""
    n_first = min(n_repeats, RACE_REPEATS)
    return n_finalists * n_first + _n_left(n_finalists) * (n_repeats - n_first)


def _n_left(n_finalists: int) -> int:
    """Finalists that stay after the first repeats."""
    return min(n_finalists, max(LEAST_LEFT, math.ceil(n_finalists / 2)))


def i_star(records: Sequence[TrialRecord]) -> Steps:
    """How long to train: the median over repeats, or over the folds of a trial, of how long each took to its best."""
    from ffsearch.search.training.refit import Steps

    folds = [
        fold
        for record in records
        for fold in record.notes.get("folds") or [{"n_updates": record.n_updates, "best_epoch": record.best_epoch}]
    ]
    return Steps(
        updates=round(median(fold["n_updates"] for fold in folds)),
        epochs=round(median(fold["best_epoch"] for fold in folds)),
    )


# --- the finalists ---------------------------------------------------------------------------------------------------


def _best(told: ToldTrials) -> TrialRecord:
    if told.best is not None:
        return told.best
    records = told.records
    if not records:
        raise TrainingError(
            "No trial was told, so there is nothing to refit. Give a longer --budget, or run without --finish."
        )
    first = next((record.error for record in records if record.error), None)
    raise TrainingError(
        f"None of {len(records)} trials came to a finite score: {_ends(records)}. Try smaller learning rates "
        "(space.learning_rate.high), and look for extreme values in the data."
        + (f"\nThe first error was:\n{first}" if first else "")
    )


def _ends(records: Sequence[TrialRecord]) -> str:
    ends = [str(record.ended) for record in records]
    return ", ".join(f"{ends.count(end)} {end}" for end in dict.fromkeys(ends))


def _repeated(
    repeater: Repeater, setting: Setting, finalists: Sequence[TrialRecord], *, wanted: EvidenceSpec, best: TrialRecord
) -> tuple[Round, Round, dict[tuple[int, int], TrialRecord]]:
    """The finalists' first repeats, of all; these and the others of the half that may still win; the records of all."""
    n_repeats = wanted.repeats
    usual = {record.trial: i_star([record]).epochs for record in finalists}

    def trained(of: Sequence[TrialRecord], n: int) -> Round:
        points = [(record.trial, record.point) for record in of]
        return repeater.train(points, range(1, n + 1), usual=usual, winner=best)

    first = trained(finalists, min(n_repeats, RACE_REPEATS))
    n_left = _n_left(len(finalists))
    if n_repeats <= RACE_REPEATS or first.is_cut:
        return first, first, first.records
    left = race(
        setting.objective.sign * first.scores(first.points),
        n_params=[record.n_params for record in finalists],
        test_to_train=first.test_to_train,
        n_left=n_left,
        worth=_worth(setting, first, wanted.margin),
    )
    found = trained([finalists[place] for place in left], n_repeats)
    return first, found, first.records | found.records


def _left_behind(first: Round, found: Round, objective: Objective) -> OutOfSample | None:
    """What finalists that were left behind answered while they were there; None where none was.

    Args:
        first: The repeats of all.
        found: Those of the finalists that stayed, the first ones among them.
        objective: What is compared.
    """
    gone = [point for point in first.sound if point not in found.points]
    if not gone:
        return None
    known = {one.repeat: one.part(objective, gone) for one in first.predictions}
    n_terms = next(iter(known.values())).terms.shape[2]
    parts = [
        known.get(one.repeat)
        or Part(rows=one.rows, truth=one.truth, terms=np.full((len(gone), len(one.rows), n_terms), np.nan, np.float32))
        for one in found.predictions
    ]
    return OutOfSample(objective=objective, parts=tuple(parts))


def _chosen(found: Round, sound: Sequence[TrialRecord], setting: Setting, share: float) -> int:
    """Place of the winner among the finalists that came through."""
    return int(
        choose(
            setting.objective.sign * found.scores([record.trial for record in sound]),
            n_params=[record.n_params for record in sound],
            test_to_train=found.test_to_train,
            worth=_worth(setting, found, share),
        )
    )


def _worth(setting: Setting, found: Round, share: float) -> float:
    """The least difference worth having, as the verdict has it: a share of what the best gains over knowing nothing."""
    means = found.scores(found.sound).mean(axis=1)
    if not len(means) or not math.isfinite(setting.naive):
        return 0.0
    sign = setting.objective.sign
    return share * abs(sign * float((sign * means).min()) - setting.naive)


def _cut(n_done: int, n_wanted: int) -> Finding:
    if n_done < MIN_REPEATS:
        return Finding(Code.FINALISTS_UNTRAINED)
    return found(Code.REPEATS_CUT, n=n_done, total=n_wanted)


def _unlearnt(finalists: Round) -> Finding:
    return found(Code.ROWS_UNLEARNT, rows=finalists.predictions[0].n_train)


# --- what the winner is worth ----------------------------------------------------------------------------------------


def _corrected(
    setting: Setting,
    found: Round,
    sound: Sequence[TrialRecord],
    records: Mapping[tuple[int, int], TrialRecord],
    *,
    place: int,
    naive: TrialRecord,
    rows: RowsGain | None,
    share: float,
    left: OutOfSample | None,
) -> Correction | None:
    numbers = [record.trial for record in sound]
    winner = found.of(numbers[place])
    again = [record.value for (trial, _), record in records.items() if trial == naive.trial]
    return correct_repeats(
        found.out_of_sample(setting.objective, numbers),
        winner=place,
        n_params=[record.n_params for record in sound],
        test_to_train=found.test_to_train,
        worth=_worth(setting, found, share),
        naive=_value(naive),
        again=float(np.mean([value for value in again if value is not None])) if again and None not in again else None,
        rng=generator(setting.seed, Purpose.EVIDENCE, _CORRECTED),
        stopping=stopping_optimism(
            winner, metric=setting.objective.name, loss=str(setting.head.loss), scores=[_value(one) for one in winner]
        ),
        rows=rows,
        left=left,
    )


def _rows_gain(
    repeater: Repeater, found: Round, winner: TrialRecord, *, objective: Objective, n_epochs: int
) -> RowsGain | None:
    """What the refit gains by its rows, from the winner trained once more on half of the rows of some repeats."""
    number = winner.trial + ON_FEWER_ROWS
    try:
        fewer = repeater.train(
            [(number, winner.point)],
            found.repeats[:LEARNING_REPEATS],
            usual={number: n_epochs},
            winner=winner,
            share=PART,
        )
    except DataError:  # rows of one group, one class or one moment have no half
        return None
    if not fewer.repeats:
        return None
    met = [found.repeats.index(repeat) for repeat in fewer.repeats]
    return rows_gain(
        objective.sign * fewer.scores([number])[0],
        objective.sign * found.scores([winner.trial])[0][met],
        n_less=round(float(np.mean([one.n_train for one in fewer.predictions]))),
        n_repeat=round(float(np.mean([found.predictions[place].n_train for place in met]))),  # by time they differ
        n_refit=len(repeater.prepared.development_rows),
    )


def _of_search(told: ToldTrials, *, seed: int) -> Correction | None:
    """The correction by the search's own predictions, where no finalist was trained again."""
    if told.predictions is None:
        return None
    may_win = [record for record in told.records if record.value is not None]
    whole = [record for record in may_win if record.ended is not Ended.PRUNED] or may_win
    trials, out = told.predictions.read([record.trial for record in whole])
    return correct_search(out, rng=generator(seed, Purpose.EVIDENCE, _CORRECTED)) if trials else None


def _smaller(
    found: Round,
    finalists: Sequence[TrialRecord],
    records: Mapping[tuple[int, int], TrialRecord],
    *,
    winner: TrialRecord,
    objective: Objective,
) -> Smaller | None:
    """The best finalist of fewer parameters, and what it loses, in the repeats it was trained in before it was left."""
    seen = []
    for rival in finalists:
        repeats = [repeat for repeat in found.repeats if (rival.trial, repeat) in records]
        values = [records[rival.trial, repeat].value for repeat in repeats]
        if rival.n_params >= winner.n_params or len(repeats) < MIN_REPEATS or None in values:
            continue
        # How far two networks' difference scatters, all finalists of these repeats tell: two repeats alone hardly do.
        beside = [
            [records[one.trial, repeat].value for repeat in repeats]
            for one in finalists
            if one not in (winner, rival) and all((one.trial, repeat) in records for repeat in repeats)
        ]
        met = np.array([values, *(scores for scores in beside if None not in scores)], np.float64)
        of_winner = np.array([_value(records[winner.trial, repeat]) for repeat in repeats])
        difference, _ = paired_over_repeats(
            of_winner, met[0],
            objective=objective, test_to_train=found.test_to_train, spread=moderated(of_winner - met)[0],
        )  # fmt: skip
        seen.append(Smaller(topology=rival.topology, n_params=rival.n_params, loss=difference))
    return min(seen, key=lambda one: one.loss.value, default=None)


def _temperature(found: Round, winner: TrialRecord, *, head: Head) -> Temperature | None:
    """By the validation rows of all repeats, none of which the answering network has learnt from."""
    if head.task is Task.REGRESSION:
        return None
    repeats = [
        Validated(rows=one.rows, y=one.y, logits=one.outputs[winner.trial], weight=one.weight)
        for one in found.predictions
    ]
    units = units_of(found.guide, np.concatenate([one.rows for one in repeats]))
    return weigh_temperature(head, repeats, units=units)


def _value(record: TrialRecord) -> float:
    assert record.value is not None
    return record.value
