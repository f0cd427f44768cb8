"""The main job on one page: load, ask, train, tell, record, stop, weigh, refit, open the test, save.

    space + table -> Parts -> [ engine.ask -> trainer -> record -> engine.tell ]* -> winner -> refit -> sealed test

What a word means stands in CONTRIBUTING.md; what a step does, in the module its helper comes from.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ffsearch.errors import TrainingError
from ffsearch.search.budget import Deadline
from ffsearch.search.ledger import Ledger, Outcome
from ffsearch.search.observer import Observer
from ffsearch.search.outcome import refit_winner, save_answer, score_sealed_test
from ffsearch.search.parts import Parts, assembled, open_folder, read_inputs
from ffsearch.search.records import TrialRecord, bad_value
from ffsearch.search.scoring import score_folds
from ffsearch.search.store import Kind, Run, load
from ffsearch.search.topology import describe, n_params
from ffsearch.search.training.protocol import Ended
from ffsearch.spaces.overrides import Overrides

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["run"]


def run(
    space: str | PathLike[str],
    *,
    data: str | pd.DataFrame | None = None,
    target: str | list[str] | None = None,
    overrides: Overrides = (),
    out: str | PathLike[str] | None = None,
    fresh: bool = False,
    finish: bool = False,
    observer: Observer | None = None,
    report: Callable[[Path], object] | None = None,
) -> Run:
    """Search a space on a table, refit the winner, open the sealed test once, and leave a run folder.

    The same call again goes on where an earlier one stopped, and changes nothing when that one came to its end.

    Args:
        space: A space file, or the name of a shipped one.
        data: A file or a pandas frame to use instead of the file's `data.source`.
        target: The target column, or several, instead of the file's.
        overrides: Other values instead of the file's: `{"search.trials": 20}`.
        out: The run folder; by default `runs/NAME`, after the space and the data.
        fresh: Start anew; an old run folder is moved aside, not deleted.
        finish: No more trials: refit, test and report on what was told so far.
        observer: Told of everything as it happens.
        report: Writes the report of a finished run folder, given its path; by default none is written.

    Returns:
        The finished run.

    Raises:
        SpaceError: If the space cannot be used.
        DataError: If the table cannot be used.
        RunError: If the run folder cannot be used.
        TrainingError: If no network came to a finite score.
        KeyboardInterrupt: After Ctrl-C; what was told is saved, and its text says how to go on.
    """
    began = time.monotonic()
    observer = observer or Observer()
    inputs = read_inputs(space, data=data, target=target, overrides=overrides)
    deadline = Deadline(inputs.space.search.budget, began=began)
    with (
        open_folder(inputs, out=out, fresh=fresh) as folder,
        assembled(inputs, folder, deadline=deadline, observer=observer, finish=finish) as parts,
    ):
        if parts.is_done:
            observer.noted(f"{folder.path} is finished. More --trials go on with it; --fresh starts anew.")
            return load(folder.path)
        try:
            _search(parts)
            winner = _weigh(parts)
            refit = refit_winner(parts, winner)
            test = score_sealed_test(parts, refit)
            save_answer(parts, refit, test, report=report)
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(_saved(parts)) from interrupt
    return load(folder.path)


def _search(parts: Parts) -> None:
    """Ask, train, record, tell, until trials or time have run out."""
    parts.begin()
    ledger = Ledger(
        parts.engine,
        n_trials=parts.n_trials - len(parts.folder.records),
        n_folds=len(parts.problem.splits),
        seed=parts.seed,
        is_over=lambda: _is_over(parts),
        on_start=parts.observer.started,
        on_epoch=parts.observer.epoch,
    )
    for trained in parts.trainer.train(ledger.jobs(), watch=ledger.watch):
        outcome = ledger.close(trained)
        if outcome is not None:
            _tell(parts, _record(parts, outcome))


def _tell(parts: Parts, record: TrialRecord) -> None:
    """Make a trial durable, then let the engine learn of it: what it knows must never be lost."""
    worst = bad_value(
        (earlier.value for earlier in parts.folder.records), naive=parts.naive, direction=parts.objective.direction
    )
    parts.folder.add(record)
    parts.engine.tell(record.told(otherwise=worst))
    parts.mirror.add(record)
    parts.observer.ended(record, parts.best)


def _record(parts: Parts, outcome: Outcome) -> TrialRecord:
    """All that is kept of a trial; curves and i* are those of its first fold, scores the mean of all."""
    point, first = outcome.proposal.point, outcome.folds[0]
    has_score = outcome.ended not in (Ended.DIVERGED, Ended.FAILED)
    score = score_folds(outcome.folds, parts.problem, parts.objective) if has_score else None
    size = {"n_features": parts.problem.n_features, "n_outputs": parts.problem.head.n_outputs}
    return TrialRecord(
        trial=outcome.proposal.trial,
        point=point,
        topology=describe(point, **size),
        n_params=n_params(point, **size),
        value=None if score is None else score.value,
        valid_loss=None if score is None else score.valid_loss,
        metrics={} if score is None else score.metrics,
        ended=outcome.ended,
        best_epoch=first.best_epoch,
        n_epochs=first.curve.n_epochs,
        n_updates=first.n_updates,
        train_s=sum(fold.train_s for fold in outcome.folds),
        compile_s=sum(fold.compile_s for fold in outcome.folds),
        seed=tuple(map(int, (parts.seed, *first.job.seed.spawn_key))),
        curve=first.curve,
        repeat_of=parts.folder.repeat_of(point),
        error=next((fold.error for fold in outcome.folds if fold.error), None),
        notes=_fold_notes(outcome),
    )


def _fold_notes(outcome: Outcome) -> dict[str, object]:
    """How every fold ended, where there are several: the refit's i* is their median."""
    if len(outcome.folds) == 1:
        return {}
    return {
        "folds": [
            {
                "fold": fold.job.fold,
                "ended": str(fold.ended),
                "best_epoch": fold.best_epoch,
                "n_updates": fold.n_updates,
            }
            for fold in outcome.folds
        ]
    }


def _is_over(parts: Parts) -> bool:
    """Whether what is left of the budget is needed for refit, test and report; asked after every epoch."""
    if parts.deadline.total_s is None:
        return False
    return parts.deadline.over(parts.reserve.seconds(parts.best))


def _weigh(parts: Parts) -> TrialRecord:
    """The trial to refit: the best validation score.

    Raises:
        TrainingError: If no trial came to a finite score.
    """
    best = parts.best
    if best is not None:
        return best
    records = parts.folder.records
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


def _ends(records: tuple[TrialRecord, ...]) -> str:
    ends = [str(record.ended) for record in records]
    return ", ".join(f"{ends.count(end)} {end}" for end in dict.fromkeys(ends))


def _saved(parts: Parts) -> str:
    """What Ctrl-C leaves, and both ways on. Tables are written so that notebooks can read what is there."""
    parts.folder.note(Kind.INTERRUPTED)
    parts.folder.write_tables()
    return (
        f"interrupted: {len(parts.folder.records)} trials are safe in {parts.folder.path}. The same command goes on "
        "with them; with --finish it refits and reports what is there."
    )
