"""Which points of a run are the best: the one ranking that search, evidence and summary go by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.training.protocol import Ended

__all__ = ["Leader", "Standing", "best_record", "best_standing", "standing_of", "standings"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Standing:
    """A point by all its trials that count: more than one when a sampler proposed it again and it got other seeds.

    Args:
        record: Its first trial.
        value: Mean of their values.
        n_seeds: How many they are.
    """

    record: TrialRecord
    value: float
    n_seeds: int

    def rank(self, objective: Objective) -> tuple[bool, float, int]:
        """What standings are sorted by: pruned ones last, the better value first, of two alike the earlier one."""
        return self.record.ended is Ended.PRUNED, objective.sign * self.value, self.record.trial


def standings(records: Iterable[TrialRecord], *, objective: Objective) -> list[Standing]:
    """Every point that has a value, the best first.

    A point counts by the mean of its trials that were trained to their end: one lucky seed does not make it the best.
    Points of which all trials were pruned come last, whatever their values.
    """
    by_point: dict[int, list[TrialRecord]] = {}
    for record in records:
        if record.value is not None:
            by_point.setdefault(record.first_of_point, []).append(record)
    return sorted(map(_standing, by_point.values()), key=lambda one: one.rank(objective))


def best_standing(records: Iterable[TrialRecord], *, objective: Objective) -> Standing | None:
    """The best point; None when no trial has a value."""
    return next(iter(standings(records, objective=objective)), None)


def best_record(records: Iterable[TrialRecord], *, objective: Objective) -> TrialRecord | None:
    """The trial that stands for the best point; None when no trial has a value."""
    best = best_standing(records, objective=objective)
    return None if best is None else best.record


def standing_of(record: TrialRecord, records: Iterable[TrialRecord]) -> Standing:
    """The point of a trial, by all its trials that have a value."""
    same = [one for one in records if one.value is not None and one.first_of_point == record.first_of_point]
    return _standing(same or [record])


def _standing(records: Sequence[TrialRecord]) -> Standing:
    """All trials of one point, at least one of them with a value."""
    counting = [record for record in records if record.ended is not Ended.PRUNED] or records
    values = [record.value for record in counting if record.value is not None]
    return Standing(record=min(counting, key=lambda one: one.trial), value=fmean(values), n_seeds=len(values))


class Leader:
    """The best point of trials that are told one by one: `best_record`, without looking through all of them each time.

    Args:
        objective: What is optimised.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._best: Standing | None = None
        self._n_seen = 0

    def of(self, records: Sequence[TrialRecord]) -> TrialRecord | None:
        """The trial that stands for the best point.

        Args:
            records: Those of the last call, and what was told since.
        """
        new, self._n_seen = records[self._n_seen :], len(records)
        if any(record.repeat_of is not None for record in new):  # a mean that changed can cost the lead
            self._best = best_standing(records, objective=self._objective)
        elif new:
            known = [] if self._best is None else [self._best]
            met = [*known, *standings(new, objective=self._objective)]
            self._best = min(met, key=lambda one: one.rank(self._objective), default=None)
        return None if self._best is None else self._best.record
