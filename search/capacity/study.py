"""The study on one page: read, train every cell, tune, open the test rows once, compare, save.

    space + table -> cells -> [ learning rates x seeds -> validation ]* -> one rate a cell -> test rows -> contrasts
                                     ^--- one more rate where the best was at an end

What is decided and why stands in docs/decisions.md; what each number means, in docs/semantics.md.
"""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ffsearch.errors import SpaceError
from ffsearch.search.base.quiet import load_tensorflow
from ffsearch.search.capacity.outcome import conclude
from ffsearch.search.capacity.pace import Pace
from ffsearch.search.capacity.parts import Study, assembled
from ffsearch.search.evidence.scoring import score_folds
from ffsearch.search.executors.choose import Carriage
from ffsearch.search.folder.log import LineKind
from ffsearch.search.folder.ranking import best_record
from ffsearch.search.folder.reader import StoredRun, load
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.network.topology import describe, n_params
from ffsearch.search.observer import Began, ColumnLine, Observer, Phase
from ffsearch.search.training.protocol import Trained
from ffsearch.spaces.overrides import Overrides

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.data.problem import Problem

__all__ = ["study"]


def study(
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
    carriage: Carriage | None = None,
) -> StoredRun:
    """Compare depths at equal parameters, and leave a run folder; `ffsearch.run` comes here with a space of this kind.

    The same call again goes on where an earlier one stopped, and changes nothing when that one came to its end.

    Args:
        space: A space file, or the name of a shipped one.
        data: A file or a pandas frame to use instead of the file's `data.source`.
        target: The target column, or several, instead of the file's.
        overrides: Other values instead of the file's: `{"capacity.seeds": 10}`.
        out: The run folder; by default `runs/NAME`, after the space and the data.
        fresh: Start anew; an old run folder is moved aside, not deleted.
        finish: Refused: a search can end early, but cells that are not tuned cannot be compared.
        observer: Told of everything as it happens.
        report: Writes the report of a finished run folder, given its path; by default none is written.
        carriage: Who trains the networks; by default threads of this process.

    Returns:
        The finished run.

    Raises:
        SpaceError: If the space cannot be used.
        DataError: If the table cannot be used.
        RunError: If the run folder cannot be used.
        KeyboardInterrupt: After Ctrl-C; what was told is saved, and its text says how to go on.
    """
    if finish:
        raise SpaceError(
            "--finish ends a search early; a capacity study compares cells that are all tuned alike. Give the command "
            "without it, or a smaller study: --set preset=quick."
        )
    with assembled(
        space, data=data, target=target, overrides=overrides, out=out, fresh=fresh, observer=observer or Observer(),
        carriage=carriage or Carriage(),
    ) as parts:  # fmt: skip
        if parts.is_done:
            parts.observer.noted(f"{parts.folder.path} is finished. --fresh starts anew; --out keeps both.")
            return load(parts.folder.path)
        try:
            _begin(parts)
            _train(parts)
            load_tensorflow()  # to ask networks about the test rows; they are trained without it
            conclude(parts, report=report)
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(_saved(parts)) from interrupt
    return load(parts.folder.path)


def _begin(parts: Study) -> None:
    """Note the start in the folder, and tell the observer what is going to be trained."""
    parts.folder.start(parts.facts())
    prepared, table = parts.prepared, parts.prepared.table
    parts.observer.began(
        Began(
            path=parts.folder.path,
            source=table.source,
            n_rows=table.n_rows,
            n_features=parts.problem.n_features,
            n_outputs=parts.problem.head.n_outputs,
            task_reason=prepared.task_reason,
            objective=parts.objective,
            n_trials=len(list(parts.plan.first_trainings())),
            n_told=len(parts.folder.records),
            best=best_record(parts.folder.records, objective=parts.objective),
            budget_s=None,
            columns=tuple(
                ColumnLine(name=column.name, kind=str(column.kind), used=column.used, reason=column.reason)
                for column in prepared.columns
            ),
            notices=(*prepared.notices, *(missing.sentence for missing in parts.plan.missing)),
            n_cells=len(parts.plan.cells),
        )
    )
    parts.observer.phase(Phase.SEARCH)


def _train(parts: Study) -> None:
    """The grid in every cell, then further rates where the best one was at an end, until every cell is tuned."""
    pace = Pace(parts.plan, n_features=parts.problem.n_features, batch_size=parts.stopping.batch_size)
    wanted = list(parts.plan.first_trainings())
    while wanted:
        told = parts.values
        pace.add(wanted, told=told)
        for size, rows in enumerate(parts.rows):
            jobs = (
                parts.plan.job(training)
                for training in wanted
                if training not in told and parts.plan.cells[training.cell].size == size
            )
            for trained in rows.trainer.train(jobs):
                _tell(parts, trained, pace)
        wanted = parts.plan.more_trainings(parts.values)


def _tell(parts: Study, trained: Trained, pace: Pace) -> None:
    """Keep the network and then its record: what the log tells of is there."""
    training = parts.plan.training(trained.job.trial)
    record = _record(parts, trained)
    if record.value is not None and trained.weights is not None:
        parts.networks.keep(record.trial, trained.weights)
    parts.folder.add(record)
    pace.count(training)
    _forget_beaten(parts, training.cell)
    parts.observer.progressed(pace.now(record))


def _forget_beaten(parts: Study, cell: int) -> None:
    """Let go of the networks of a cell whose learning rate is beaten: only the best rate's will meet the test rows."""
    scores = parts.plan.scores_of(cell, parts.values)
    if not scores:
        return
    best = parts.plan.rates.best(scores)
    for place in scores.keys() - {best}:
        parts.networks.forget(parts.plan.number(training) for training in parts.plan.of([cell], place))


def _record(parts: Study, trained: Trained) -> TrialRecord:
    point = trained.job.point
    score = None
    if trained.ended.has_value:
        score = score_folds([trained], _problem_of(parts, trained.job.trial), parts.objective)
    size = {"n_features": parts.problem.n_features, "n_outputs": parts.problem.head.n_outputs}
    return TrialRecord(
        trial=trained.job.trial,
        point=point,
        topology=describe(point, **size),
        n_params=n_params(point, **size),
        value=None if score is None else score.value,
        valid_loss=None if score is None else score.valid_loss,
        metrics={} if score is None else score.metrics,
        ended=trained.ended,
        best_epoch=trained.best_epoch,
        n_epochs=trained.curve.n_epochs,
        n_updates=trained.n_updates,
        train_s=trained.train_s,
        compile_s=trained.compile_s,
        seed=tuple(map(int, (parts.plan.seed, *trained.job.seed.spawn_key))),
        curve=trained.curve,
        repeat_of=parts.folder.repeat_of(point),
        error=trained.error,
        notes={"seed": trained.job.fold},
    )


def _problem_of(parts: Study, number: int) -> Problem:
    """The matrices that a training learnt from."""
    cell = parts.plan.cells[parts.plan.training(number).cell]
    return parts.rows[cell.size].problem


def _saved(parts: Study) -> str:
    """What Ctrl-C leaves, and the way on. Tables are written so that notebooks can read what is there."""
    parts.folder.note(LineKind.INTERRUPTED)
    parts.folder.write_tables()
    return (
        f"interrupted: {len(parts.folder.records)} networks are safe in {parts.folder.path}. The same command goes on "
        "with them."
    )
