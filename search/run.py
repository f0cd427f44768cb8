"""The main job on one page: load, ask, train, tell, record, stop, weigh, refit, judge, save.

    space + table -> Parts -> [ engine.ask -> trainer -> record -> engine.tell ]*
        -> finalists, trained again -> winner -> refit -> baselines, sealed test -> verdict

What a word means stands in CONTRIBUTING.md; what a step does, in the module its helper comes from.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ffsearch.errors import RunError
from ffsearch.search.base.quiet import load_tensorflow
from ffsearch.search.capacity.study import study
from ffsearch.search.executors.choose import Carriage, carried
from ffsearch.search.folder.log import LineKind
from ffsearch.search.folder.reader import StoredRun, load
from ffsearch.search.folder.trial_record import Told, TrialRecord, bad_value
from ffsearch.search.observer import Observer
from ffsearch.search.steps.budget import Deadline
from ffsearch.search.steps.judging import judge
from ffsearch.search.steps.parts import Parts, all_overrides, assembled, open_folder, read_inputs, shared_study
from ffsearch.search.steps.recording import record_of
from ffsearch.search.steps.refitting import refit_winner
from ffsearch.search.steps.running_trials import RunningTrials, TrainedTrial
from ffsearch.search.steps.saving import save_answer
from ffsearch.search.steps.weighing import weigh
from ffsearch.spaces.loader import load_any
from ffsearch.spaces.overrides import Overrides
from ffsearch.spaces.sampling import BY_FOLDS

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
    workers: int | None = None,
    ray: str | None = None,
    storage: str | None = None,
) -> StoredRun:
    """Search a space on a table, weigh and refit the winner, open the sealed test once, and leave a run folder.

    A space of kind capacity is a study instead (`capacity/study.py`).

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
        workers: So many processes of this machine train the networks, in place of threads of this one; the results are
            the same.
        storage: Address of a database in which several drivers share one study: the same call, each with a run folder
            of its own. Its password is kept nowhere.
        ray: The nodes of a Ray cluster train them: `local`, or the address of its head.

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
    asked = all_overrides(overrides, data=data, target=target)
    carriage = Carriage(workers=workers, ray=ray)
    loaded = load_any(space, asked)
    if loaded.kind == "capacity":
        if storage is not None:
            raise RunError(
                "--storage shares the study of a search; a capacity study is a plan that one driver works through. "
                "Leave it out, and give --workers N or --ray ADDRESS for more cores."
            )
        return study(
            space, data=data, overrides=asked, out=out, fresh=fresh, finish=finish, observer=observer, report=report,
            carriage=carriage,
        )  # fmt: skip
    carriage.check(trainer=loaded.train.trainer)
    with carried(carriage, concurrency=loaded.search.concurrency, observer=observer) as carrier_in:
        inputs = read_inputs(space, data=data, target=target, overrides=asked)
        deadline = Deadline(inputs.space.search.budget, began=began)
        with (
            shared_study(inputs, None if finish else storage) as shared,
            open_folder(inputs, out=out, fresh=fresh) as folder,
            assembled(
                inputs, folder, deadline=deadline, observer=observer, finish=finish,
                carrier=carrier_in(folder.path), shared=shared,
            ) as parts,
        ):  # fmt: skip
            if parts.is_done:
                observer.noted(f"{folder.path} is finished. More --trials go on with it; --fresh starts anew.")
            else:
                _answer(parts, report=report)
    return load(folder.path)


def _answer(parts: Parts, *, report: Callable[[Path], object] | None) -> None:
    """From the first trial to the saved answer."""
    try:
        _search(parts)
        load_tensorflow()  # for the steps to come; networks are trained without it
        weighed = weigh(parts)
        answer = refit_winner(parts, weighed.winner, weighed.steps)
        judged = judge(parts, weighed, answer)
        save_answer(parts, weighed, answer, judged, report=report)
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(_saved(parts)) from interrupt


def _search(parts: Parts) -> None:
    """Ask, train, record, tell, until trials or time have run out."""
    parts.begin()
    if parts.shared is not None:
        _learn_from_others(parts)
    running = RunningTrials(
        parts.engine,
        n_trials=parts.n_trials - (0 if parts.shared else len(parts.folder.records)),
        n_folds=len(parts.problem.splits),
        seed=parts.seed,
        is_over=lambda: _is_over(parts),
        on_start=parts.observer.started,
        on_epoch=parts.observer.epoch,
        max_seconds=parts.inputs.space.search.max_seconds_per_trial,
        fold_after_fold=parts.inputs.space.search.pruner == BY_FOLDS,
    )
    while True:
        for trained in parts.trainer.train(running.jobs(), watch=running.watch):
            trial = running.close(trained)
            if trial is not None:
                _tell(parts, _record(parts, trial))
        if not _others_left_work(parts):
            return


def _tell(parts: Parts, record: TrialRecord) -> None:
    """Make a trial durable, then let the engine learn of it: what it knows must never be lost."""
    worst = bad_value((earlier.value for earlier in parts.folder.records), naive=parts.naive, objective=parts.objective)
    told = record.told(otherwise=worst)
    if parts.shared is not None and not parts.shared.commit(record, told):
        parts.observer.noted(f"Trial {record.trial} was taken for lost, and is tried again by another driver.")
        return
    _take(parts, record, told)
    if parts.shared is not None:
        _learn_from_others(parts)


def _take(parts: Parts, record: TrialRecord, told: Told) -> None:
    """Keep a trial that counts."""
    parts.folder.add(record)
    parts.engine.tell(told)
    parts.copy.add(record)
    parts.observer.ended(record, parts.best)


def _learn_from_others(parts: Parts) -> None:
    """Take what other drivers told since the last look."""
    assert parts.shared is not None
    for record in parts.shared.study.told(but=[known.trial for known in parts.folder.records]):
        _take(parts, record, record.told(otherwise=parts.naive))


def _others_left_work(parts: Parts) -> bool:
    """Wait until other drivers told all the rest; whether one was lost, and left trials to be tried again."""
    if parts.shared is None:
        return False
    n_trials, study = parts.shared.n_trials, parts.shared.study
    goes_on = study.wait(n_trials=n_trials, is_over=lambda: _is_over(parts))
    _learn_from_others(parts)
    return goes_on


def _record(parts: Parts, trial: TrainedTrial) -> TrialRecord:
    """What is kept of a trial; its answers first, so that what is told was kept."""
    point = trial.proposal.point
    if parts.answers is not None:
        parts.answers.add(trial.proposal.trial, trial.folds)
    return record_of(
        trial.folds,
        ended=trial.ended,
        problem=parts.problem,
        objective=parts.objective,
        run_seed=parts.seed,
        repeat_of=parts.folder.repeat_of(point),
    )


def _is_over(parts: Parts) -> bool:
    """Whether what is left of the budget is needed for evidence, refit, test and report; asked after every epoch."""
    if parts.deadline.total_s is None:
        return False
    return parts.deadline.over(parts.reserve.seconds(parts.best) + parts.evidence_s())


def _saved(parts: Parts) -> str:
    """What Ctrl-C leaves, and both ways on. Tables are written so that notebooks can read what is there."""
    parts.folder.note(LineKind.INTERRUPTED)
    parts.folder.write_tables()
    n_repeats = parts.folder.n_repeats
    safe = f"{len(parts.folder.records)} trials" + (f" and {n_repeats} repeats" if n_repeats else "")
    return (
        f"interrupted: {safe} are safe in {parts.folder.path}. The same command goes on with them; with --finish it "
        "weighs, refits and reports what is there."
    )
