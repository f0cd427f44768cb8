"""The study on one page: read, train every cell, tune, open the test rows once, compare, save.

    space + table -> cells -> [ learning rates x seeds -> validation ]* -> one rate a cell -> test rows -> contrasts
                                     ^--- one more rate where the best was at an end

What is decided and why stands in docs/decisions.md; what each number means, in docs/semantics.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

from ffsearch.search.base.quiet import load_tensorflow
from ffsearch.search.base.texts import counted
from ffsearch.search.capacity.conclusion import conclude
from ffsearch.search.capacity.longer import longer_trainings
from ffsearch.search.capacity.networks import NetworkStore
from ffsearch.search.capacity.pace import Pace
from ffsearch.search.capacity.plan import Training
from ffsearch.search.capacity.setup import Study, planned, study_of
from ffsearch.search.evidence.scoring import Setting
from ffsearch.search.executors.choose import ExecutorChoice, executing
from ffsearch.search.folder.reader import StoredRun, load
from ffsearch.search.folder.summary import SearchFacts
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.observer import Observer, Phase, Workload
from ffsearch.search.steps.budget import Deadline
from ffsearch.search.steps.inputs import Request
from ffsearch.search.steps.opening import begin, kept_when_interrupted, leave, open_folder
from ffsearch.search.steps.trial_records import make_record
from ffsearch.search.training.program_files import look_at_programs
from ffsearch.search.training.protocol import Trained, Trainer
from ffsearch.spaces.capacity import CapacitySpace
from ffsearch.spaces.sampling import CONCURRENCY

__all__ = ["compare_cells", "forget_beaten", "record_network", "study"]


def study(
    request: Request,
    *,
    out: str | PathLike[str] | None,
    fresh: bool,
    choice: ExecutorChoice,
    observer: Observer,
    report: Callable[[Path], object] | None,
) -> StoredRun:
    """Compare depths at equal parameters, and leave a run folder; `run` comes here with a space of kind capacity."""
    deadline = Deadline(None, began=time.monotonic())
    assert isinstance(request.space, CapacitySpace)
    choice.check(trainer="auto")
    with executing(choice, concurrency=CONCURRENCY, observer=observer) as executor_in:
        inputs, plan = planned(request)
        with open_folder(inputs, out=out, fresh=fresh) as folder:
            if StoredRun(folder.path).is_finished:
                leave(inputs, folder, observer, report=report)
            else:
                compare_cells(
                    study_of(inputs, plan, executor=executor_in(folder.path)), folder,
                    deadline=deadline, observer=observer, report=report,
                )  # fmt: skip
    return load(folder.path)


def compare_cells(
    study: Study, folder: RunFolder, *, deadline: Deadline, observer: Observer, report: Callable[[Path], object] | None
) -> None:
    """From the first network to the saved comparison."""
    plan, networks = study.plan, NetworkStore(folder.path)
    trainer = study.rows[-1].trainer.name
    batch_size, updates = study.stopping.batch_size, study.inputs.space.capacity.updates
    assert updates is not None
    pace = Pace(plan, n_features=study.problem.n_features, batch_size=batch_size, n_updates=updates)
    with kept_when_interrupted(folder, lambda: _way_on(folder)):
        facts = begin(
            study.inputs, folder, observer,
            search=SearchFacts(engine="capacity", sampler="grid", pruner="none", trainer=trainer, seed=plan.seed),
            n_trials=len(list(plan.first_trainings())),
            n_cells=len(plan.cells),
            notices=[*(missing.finding for missing in plan.missing), *look_at_programs()],
            work=Workload(n_train=study.inputs.n_train, batch_size=batch_size, study_s=pace.all_s),
        )  # fmt: skip
        _train(study, folder, networks, observer, pace=pace)
        observer.phase(Phase.LOAD)
        load_tensorflow()  # to ask networks about the test rows; they are trained without it
        conclude(study, facts, networks=networks, folder=folder, deadline=deadline, observer=observer, report=report)


def _train(study: Study, folder: RunFolder, networks: NetworkStore, observer: Observer, *, pace: Pace) -> None:
    """The grid in every cell, then further rates where the best one was at an end, until every cell is tuned.

    In the end the two cells that decide most are trained for longer.
    """
    plan = study.plan
    for cell in range(len(plan.cells)):  # a kill may have come between a record and what follows from it
        forget_beaten(study, cell, folder, networks)

    def train(trainer: Trainer, wanted: Sequence[Training]) -> None:
        told = study.all_losses(folder.records)
        for trained in trainer.train(plan.job(training) for training in wanted if training not in told):
            _keep(study, trained, folder, networks)
            pace.count(plan.training(trained.job.trial))
            observer.progressed(pace.now(folder.records[-1]))

    wanted = list(plan.first_trainings())
    while wanted:
        pace.add(wanted, told=study.losses(folder.records))
        for size, rows in enumerate(study.rows):
            train(rows.trainer, [training for training in wanted if plan.cells[training.cell].size == size])
        wanted = plan.more_trainings(study.losses(folder.records))
    longer = longer_trainings(study, study.losses(folder.records))
    if longer:
        pace.add(longer, told=study.all_losses(folder.records))
        train(study.rows[-1].longer_trainer(plan.longer), longer)


def _keep(study: Study, trained: Trained, folder: RunFolder, networks: NetworkStore) -> None:
    """Keep the network and then its record: what the log tells of is there."""
    training = study.plan.training(trained.job.trial)
    record = record_network(study, trained)
    if not training.is_longer:
        record = replace(record, repeat_of=folder.repeat_of(trained.job.point))
    if record.value is not None and trained.weights is not None and not training.is_longer:
        networks.keep(record.trial, trained.weights)
    folder.add(record)
    if not training.is_longer:
        forget_beaten(study, training.cell, folder, networks)


def record_network(study: Study, trained: Trained) -> TrialRecord:
    """What is kept of a network of a study, but for which other one it repeats."""
    training = study.plan.training(trained.job.trial)
    problem = study.rows[study.plan.cells[training.cell].size].problem
    return make_record(
        [trained],
        Setting(problem=problem, objective=study.objective, seed=study.plan.seed),
        ended=trained.ended,
        notes={"seed": trained.job.fold},
    )


def forget_beaten(study: Study, cell: int, folder: RunFolder, networks: NetworkStore) -> None:
    """Let go of the networks of a cell whose learning rate is beaten: only the best rate's will meet the test rows."""
    plan = study.plan
    scores = plan.scores_of(cell, study.losses(folder.records))
    if not scores:
        return
    for place in scores.keys() - {plan.rates.best(scores)}:
        networks.forget(plan.number(training) for training in plan.of([cell], place))


def _way_on(folder: RunFolder) -> str:
    """What Ctrl-C leaves, and the way on."""
    n_networks = len(folder.records)
    safe = f"{counted(n_networks, 'network')} {'is' if n_networks == 1 else 'are'} safe"
    return f"interrupted: {safe} in {folder.path}. The same command goes on from there."
