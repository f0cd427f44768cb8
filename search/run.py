"""The main job on one page: load, ask, train, record, tell, weigh, refit, judge, save.

    space + table -> [ engine.ask -> trainer -> record -> engine.tell ]*
        -> finalists, trained again -> winner -> refit -> baselines, sealed test -> verdict

What a word means stands in CONTRIBUTING.md; what a step does, in the module its helper comes from.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ffsearch.errors import RunError, SpaceError
from ffsearch.search.base.kernels import forget_kernels
from ffsearch.search.base.quiet import have_keras_on_tensorflow, load_tensorflow
from ffsearch.search.base.texts import counted
from ffsearch.search.capacity.study import study
from ffsearch.search.evidence.scoring import Setting
from ffsearch.search.executors.choose import ExecutorChoice, executing
from ffsearch.search.folder.reader import StoredRun, load
from ffsearch.search.folder.summary import SearchFacts
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.observer import Observer, Phase
from ffsearch.search.steps.assembling import copy_of, engine_for, predictions_of, setting_of, trainers_of
from ffsearch.search.steps.budget import Clock, Deadline, first_look_seconds
from ffsearch.search.steps.cut_asked import asked_of
from ffsearch.search.steps.fewer_columns import weigh_least
from ffsearch.search.steps.inputs import Inputs, Request, read_inputs, requested
from ffsearch.search.steps.judging import judge
from ffsearch.search.steps.opening import as_kept, begin, kept_when_interrupted, leave, open_folder
from ffsearch.search.steps.refitting import n_networks_of, refit_winner
from ffsearch.search.steps.repeats import Repeater
from ffsearch.search.steps.row_intervals import learnt_intervals
from ffsearch.search.steps.running_trials import RunningTrials
from ffsearch.search.steps.saving import is_weighed_so, save_answer
from ffsearch.search.steps.told_trials import ToldTrials
from ffsearch.search.steps.weighing import weigh
from ffsearch.search.steps.workload import score_of_loss, search_workload
from ffsearch.search.training.program_files import look_at_programs
from ffsearch.search.training.protocol import Trainer
from ffsearch.search.training.refit import Hold
from ffsearch.spaces.loader import as_search
from ffsearch.spaces.overrides import Overrides
from ffsearch.spaces.schema import SearchSpace

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.engines.optuna_copy import OptunaCopy
    from ffsearch.search.engines.protocol import Engine
    from ffsearch.search.executors.protocol import Executor

__all__ = ["run"]


def run(
    space: str | PathLike[str],
    *,
    data: str | PathLike[str] | pd.DataFrame | None = None,
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
    storage_of_searches: str | None = None,
    lang: str = "en",
) -> StoredRun:
    """Search a space on a table, weigh and refit the winner, open the sealed test once, and leave a run folder.

    A space of kind capacity is a study instead (`capacity/study.py`).

    The same call again goes on where an earlier one stopped, and changes nothing when that one came to its end.

    Args:
        space: A space file, or the name of a shipped one.
        data: A file or a frame, of pandas, Polars or Arrow, to use instead of the file's `data.source`.
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
        storage_of_searches: The same where it was not said for this run, but for all searches; a study goes without it.
        ray: The nodes of a Ray cluster train them: `local`, or the address of its head.
        lang: Language of the model's card.

    Returns:
        The finished run.

    Raises:
        SpaceError: If the space cannot be used.
        DataError: If the table cannot be used.
        RunError: If the run folder cannot be used, or the budget is too short for one trial.
        TrainingError: If no network came to a finite score.
        KeyboardInterrupt: After Ctrl-C; what was told is saved, and its text says how to go on.
    """
    began = time.monotonic()
    have_keras_on_tensorflow()  # before KerasTuner's engine imports it
    observer, choice = observer or Observer(), ExecutorChoice(workers=workers, ray=ray)
    request = requested(space, data=data, target=target, overrides=overrides)
    try:
        if request.space.kind == "capacity":
            _refuse_for_a_study(storage=storage, finish=finish)
            return study(request, out=out, fresh=fresh, choice=choice, observer=observer, report=report)
        return _run_search(
            request, out=out, fresh=fresh, finish=finish, storage=storage or storage_of_searches,
            choice=choice, began=began, observer=observer, report=report, lang=lang,
        )  # fmt: skip
    finally:
        forget_kernels()


def _run_search(
    request: Request,
    *,
    out: str | PathLike[str] | None,
    fresh: bool,
    finish: bool,
    storage: str | None,
    choice: ExecutorChoice,
    began: float,
    observer: Observer,
    report: Callable[[Path], object] | None,
    lang: str,
) -> StoredRun:
    """Check everything, then open the folder and search, unless an earlier start came to its end."""
    request = as_kept(request, out=out, fresh=fresh)
    space = as_search(request.space, name=request.origin)
    choice.check(trainer=space.train.trainer)
    with executing(choice, concurrency=space.search.concurrency, observer=observer) as executor_in:
        inputs = read_inputs(request)
        with (
            engine_for(inputs, storage=None if finish else storage) as engine,
            open_folder(inputs, out=out, fresh=fresh) as folder,
            copy_of(inputs, folder) as copy,
        ):
            n_trials = len(folder.records) if finish else space.search.n_trials
            if _is_done(folder, n_trials=n_trials, space=space):
                leave(inputs, folder, observer, report=report, lang=lang)
            else:
                _answer(
                    inputs, engine, folder, copy,
                    n_trials=n_trials, began=began, executor=executor_in(folder.path), observer=observer, report=report,
                    lang=lang,
                )  # fmt: skip
    return load(folder.path)


def _answer(
    inputs: Inputs[SearchSpace],
    engine: Engine,
    folder: RunFolder,
    copy: OptunaCopy,
    *,
    n_trials: int | None,
    began: float,
    executor: Executor | None,
    observer: Observer,
    report: Callable[[Path], object] | None,
    lang: str,
) -> None:
    """From the first trial to the saved answer."""
    space, prepared = inputs.space, inputs.prepared
    setting, trainers = setting_of(inputs), trainers_of(inputs, executor=executor)
    clock = Clock(
        Deadline(space.search.budget, began=began), setting.problem, n_all=len(prepared.development_rows),
        n_refits=n_networks_of(space.model), evidence=space.evidence, earlier_s=folder.earlier_s,
    )  # fmt: skip
    predictions = predictions_of(inputs, setting, folder)
    told = ToldTrials(setting, folder=folder, engine=engine, copy=copy, predictions=predictions, observer=observer)
    trainer = trainers.make(setting.problem)
    repeater = Repeater(
        setting=setting, prepared=prepared, trainers=trainers, folder=folder, clock=clock, observer=observer
    )
    if told.best is None and told.n_left(n_trials):
        clock.check_begins(first_look_seconds(inputs, trainers.stopping))
    with kept_when_interrupted(folder, lambda: _ways_on(folder)):
        wanted = space.search
        search = SearchFacts(
            engine=wanted.engine, sampler=wanted.sampler, pruner=wanted.pruner, trainer=trainer.name, seed=wanted.seed
        )
        facts = begin(
            inputs, folder, observer,
            search=search, n_trials=n_trials, budget_s=clock.deadline.total_s, notices=look_at_programs(),
            work=search_workload(inputs, setting, trainers.stopping, n_trials=n_trials),
            score_of_loss=score_of_loss(setting),
        )  # fmt: skip
        _search(engine, trainer, told, setting, space=space, n_trials=n_trials, clock=clock, observer=observer)
        del trainer
        setting.problem.give_matrices_up()
        observer.phase(Phase.LOAD)
        load_tensorflow()  # for the steps to come; networks are trained without it
        asked = asked_of(space, prepared)
        weighed = weigh(told, setting, space=space, repeater=repeater, observer=observer)
        weighed = weighed.with_threshold(asked, observer=observer)
        answer = refit_winner(
            weighed.winner, weighed.steps, setting,
            prepared=prepared, trainers=trainers, hold=Hold(space.train.refit),
            n_networks=n_networks_of(space.model), temperature=weighed.divisor, threshold=weighed.threshold,
            row_intervals=learnt_intervals(weighed), folder=folder, observer=observer,
        )  # fmt: skip
        judged = judge(
            weighed, answer, setting,
            prepared=prepared, trainers=trainers, wanted=space.evidence, asked=asked, deadline=clock.deadline,
            folder=folder, observer=observer,
        )  # fmt: skip
        judged = judged.with_columns(weigh_least(judged.columns, weighed, repeater))
        save_answer(
            weighed, answer, judged,
            facts=facts, space=space, wall_s=clock.wall_s,
            folder=folder, observer=observer, report=report, lang=lang,
        )  # fmt: skip


def _search(
    engine: Engine,
    trainer: Trainer,
    told: ToldTrials,
    setting: Setting,
    *,
    space: SearchSpace,
    n_trials: int | None,
    clock: Clock,
    observer: Observer,
) -> None:
    """Ask, train, record, tell, until trials or time have run out."""

    def is_over() -> bool:
        return clock.is_search_over(told.records, told.best)

    told.learn_from_others()
    running = RunningTrials(
        engine,
        n_trials=told.n_left(n_trials),
        n_folds=len(setting.problem.splits),
        seed=setting.seed,
        is_over=is_over,
        on_start=observer.started,
        on_epoch=observer.epoch,
        max_seconds=space.search.max_seconds_per_trial,
        fold_after_fold=space.search.pruner != "none",
    )
    while True:
        for trained in trainer.train(running.jobs(), watch=running.watch):
            trial = running.close(trained)
            if trial is not None:
                told.tell(told.record(trial))
        if not told.others_left_work(is_over):
            return


def _refuse_for_a_study(*, storage: str | None, finish: bool) -> None:
    """Refuse what a search can do and a capacity study cannot."""
    if storage is not None:
        raise RunError(
            "--storage shares the study of a search; a capacity study is a plan that one driver works through. "
            "Leave it out, and give --workers N or --ray ADDRESS for more cores."
        )
    if finish:
        raise SpaceError(
            "--finish ends a search early; a capacity study compares cells that are all tuned alike. Give the command "
            "without it, or a smaller study: --set preset=quick."
        )


def _is_done(folder: RunFolder, *, n_trials: int | None, space: SearchSpace) -> bool:
    """Whether an earlier start came to its end, and neither more trials nor other evidence or model are wanted."""
    run = StoredRun(folder.path)
    if not run.is_finished or (n_trials is not None and len(folder.records) < n_trials):
        return False
    if run.results.refit is not None and (run.results.average is not None) != (space.model == "average"):
        return False
    return is_weighed_so(run.results, space)


def _ways_on(folder: RunFolder) -> str:
    """What Ctrl-C leaves, and both ways on."""
    n_trials, n_repeats = len(folder.records), folder.n_repeats
    safe = counted(n_trials, "trial") + (f" and {counted(n_repeats, 'repeat')}" if n_repeats else "")
    verb = "is" if n_trials == 1 and not n_repeats else "are"
    return (
        f"interrupted: {safe} {verb} safe in {folder.path}. The same command goes on with them; with --finish it "
        "weighs, refits and reports what is there."
    )
