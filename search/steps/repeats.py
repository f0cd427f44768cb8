"""Points trained again, in repeats: each repeat with its own seeds, row order and split, the same for all its points.

    points x repeats -> jobs -> population trainer, all in one batch -> log line and outputs, durable -> Round

What the log and the files of predictions hold already is not trained again; what time leaves no room for is left out,
in whole repeats.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.correction import OutOfSample
from ffsearch.search.evidence.finalists import repeat_jobs
from ffsearch.search.evidence.predictions import RepeatPredictions
from ffsearch.search.evidence.scoring import Setting
from ffsearch.search.evidence.units import units_of
from ffsearch.search.executors.trainers import Trainers
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.network.topology import Numbers, Point
from ffsearch.search.observer import Observer, Repeated
from ffsearch.search.steps.budget import Clock
from ffsearch.search.steps.trial_records import make_record
from ffsearch.search.training.protocol import Ended, Epoch, Job, Trained

if TYPE_CHECKING:
    from ffsearch.search.data.features.problem import Problem
    from ffsearch.search.data.prepare import Prepared
    from ffsearch.search.data.splits import Guide

__all__ = ["Repeater", "Round"]

MAX_BYTES: Final = 1_000_000_000
"""Matrices of repeats that are in memory together. choice: a share of a small machine; more is trained in parts."""

PATIENCE_PART: Final = 4
"""The patience of repeats is this part of the search's. choice: see `_Patience`."""

Points = Sequence[tuple[int, Point]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Round:
    """What points came to in the repeats that all of them were trained in.

    Args:
        points: Numbers of the points.
        repeats: Numbers of the repeats, ascending.
        records: What each came to, by number and repeat.
        predictions: Of each repeat, in their order.
        guide: What the splits go by.
        is_cut: Whether time was too short for the repeats asked for.
    """

    points: tuple[int, ...]
    repeats: tuple[int, ...]
    records: dict[tuple[int, int], TrialRecord]
    predictions: tuple[RepeatPredictions, ...]
    guide: Guide
    is_cut: bool

    @property
    def test_to_train(self) -> float:
        """Validation rows per training row."""
        return float(np.mean([len(one.rows) / one.n_train for one in self.predictions]))

    @property
    def sound(self) -> tuple[int, ...]:
        """Points that came to a finite score in every repeat."""
        return tuple(
            n for n in self.points if all(self.records[n, repeat].value is not None for repeat in self.repeats)
        )

    def of(self, point: int) -> list[TrialRecord]:
        """What a point came to, repeat by repeat."""
        return [self.records[point, repeat] for repeat in self.repeats]

    def scores(self, points: Sequence[int]) -> NDArray[np.float64]:
        """Shape (n_points, n_repeats); NaN where a network diverged."""
        values = [[record.value for record in self.of(point)] for point in points]
        return np.array([[np.nan if value is None else value for value in row] for row in values], np.float64)

    def out_of_sample(self, objective: Objective, points: Sequence[int]) -> OutOfSample:
        """Terms of sound points on all rows they have not learnt from."""
        return OutOfSample(
            objective=objective,
            parts=tuple(one.part(objective, points) for one in self.predictions),
            units=units_of(self.guide, np.unique(np.concatenate([one.rows for one in self.predictions]))),
        )


class _Patience:
    """Ends a repeat when nothing better came for a while, a shorter while than in the search.

    Where the best epoch lies is known from the search: until there nobody is stopped, and beyond it a part of the
    patience is enough. Of a common training on a large table this leaves two thirds.

    Args:
        usual: By number of the point, the epoch the best one is expected near.
        patience: That of the search, in evaluations.
        min_delta: How much less loss is an improvement.
    """

    def __init__(self, usual: Mapping[int, int], *, patience: int, min_delta: float) -> None:
        self._usual, self._min_delta = usual, min_delta
        self._patience = math.ceil(patience / PATIENCE_PART)
        self._best: dict[tuple[int, int], tuple[float, int]] = {}

    def is_over(self, epoch: Epoch) -> bool:
        """Whether this network has trained long enough; asked after every epoch."""
        key = epoch.job.trial, epoch.job.fold
        loss, at = self._best.get(key, (math.inf, 0))
        if epoch.valid_loss < loss - self._min_delta:
            loss, at = self._best[key] = epoch.valid_loss, epoch.n_epochs
        return epoch.n_epochs >= max(at, self._usual.get(epoch.job.trial, 0)) + self._patience * epoch.every


@dataclass(frozen=True, kw_only=True)
class Repeater:
    """Trains points again, in repeats, as far as that was not done before and there is time.

    Args:
        setting: What scores rest on.
        prepared: The table, which is split anew in every repeat.
        trainers: Train as the search did, but for the patience.
        folder: Where what they come to is kept.
        clock: Says when time is up.
        observer: Told of every network.
    """

    setting: Setting
    prepared: Prepared
    trainers: Trainers
    folder: RunFolder
    clock: Clock
    observer: Observer

    def train(
        self,
        points: Points,
        repeats: Sequence[int],
        *,
        usual: Mapping[int, int],
        winner: TrialRecord,
        share: float = 1.0,
    ) -> Round:
        """Train points in repeats.

        Args:
            points: Numbers and points; those that were no trial have numbers beyond all trials.
            repeats: Numbers of the repeats, from 1.
            usual: By number of the point, the epoch that its best one is expected near, on all training rows: that of
                an earlier training.
            winner: The trial that is refitted afterwards, as far as is known; time for that is kept back.
            share: Share of every repeat's training rows to learn from; an epoch then is more passes over them, for the
                refit too makes as many updates whatever its rows.
        """
        predictions: list[RepeatPredictions] = []
        n_passes = round(1 / share)
        usual = {number: epoch * n_passes for number, epoch in usual.items()}
        reserve_s = self.clock.reserve.seconds(winner)
        ways = {point.numbers for _, point in points}
        n_done, n_together = 0, self._n_together(len(repeats), ways)
        for start in range(0, len(repeats), n_together):
            numbers = repeats[start : start + n_together]
            problem = self.prepared.repeats(numbers, share=share, ways=ways)
            missing = self._missing(problem, points, numbers)
            n_done += len(points) * len(numbers) - len(missing)
            for trained in self._trained(
                problem, missing, numbers=numbers, usual=usual, reserve_s=reserve_s, n_passes=n_passes
            ):
                n_done += 1
                job, repeat = trained.job, numbers[trained.job.fold]
                record = self._keep(problem, trained, repeat=repeat)
                n_all = len(points) * len(repeats)
                self.observer.repeated(Repeated(record=record, job=job, repeat=repeat, n_done=n_done, n_all=n_all))
            predictions += self._kept(problem, points, numbers)
        done = tuple(one.repeat for one in predictions)
        return Round(
            points=tuple(number for number, _ in points),
            repeats=done,
            records={
                (number, repeat): kept
                for number, point in points
                for repeat in done
                if (kept := self.folder.repeat(number, repeat, point=point)) is not None
            },
            predictions=tuple(predictions),
            guide=self.prepared.dealt.guide,
            is_cut=len(done) < len(repeats),
        )

    def _missing(self, problem: Problem, points: Points, repeats: Sequence[int]) -> list[Job]:
        """What is not kept yet of some repeats."""
        known = {
            repeat: set(RepeatPredictions.file(self.folder.path, repeat, split, problem.head).read()[0])
            for repeat, split in zip(repeats, problem.splits, strict=True)
        }

        def is_kept(job: Job) -> bool:
            record = self.folder.repeat(job.trial, repeats[job.fold], point=job.point)
            return record is not None and (record.value is None or job.trial in known[repeats[job.fold]])

        return [job for job in repeat_jobs(points, repeats, seed=self.setting.seed) if not is_kept(job)]

    def _trained(
        self,
        problem: Problem,
        missing: Sequence[Job],
        *,
        numbers: Sequence[int],
        usual: Mapping[int, int],
        reserve_s: float,
        n_passes: int,
    ) -> Iterator[Trained]:
        """Train what is missing of some repeats, by their numbers, as far as there is time."""
        if not missing:
            return
        stopping = self.trainers.stopping
        patience = _Patience(usual, patience=stopping.patience, min_delta=stopping.min_delta)

        def watch(epoch: Epoch) -> Ended | None:
            self.observer.epoch(epoch)
            if patience.is_over(epoch):
                return Ended.STOPPED
            return Ended.BUDGET if self.clock.deadline.over(reserve_s) else None

        def jobs() -> Iterator[Job]:
            for job in missing:
                if self.clock.deadline.over(reserve_s):
                    return
                self.observer.started(job, repeat=numbers[job.fold])
                yield job

        trained = self.trainers.make(problem, n_passes=n_passes).train(jobs(), watch=watch)
        yield from (one for one in trained if one.ended is not Ended.BUDGET)

    def _keep(self, problem: Problem, trained: Trained, *, repeat: int) -> TrialRecord:
        """Keep the outputs, then the record: what the log names is there."""
        head, job = problem.head, trained.job
        record = make_record([trained], replace(self.setting, problem=problem), ended=trained.ended)
        if record.value is not None:
            file = RepeatPredictions.file(self.folder.path, repeat, problem.splits[job.fold], head)
            file.path.parent.mkdir(exist_ok=True)
            file.add(job.trial, [trained.valid_logits.reshape(-1, head.n_outputs)])
        self.folder.add_repeat(record, repeat=repeat)
        return record

    def _kept(self, problem: Problem, points: Points, repeats: Sequence[int]) -> Iterator[RepeatPredictions]:
        """The whole repeats among these: those that every point was trained in."""
        for repeat, split in zip(repeats, problem.splits, strict=True):
            records = [self.folder.repeat(number, repeat, point=point) for number, point in points]
            if any(record is None for record in records):
                continue
            found, terms = RepeatPredictions.file(self.folder.path, repeat, split, problem.head).read()
            outputs = {number: terms[0][at] for at, number in enumerate(found)}
            if all(record.value is None or record.trial in outputs for record in records if record is not None):
                rows = self.prepared.repeat_rows(repeat)[1]
                yield RepeatPredictions(
                    repeat=repeat,
                    rows=rows,
                    n_train=len(split.x_train),
                    head=problem.head,
                    y=split.y_valid,
                    scale=split.target_scale,
                    outputs=outputs,
                    weight=self.prepared.weight_of(rows),
                )

    def _n_together(self, n_repeats: int, ways: Collection[Numbers]) -> int:
        """How many repeats have their matrices in memory at a time, the plain one and those of other ways."""
        n_features = sum(n for way, n in self.prepared.n_features_of.items() if way in {Numbers.ROBUST, *ways})
        n_bytes = 4 * n_features * len(self.prepared.development_rows)
        return int(min(n_repeats, max(1, MAX_BYTES // max(1, n_bytes))))
