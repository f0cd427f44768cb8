"""One trial trained again as it was in its run, to see whether the record is what this machine makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ffsearch.errors import DataError, RunError
from ffsearch.search.base.environment import environment
from ffsearch.search.base.numbers import compact
from ffsearch.search.folder.reader import StoredRun, load
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.steps.assembling import setting_of, trainers_of
from ffsearch.search.steps.inputs import FRAME, Inputs, Request, read_inputs
from ffsearch.search.steps.running_trials import trial_job
from ffsearch.search.steps.trial_records import make_record
from ffsearch.search.training.protocol import Ended, Epoch
from ffsearch.spaces.earlier import as_it_began
from ffsearch.spaces.loader import parse, parse_space
from ffsearch.spaces.schema import SearchSpace

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SAME", "Replayed", "difference_of", "replay", "replay_lines", "same_inputs"]

SAME: Final = 1e-6
"""Largest difference, as a share of the loss, that still counts as the same. choice: float32 has seven digits."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """A trial beside its record.

    Args:
        recorded: As it was told.
        again: As it came out now.
        difference: Largest difference of their training and validation losses, as a share of the loss; infinite where
            one ended earlier.
        first_epoch: The first epoch whose losses differ by more than `SAME`, from 1; None where none does.
    """

    recorded: TrialRecord
    again: TrialRecord
    difference: float
    first_epoch: int | None

    @property
    def is_same(self) -> bool:
        """Whether the curves are the same."""
        return self.difference <= SAME


def replay(path: str | Path, trial: int, *, data: str | pd.DataFrame | None = None) -> Replayed:
    """Train a trial of a run again: the same rows, point, seed and end.

    Of several folds the first is trained, whose curve is kept.

    Args:
        path: The run folder.
        trial: Number of the trial.
        data: Where the table lies now, or the frame itself; by default where the run found it.

    Raises:
        RunError: If the run has no such trial, or the table is not the one it was made from.
        DataError: If the table cannot be read.
    """
    run = load(path)
    _refuse_study(run)
    recorded = _recorded(run, trial)
    inputs = same_inputs(run, data)
    setting = setting_of(inputs)

    def watch(epoch: Epoch) -> Ended | None:
        """What was ended from outside is ended there again."""
        ended_there = recorded.ended in (Ended.PRUNED, Ended.BUDGET) and epoch.n_epochs >= recorded.n_epochs
        return recorded.ended if ended_there else None

    job = trial_job(recorded.trial, recorded.point, 0, seed=setting.seed)
    folds = list(trainers_of(inputs).make(setting.problem).train(iter([job]), watch=watch))
    again = make_record(folds, setting, ended=folds[0].ended)
    difference, first_epoch = difference_of(recorded, again)
    return Replayed(recorded=recorded, again=again, difference=difference, first_epoch=first_epoch)


def replay_lines(run: StoredRun, replayed: Replayed) -> list[str]:
    """What a person wants to know of a replay."""
    recorded, again = replayed.recorded, replayed.again
    lines = [
        f"trial {recorded.trial}  {recorded.topology}",
        f"recorded  {recorded.why}, lowest validation loss {_lowest(recorded)}",
        f"again     {again.why}, lowest validation loss {_lowest(again)}",
    ]
    if replayed.is_same:
        return [*lines, f"the same: losses differ by {compact(replayed.difference)} of their size at most"]
    made, here = run.environment, environment()
    others = sorted(name for name in {**made, **here} if made.get(name) != here.get(name))
    return [
        *lines,
        f"NOT the same: from epoch {replayed.first_epoch} on, losses differ by up to {compact(replayed.difference)} of "
        "their size",
        f"other than where it was made: {', '.join(others)}" if others else "versions and machine kind are the same",
    ]


def _refuse_study(run: StoredRun) -> None:
    if parse(run.space_text, name=f"{run.path}/space.yaml", folder=run.path.parent).space.kind == "capacity":
        raise RunError(
            f"{run.path} is a capacity study, and only trials of searches are replayed. Its command with --fresh "
            "trains its networks anew."
        )


def _lowest(record: TrialRecord) -> str:
    return f"{np.nanmin(record.curve.valid_loss):.8g}" if record.best_epoch else "none"


def _recorded(run: StoredRun, trial: int) -> TrialRecord:
    found = next((record for record in run.records if record.trial == trial), None)
    if found is None:
        numbers = sorted(record.trial for record in run.records)
        legal = f"0 to {numbers[-1]}" if numbers else "none: no trial was told yet"
        raise RunError(f"{run.path} has no trial {trial}; it has {legal}. `ffsearch show` lists them.")
    return found


def same_inputs(run: StoredRun, data: str | pd.DataFrame | None) -> Inputs[SearchSpace]:
    """The run's own space and table, the table being the very same."""
    source, known = run.results.data.source, run.results.data.sha256
    if source == FRAME and data is None:
        raise RunError(
            f"{run.path} was made from a frame in Python, which is not kept. Give it: "
            "ffsearch.search.steps.replay.replay(path, trial, data=frame)"
        )
    _refuse_study(run)
    overrides = {"evidence": "none", **({"data.source": data} if isinstance(data, str) else {})}
    origin = f"{run.path}/space.yaml"
    space = parse_space(run.space_text, name=origin, overrides=overrides, folder=run.path.parent)
    space = as_it_began(space, run.space_text)
    frame = None if isinstance(data, str) else data
    try:
        inputs = read_inputs(Request(space=space, origin=origin, name=run.name, frame=frame))
    except DataError as error:
        raise DataError(f"What {origin} says does not fit the table any more. {error}") from error
    if inputs.prepared.table.sha256 != known:
        raise RunError(
            f"{inputs.prepared.table.source} is not the table {run.path} was made from: its SHA-256 begins with "
            f"{inputs.prepared.table.sha256[:12]}, that of the run's with {known[:12]}. Give the old one with --data."
        )
    return inputs


def difference_of(recorded: TrialRecord, again: TrialRecord) -> tuple[float, int | None]:
    """How far the curves of two records are apart, as a share of the losses, and the first epoch that differs.

    Infinite where one ended earlier; the epoch is None where none differs by more than `SAME`.
    """
    n_looks = min(recorded.curve.n_looks, again.curve.n_looks)
    ours, theirs = (
        np.stack([one.curve.train_loss[:n_looks], one.curve.valid_loss[:n_looks]]).astype(np.float64)
        for one in (recorded, again)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.abs(ours - theirs) / np.maximum(np.abs(ours), np.finfo(np.float32).tiny)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    by_epoch = np.where(same, 0.0, np.nan_to_num(shares, nan=np.inf)).max(axis=0, initial=0.0)
    different = np.flatnonzero(by_epoch > SAME)
    first = (int(different[0]) + 1) * again.curve.every if len(different) else None
    if recorded.curve.n_looks != again.curve.n_looks:
        return np.inf, first or (n_looks + 1) * again.curve.every
    return float(by_epoch.max(initial=0.0)), first
