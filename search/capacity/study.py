"""The study on one page: read, train every cell, tune, open the test rows once, compare, save.

    space + table -> cells -> [ learning rates x seeds -> validation ]* -> one rate a cell -> test rows -> contrasts
                                     ^--- one more rate where the best was at an end

What is decided and why stands in docs/decisions.md; what each number means, in docs/semantics.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ffsearch.errors import DataError, SpaceError
from ffsearch.search.capacity.networks import NetworkStore
from ffsearch.search.capacity.pace import Pace
from ffsearch.search.capacity.plan import Plan, Training, make_plan
from ffsearch.search.capacity.rows import Rows, rows_of_shares
from ffsearch.search.carrying.choose import Carriage, carried
from ffsearch.search.data.images import ImageLayout
from ffsearch.search.evidence.metrics import Objective, resolve_objective
from ffsearch.search.observer import Began, ColumnLine, Observer, Phase
from ffsearch.search.parts import RUNS, all_overrides, facts_of, run_name
from ffsearch.search.quiet import load_tensorflow
from ffsearch.search.reading import SPLITS
from ffsearch.search.records import TrialRecord, best_record
from ffsearch.search.scoring import naive_value, score_folds
from ffsearch.search.store import Kind, Run, RunFolder, load
from ffsearch.search.summary import RunFacts, SearchFacts
from ffsearch.search.topology import describe, n_params
from ffsearch.search.training.protocol import Ended, Stopping, Trained
from ffsearch.spaces.capacity import CapacitySpace, CapacitySpec
from ffsearch.spaces.loader import load_any
from ffsearch.spaces.overrides import Overrides
from ffsearch.spaces.sampling import CONCURRENCY
from ffsearch.spaces.writer import space_identity, space_to_yaml

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.data.prepare import Prepared
    from ffsearch.search.data.problem import Problem

__all__ = ["Study", "study"]

MIN_SIDE: Final = 8
"""Fewest pixels a side of an image for convolutional networks, whose three stages halve it."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """All that the steps of a study share.

    Args:
        space: As resolved.
        name: Of the run.
        prepared: The table as understood.
        objective: What is compared.
        naive: Objective of an answer that ignores the features, on validation rows.
        plan: What is trained.
        rows: What networks learn from, a share of the training rows each, in ascending order.
        folder: The run folder, open.
        networks: Weights, kept until the test rows are opened.
        observer: Told of everything.
        began: When this process started, by the monotonic clock.
    """

    space: CapacitySpace
    name: str
    prepared: Prepared
    objective: Objective
    naive: float
    plan: Plan
    rows: tuple[Rows, ...]
    folder: RunFolder
    networks: NetworkStore
    observer: Observer
    began: float

    @property
    def problem(self) -> Problem:
        """The matrices of the largest share, which the verdict is about."""
        return self.rows[-1].problem

    @property
    def stopping(self) -> Stopping:
        """When a network's training ends, of the largest share."""
        return self.rows[-1].stopping

    @property
    def is_done(self) -> bool:
        """Whether an earlier start came to its end."""
        return Run(self.folder.path).is_finished

    @property
    def values(self) -> dict[Training, float | None]:
        """Validation scores of all trainings that ended, turned so that lower is better; None: it diverged."""
        sign = 1 if self.objective.direction == "minimize" else -1
        return {
            self.plan.training(record.trial): None if record.value is None else sign * record.value
            for record in self.folder.records
        }

    @property
    def wall_s(self) -> float:
        """Seconds it took so far, over all starts."""
        return self.folder.earlier_s + time.monotonic() - self.began

    def facts(self) -> RunFacts:
        """What is known before the first training."""
        return facts_of(
            self.prepared,
            self.problem,
            kind=self.space.kind,
            name=self.name,
            objective=self.objective,
            search=SearchFacts(
                engine="capacity",
                sampler="grid",
                pruner="none",
                trainer=self.rows[-1].trainer.name,
                seed=self.plan.seed,
            ),
        )


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
) -> Run:
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
    from ffsearch.search.capacity.outcome import conclude

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


@contextmanager
def assembled(
    space: str | PathLike[str],
    *,
    data: str | pd.DataFrame | None,
    target: str | list[str] | None,
    overrides: Overrides,
    out: str | PathLike[str] | None,
    fresh: bool,
    observer: Observer,
    carriage: Carriage,
) -> Iterator[Study]:
    """Read space and table, check them whole, plan, and open the run folder."""
    from ffsearch.search.data.prepare import prepare

    began = time.monotonic()
    loaded = load_any(space, all_overrides(overrides, data=data, target=target))
    assert isinstance(loaded, CapacitySpace)
    spec = loaded.capacity
    carriage.check(trainer="auto")
    _check_carriage(carriage, spec)
    with carried(carriage, concurrency=CONCURRENCY, observer=observer) as carrier_in:
        prepared = prepare(loaded.data, frame=None if isinstance(data, str) else data, seed=spec.seed)
        image = _image_of(prepared, spec)
        plan = make_plan(spec, n_features=prepared.n_features, n_outputs=prepared.head.n_outputs, image=image)
        _check(plan)
        objective = resolve_objective(spec.objective, prepared.head, key="capacity.objective")
        name = run_name(space, loaded.data.source)
        with _opened(loaded, prepared, out=RUNS / name if out is None else out, fresh=fresh) as folder:
            rows = rows_of_shares(plan, prepared, spec, carrier=carrier_in(folder.path))
            yield Study(
                space=loaded,
                name=name,
                prepared=prepared,
                objective=objective,
                naive=naive_value(rows[-1].problem, objective),
                plan=plan,
                rows=rows,
                folder=folder,
                networks=NetworkStore(folder.path),
                observer=observer,
                began=began,
            )


def _check_carriage(carriage: Carriage, spec: CapacitySpec) -> None:
    """Networks that only the reference trainer trains stay in this process.

    Raises:
        SpaceError: If they are to be carried.
    """
    if carriage.flag is None or not (spec.residual or spec.convolutions is not None):
        return
    key = "residual" if spec.residual else "convolutions"
    raise SpaceError(
        f"capacity.{key}: these networks are trained by Keras, one after another in this process, and cannot be "
        f"carried by {carriage.flag}. Leave {carriage.flag} or capacity.{key} out."
    )


def _image_of(prepared: Prepared, spec: CapacitySpec) -> tuple[int, int, int] | None:
    """Height, width and channels of the images; None of a table.

    Raises:
        DataError: If convolutional networks are asked for, and there are no images, or too small ones.
    """
    image = prepared.layout.shape if isinstance(prepared.layout, ImageLayout) else None
    if spec.convolutions is None:
        return image
    if image is None:
        raise DataError(
            f"{prepared.table.source} is a table, and capacity.convolutions asks for convolutional networks, which "
            "read images. Give images (FILE.npz, *-images-idx3-ubyte, *_32x32.mat), or leave capacity.convolutions out."
        )
    if min(image[:2]) < MIN_SIDE:
        raise DataError(
            f"{prepared.table.source} has images of {image[0]} x {image[1]} pixels; convolutional networks halve them "
            f"three times, so at least {MIN_SIDE} x {MIN_SIDE} are needed. Leave capacity.convolutions out."
        )
    return image


def _check(plan: Plan) -> None:
    """There must be two depths at one budget at least, or there is nothing to compare.

    Raises:
        DataError: With the budgets that would do.
    """
    for budget in {cell.budget for cell in plan.cells}:
        if len({cell.depth for cell in plan.cells[plan.main] if cell.budget == budget}) > 1:
            return
    told = " ".join(missing.sentence for missing in plan.missing)
    raise DataError(f"No parameter budget can be met by two depths, so nothing can be compared: {told} "
                    "Set other capacity.budgets.")  # fmt: skip


def _opened(space: CapacitySpace, prepared: Prepared, *, out: str | PathLike[str], fresh: bool) -> RunFolder:
    """Create the run folder, or go on with the one that is there, and keep how the table was understood."""
    folder = RunFolder.open(
        out,
        space_yaml=space_to_yaml(space),
        identity={"space": space_identity(space), "data": prepared.table.sha256},
        fresh=fresh,
    )
    folder.write_data(columns=[column.as_dict() for column in prepared.columns], notices=prepared.notices)
    prepared.splits.save(folder.path / SPLITS)
    return folder


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
            objective=parts.objective.name,
            direction=parts.objective.direction,
            n_trials=len(list(parts.plan.first_trainings())),
            n_told=len(parts.folder.records),
            best=best_record(parts.folder.records, direction=parts.objective.direction),
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
    if trained.ended not in (Ended.DIVERGED, Ended.FAILED):
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
    parts.folder.note(Kind.INTERRUPTED)
    parts.folder.write_tables()
    return (
        f"interrupted: {len(parts.folder.records)} networks are safe in {parts.folder.path}. The same command goes on "
        "with them."
    )
