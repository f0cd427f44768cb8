"""What a run is made of: space and table read, folder open, engine, trainer and clock at hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ffsearch.search.base.objective import Objective
from ffsearch.search.engines.protocol import Engine
from ffsearch.search.evidence.answers import SearchAnswers
from ffsearch.search.evidence.effort import baseline_seconds
from ffsearch.search.evidence.metrics import resolve_objective
from ffsearch.search.evidence.scoring import naive_value
from ffsearch.search.folder.ranking import Leader
from ffsearch.search.folder.reader import SPLITS, STUDY, StoredRun
from ffsearch.search.folder.summary import DataFacts, RunFacts, SearchFacts
from ffsearch.search.folder.trial_record import TrialRecord, told_history
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.network import defaults
from ffsearch.search.network.heads import Head, Loss, Output, check_pairing
from ffsearch.search.observer import Began, ColumnLine, Observer, Phase
from ffsearch.search.steps.budget import Deadline, Reserve, evidence_seconds, kept_for_baselines
from ffsearch.search.training.protocol import Stopping, Trainer
from ffsearch.spaces.loader import load_any, load_space, space_name
from ffsearch.spaces.overrides import Override, Overrides
from ffsearch.spaces.schema import EvidenceSpec, SearchSpace, TrainSpec
from ffsearch.spaces.writer import space_identity, space_to_yaml

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.data.prepare import Prepared
    from ffsearch.search.data.problem import Problem
    from ffsearch.search.engines.optuna_copy import OptunaCopy
    from ffsearch.search.engines.shared import SharedEngine
    from ffsearch.search.engines.shared_study import SharedStudy
    from ffsearch.search.executors.protocol import Carrier

__all__ = [
    "FRAME",
    "RUNS",
    "Inputs",
    "Parts",
    "all_overrides",
    "assembled",
    "facts_of",
    "identity_of",
    "inputs_of",
    "open_folder",
    "read_inputs",
    "run_name",
    "shared_study",
    "stopping_for",
]

RUNS: Final = Path("runs")

USUAL_PARTNERS: Final = 10
"""Networks that effects train in a repeat: what the shipped space makes of most winners."""

FRAME: Final = "frame"
"""What the source of a table given as a pandas frame is called."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What was asked for: the space as resolved, the table as understood, and what follows from both."""

    space: SearchSpace
    prepared: Prepared
    objective: Objective
    name: str


@dataclass(frozen=True, kw_only=True)
class Parts:
    """All that the steps of a run share.

    Args:
        inputs: What was asked for.
        problem: The matrices.
        naive: Objective of an answer that ignores the features.
        n_trials: Trials the run shall have in the end.
        stopping: When a candidate's training ends.
        folder: The run folder, open.
        engine: Proposes points; knows all trials told so far.
        trainer: Trains them.
        copy: The copy of the study that dashboards read.
        deadline: When everything has to be done.
        reserve: How much of the time the steps after the search need.
        observer: Told of everything.
        leader: Knows the best trial told so far.
        answers: What trials answered on their validation rows; None where no evidence is wanted.
        carrier: Where networks are trained; None for threads of this process.
    """

    inputs: Inputs
    problem: Problem
    naive: float
    n_trials: int
    stopping: Stopping
    folder: RunFolder
    engine: Engine
    trainer: Trainer
    copy: OptunaCopy
    deadline: Deadline
    reserve: Reserve
    observer: Observer
    leader: Leader
    answers: SearchAnswers | None
    carrier: Carrier | None = None

    @property
    def shared(self) -> SharedEngine | None:
        """The engine, where other drivers work on the same study."""
        from ffsearch.search.engines.shared import SharedEngine

        return self.engine if isinstance(self.engine, SharedEngine) else None

    @property
    def evidence(self) -> EvidenceSpec:
        """What evidence is wanted."""
        return self.inputs.space.evidence

    def trainer_for(self, problem: Problem, *, n_passes: int = 1) -> Trainer:
        """A trainer of other matrices, set as that of the search but for epochs of so many times its passes."""
        stopping = replace(self.stopping, evaluate_every=n_passes * self.stopping.evaluate_every)
        return _trainer(self.inputs.space, problem, stopping, carrier=self.carrier)

    @property
    def objective(self) -> Objective:
        """What is optimised."""
        return self.inputs.objective

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.inputs.space.search.seed

    @property
    def best(self) -> TrialRecord | None:
        """The best trial told so far."""
        return self.leader.of(self.folder.records)

    def evidence_s(self) -> float:
        """Seconds of the budget to keep back for networks that are trained again; 0 without a budget."""
        wanted, total_s = self.evidence, self.deadline.total_s
        if total_s is None:
            return 0.0
        n_finalists = wanted.finalists + 1 if wanted.finalists else 0
        n_effects = 0 if wanted.effects == "auto" else USUAL_PARTNERS * wanted.effects
        return evidence_seconds(
            self.folder.records,
            n_networks=n_finalists * wanted.repeats + n_effects,
            n_best=max(1, n_finalists),
            elapsed_s=self.folder.earlier_s + self.deadline.elapsed(),
            total_s=total_s,
        )

    @property
    def is_done(self) -> bool:
        """Whether an earlier start came to its end, and neither more trials nor other evidence are wanted."""
        run = StoredRun(self.folder.path)
        if not run.is_finished or len(self.folder.records) < self.n_trials:
            return False
        wanted = self.evidence.model_dump(mode="json")
        return bool(run.summary["evidence"].get("settings", wanted) == wanted)

    def begin(self) -> None:
        """Note the start in the folder, and tell the observer what is searched."""
        self.folder.start(self.facts())
        self.observer.began(self._began())
        self.observer.phase(Phase.SEARCH)

    def facts(self) -> RunFacts:
        """What is known of the run before its first trial."""
        search = self.inputs.space.search
        return facts_of(
            self.inputs.prepared,
            self.problem,
            kind=self.inputs.space.kind,
            name=self.inputs.name,
            objective=self.objective,
            search=SearchFacts(
                engine=search.engine,
                sampler=search.sampler,
                pruner=search.pruner,
                trainer=self.trainer.name,
                seed=search.seed,
            ),
        )

    def _began(self) -> Began:
        prepared = self.inputs.prepared
        return Began(
            path=self.folder.path,
            source=prepared.table.source,
            n_rows=prepared.table.n_rows,
            n_features=self.problem.n_features,
            n_outputs=self.problem.head.n_outputs,
            task_reason=prepared.task_reason,
            objective=self.objective,
            n_trials=self.n_trials,
            n_told=len(self.folder.records),
            best=self.best,
            budget_s=self.deadline.total_s,
            columns=tuple(
                ColumnLine(name=column.name, kind=str(column.kind), used=column.used, reason=column.reason)
                for column in prepared.columns
            ),
            notices=tuple(prepared.notices),
        )


def read_inputs(
    space: str | PathLike[str],
    *,
    data: str | pd.DataFrame | None,
    target: str | list[str] | None,
    overrides: Overrides,
) -> Inputs:
    """Read space and table and check them whole; nothing is written yet.

    Raises:
        SpaceError: If the space cannot be used.
        DataError: If the table cannot be used.
    """
    frame = None if isinstance(data, str) else data
    loaded = load_space(space, all_overrides(overrides, data=data, target=target))
    return inputs_of(loaded, frame=frame, name=run_name(space, loaded.data.source))


def inputs_of(loaded: SearchSpace, *, frame: pd.DataFrame | None, name: str) -> Inputs:
    """Read the table of a space that is loaded.

    Args:
        loaded: The space.
        frame: A frame to use instead of its source.
        name: Name of the run.

    Raises:
        SpaceError: If space and table do not go together.
        DataError: If the table cannot be used.
    """
    from ffsearch.search.data.leaks import find_leaks, leak_notices
    from ffsearch.search.data.prepare import prepare
    from ffsearch.search.training.augment import check_augmentation

    prepared = prepare(loaded.data, frame=frame, seed=loaded.search.seed)
    leaks = leak_notices(find_leaks(prepared, seed=loaded.search.seed))
    prepared = replace(prepared, head=_with_loss(prepared.head, loaded.train), notices=(*prepared.notices, *leaks))
    check_augmentation(loaded.parameters, head=prepared.head, columns=prepared.layout.matrix_columns())
    inputs = Inputs(
        space=loaded,
        prepared=prepared,
        objective=resolve_objective(loaded.search.objective, prepared.head),
        name=name,
    )
    _engine(inputs)  # what it refuses is refused here, where nothing is written yet
    return inputs


def facts_of(
    prepared: Prepared, problem: Problem, *, kind: str, name: str, objective: Objective, search: SearchFacts
) -> RunFacts:
    """What is known of a run before its first trial: of a search, an imported one, or a study."""
    table, splits, head = prepared.table, prepared.splits, problem.head
    train, valid = splits.folds[0]
    return RunFacts(
        kind=kind,
        name=name,
        task=str(head.task),
        objective=objective,
        data=DataFacts(
            source=table.source,
            target=head.target_names,
            n_rows=table.n_rows,
            n_features=problem.n_features,
            n_classes=len(head.labels) or None,
            sha256=table.sha256,
            n_train=len(train),
            n_valid=len(valid),
            n_test=len(splits.test),
        ),
        search=search,
    )


def identity_of(inputs: Inputs) -> dict[str, str]:
    """What makes two runs the same: the space and the table."""
    return {"space": space_identity(inputs.space), "data": inputs.prepared.table.sha256}


def all_overrides(
    overrides: Overrides, *, data: str | pd.DataFrame | None, target: str | list[str] | None
) -> list[str | Override]:
    """What is put in place of a space file's values: the overrides, then data and target, which win."""
    named = [
        *([Override("data.source", data if isinstance(data, str) else FRAME, "data")] if data is not None else []),
        *([Override("data.target", target, "target")] if target is not None else []),
    ]
    if isinstance(overrides, Mapping):
        return [*(Override(path, value, f"override of {path}") for path, value in overrides.items()), *named]
    return [*overrides, *named]


def open_folder(inputs: Inputs, *, out: str | PathLike[str] | None, fresh: bool) -> RunFolder:
    """Create the run folder, or go on with the one that is there, and keep how the table was understood.

    Raises:
        RunError: If it belongs to another run, is in use, or cannot be written.
    """
    prepared = inputs.prepared
    folder = RunFolder.open(
        RUNS / inputs.name if out is None else out,
        space_yaml=space_to_yaml(inputs.space),
        identity=identity_of(inputs),
        fresh=fresh,
    )
    folder.write_data(**prepared.described(), ignore=inputs.space.ignore)
    prepared.splits.save(folder.path / SPLITS)
    return folder


@contextmanager
def shared_study(inputs: Inputs, url: str | None) -> Iterator[SharedStudy | None]:
    """The study in a database that all drivers of the same space and table share; none without an address.

    Raises:
        SpaceError: If the sampler keeps a state of its own.
        RunError: If the database cannot be used.
    """
    if url is None:
        yield None
        return
    from ffsearch.search.engines.shared import check_shared
    from ffsearch.search.engines.shared_study import SharedStudy

    check_shared(engine=inputs.space.search.engine, sampler=inputs.space.search.sampler)
    same = "-".join(digest[:12] for digest in identity_of(inputs).values())
    with SharedStudy(url, name=f"{inputs.name}-{same}", objective=inputs.objective) as shared:
        yield shared


@contextmanager
def assembled(
    inputs: Inputs,
    folder: RunFolder,
    *,
    deadline: Deadline,
    observer: Observer,
    finish: bool,
    carrier: Carrier | None = None,
    shared: SharedStudy | None = None,
) -> Iterator[Parts]:
    """Make everything the steps share, and let the engine learn of the trials that were told before."""
    from ffsearch.search.engines.optuna_copy import OptunaCopy

    space, problem, objective = inputs.space, inputs.prepared.problem(), inputs.objective
    naive = naive_value(problem, objective)
    n_train = len(problem.splits[0].x_train)
    stopping = stopping_for(space, n_train)
    engine = _engine(inputs, shared=shared)
    engine.restore(told_history(folder.records, naive=naive, objective=objective))
    with OptunaCopy(
        folder.path / STUDY,
        name=inputs.name,
        objective=objective,
        parameters=space.parameters,
        first_rung=_first_rung(n_train, stopping),
        records=folder.records,
    ) as copy:
        yield Parts(
            inputs=inputs,
            problem=problem,
            naive=naive,
            n_trials=len(folder.records) if finish else space.search.trials,
            stopping=stopping,
            folder=folder,
            engine=engine,
            trainer=_trainer(space, problem, stopping, carrier=carrier),
            copy=copy,
            deadline=deadline,
            reserve=Reserve(
                n_train=n_train,
                n_all=len(inputs.prepared.development_rows),
                baselines_s=_baselines_s(space, problem, deadline),
            ),
            observer=observer,
            leader=Leader(objective),
            answers=_answers(inputs, folder, problem) if space.evidence.finalists else None,
            carrier=carrier,
        )


def _baselines_s(space: SearchSpace, problem: Problem, deadline: Deadline) -> float:
    """Seconds to keep back for baselines."""
    if not space.evidence.baselines:
        return 0.0
    return kept_for_baselines(baseline_seconds(problem, space.evidence.repeats), total_s=deadline.total_s)


def _trainer(space: SearchSpace, problem: Problem, stopping: Stopping, *, carrier: Carrier | None) -> Trainer:
    from ffsearch.search.executors.trainers import make_trainer

    train = space.train
    return make_trainer(
        train.trainer,
        problem,
        stopping,
        optimizer=train.optimizer,
        momentum=train.momentum,
        n_lanes=space.search.concurrency,
        carrier=carrier,
    )


def _answers(inputs: Inputs, folder: RunFolder, problem: Problem) -> SearchAnswers:
    return SearchAnswers(
        folder.path,
        problem,
        inputs.objective,
        rows=[valid for _, valid in inputs.prepared.splits.folds],
        seed=inputs.space.search.seed,
    )


def _engine(inputs: Inputs, *, shared: SharedStudy | None = None) -> Engine:
    """The engine, nothing told yet.

    Raises:
        SpaceError: If it cannot search this space on this table.
        RunError: If the run to start from cannot be read.
    """
    from ffsearch.search.engines.choose import make_engine

    prepared = inputs.prepared
    n_train = len(prepared.splits.folds[0][0])
    stopping = stopping_for(inputs.space, n_train)
    return make_engine(
        inputs.space,
        objective=inputs.objective,
        max_epochs=stopping.max_epochs,
        first_rung=_first_rung(n_train, stopping),
        n_features=len(prepared.layout.matrix_columns().cell),
        n_outputs=prepared.head.n_outputs,
        shared=shared,
    )


def _first_rung(n_train: int, stopping: Stopping) -> int:
    """Epochs before a pruner judges a trial."""
    from ffsearch.search.engines.pruners import first_rung_for
    from ffsearch.search.training.batches import batches_per_epoch

    return first_rung_for(batches_per_epoch(n_train, batch_size=stopping.batch_size))


def _with_loss(head: Head, train: TrainSpec) -> Head:
    """The head with the loss the space asks for.

    Raises:
        SpaceError: If output and loss do not belong to the task.
    """
    loss = None if train.loss == "auto" else Loss(train.loss)
    check_pairing(head.task, loss=loss, output=None if train.output == "auto" else Output(train.output))
    return head if loss is None else replace(head, loss=loss)


def stopping_for(space: SearchSpace, n_train: int) -> Stopping:
    """When a candidate's training ends, with so many training rows."""
    train = space.train
    size = defaults.batch_size_for(n_train) if train.batch_size == "auto" else train.batch_size
    return Stopping(
        max_epochs=train.max_epochs, patience=train.patience, min_delta=train.min_delta, batch_size=min(size, n_train)
    )


def run_name(space: str | PathLike[str], source: str) -> str:
    """The space's name, and the data's where the file's own was replaced: tabular, tabular-adult."""
    if load_any(space).data.source == source:
        return space_name(space)
    last = re.split(r"[:/\\]", source)[-1]
    stem = re.sub(r"(\.(csv|tsv|txt|parquet|npz|gz))+$", "", last, flags=re.IGNORECASE)
    safe = re.sub(r"[^\w.-]+", "_", stem)
    return f"{space_name(space)}-{safe}"
