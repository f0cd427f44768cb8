"""Executors: their contract for threads and processes, and what becomes of work whose worker is lost."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import psutil
import pytest

import ffsearch
from contracts.executors import LONG, ExecutorContract, LosingExecutor, MakeExecutor, assert_equal, opened, recipe_for
from contracts.trainers import POINT, STOPPING, MakeTrainer, TrainerContract, job, problem_for, run
from ffsearch.errors import RunError
from ffsearch.search.cli import invoke
from ffsearch.search.data.features.problem import Problem
from ffsearch.search.executors import line, processes
from ffsearch.search.executors.choose import FOLDER, ExecutorChoice, executing
from ffsearch.search.executors.homes import loss
from ffsearch.search.executors.packing import packed, unpacked
from ffsearch.search.executors.population import MAX_RETRIES, PopulationTrainer
from ffsearch.search.executors.processes import ProcessExecutor
from ffsearch.search.executors.protocol import Executor, Work, WorkLost
from ffsearch.search.executors.threads import ThreadExecutor
from ffsearch.search.observer import Observer, Workers
from ffsearch.search.training.protocol import Ended, Epoch, Job, Stopping, Trainer
from ffsearch.search.wording.finding import Finding
from ffsearch.search.wording.language import PLAIN
from systems import is_running, needs_posix


class TestThreads(ExecutorContract):
    @pytest.fixture
    def make(self) -> MakeExecutor:
        return ThreadExecutor


class TestProcesses(ExecutorContract):
    @pytest.fixture(params=[2, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 4))])
    def make(self, request: pytest.FixtureRequest, tmp_path: Path) -> MakeExecutor:
        return lambda: ProcessExecutor(request.param, folder=tmp_path / "handed_over", notify=pytest.fail)


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessExecutor]:
    """One pair for many tests."""
    executor = ProcessExecutor(2, folder=tmp_path_factory.mktemp("run") / "handed_over", notify=pytest.fail)
    yield executor
    executor.close()


class TestTrainerOverProcesses(TrainerContract):
    """A trainer keeps its contract, wherever lanes are."""

    @pytest.fixture
    def make(self, two_workers: ProcessExecutor) -> MakeTrainer:
        def made(problem: Problem, stopping: Stopping, *, optimizer: str = "adam") -> Trainer:
            return PopulationTrainer(problem, stopping, optimizer=optimizer, executor=two_workers)

        return made


# --- what is lost ----------------------------------------------------------------------------------------------------


def jobs_of(n: int) -> list[Job]:
    return [job(trial, point=replace(POINT, depth=1 + trial % 2)) for trial in range(n)]


@pytest.mark.parametrize("at", [1, 2, 4, 5])  # the first epoch, one in the middle, the last, the end
def test_what_is_lost_is_trained_again_and_comes_to_the_same(at: int) -> None:
    problem = problem_for()
    expected = run(PopulationTrainer(problem, STOPPING), jobs_of(3))
    seen: list[tuple[int, int]] = []

    def watch(epoch: Epoch) -> None:
        seen.append((epoch.job.trial, epoch.number))

    losing = LosingExecutor(ThreadExecutor(), loses=lambda job, tried: job.trial == 1 and tried in (at, at + 1))
    with opened(lambda: losing) as executor:
        found = run(PopulationTrainer(problem, STOPPING, executor=executor), jobs_of(3), watch=watch)
    for one, two in zip(found, expected, strict=True):
        assert_equal(one, two)
    assert [trained.notes for trained in found] == [{}, {"n_retries": 2}, {}]
    assert len(set(seen)) == len(seen) == 3 * STOPPING.max_epochs  # the watch hears of no epoch twice


def test_what_is_lost_too_often_fails_alone_and_says_why() -> None:
    losing = LosingExecutor(ThreadExecutor(), loses=lambda job, tried: job.trial == 1 and tried > 2)
    with opened(lambda: losing) as executor:
        found = run(PopulationTrainer(problem_for(), STOPPING, executor=executor), jobs_of(3))
    assert [trained.ended for trained in found] == [Ended.COMPLETED, Ended.FAILED, Ended.COMPLETED]
    why = "with its worker, the last time because the test took it away. [FFS407]"
    assert found[1].error == f"Lost {MAX_RETRIES + 1} times {why}"


@needs_posix("Windows does not say how a process ended")
def test_a_killed_worker_costs_its_networks_a_retry_and_nothing_else(tmp_path: Path) -> None:
    problem = problem_for()
    expected = run(PopulationTrainer(problem, LONG), jobs_of(8))
    said: list[Finding] = []
    at_work: list[Workers] = []
    executor = ProcessExecutor(2, folder=tmp_path / "handed_over", notify=said.append, watch=at_work.append)
    first = executor.pids[0]
    n_seen = 0

    def watch(epoch: Epoch) -> None:
        nonlocal n_seen
        n_seen += 1
        if n_seen == 20:
            psutil.Process(first).kill()

    with opened(lambda: executor):
        found = run(PopulationTrainer(problem, LONG, executor=executor), jobs_of(8), watch=watch)
        assert first not in executor.pids
        assert len(executor.pids) == 2
    for one, two in zip(found, expected, strict=True):
        assert_equal(one, two)
    retries = [trained.notes.get("n_retries", 0) for trained in found]
    assert max(retries) == 1
    assert 1 <= sum(retries) <= 4
    n_again = at_work[-1].n_again
    assert n_again == sum(retries)
    assert [(each.n, each.n_lost) for each in at_work] == [(2, 0), (2, 1)]
    assert said == [loss(f"worker {first} was ended by SIGKILL, as Linux does when memory runs out", n_again)]


@needs_posix("processes are stopped by a signal")
@pytest.mark.slow
def test_a_worker_that_hangs_is_ended_and_its_networks_begin_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (line, processes):
        monkeypatch.setattr(module, "SILENT_S", 2.5 * line.BEAT_S)
    problem = problem_for()
    expected = run(PopulationTrainer(problem, LONG), jobs_of(8))
    said: list[Finding] = []
    executor = ProcessExecutor(2, folder=tmp_path / "handed_over", notify=said.append)
    first = executor.pids[0]
    n_seen = 0

    def watch(epoch: Epoch) -> None:
        nonlocal n_seen
        n_seen += 1
        if n_seen == 20:
            psutil.Process(first).suspend()

    with opened(lambda: executor):
        found = run(PopulationTrainer(problem, LONG, executor=executor), jobs_of(8), watch=watch)
        assert not is_running(first)
    for one, two in zip(found, expected, strict=True):
        assert_equal(one, two)
    n_again = sum(trained.notes.get("n_retries", 0) for trained in found)
    assert n_again
    assert said == [loss(f"worker {first} gave no sign of life for 12.5 s and was ended", n_again)]


@needs_posix("Windows does not say how a process ended")
def test_work_of_a_lost_worker_says_so(tmp_path: Path) -> None:
    executor = ProcessExecutor(1, folder=tmp_path / "handed_over", notify=lambda text: None)
    with opened(lambda: executor):
        key = executor.hand_over(recipe_for())
        work = Work(recipe=key, network=0, job=job(), epoch=1)
        assert executor.submit(work).result(timeout=60).losses
        (pid,) = executor.pids
        psutil.Process(pid).kill()
        while is_running(pid):
            time.sleep(0.01)
        lost = executor.submit(replace(work, epoch=2))
        with pytest.raises(WorkLost, match="SIGKILL"):
            lost.result(timeout=60)
        assert executor.submit(replace(work, epoch=2)).result(timeout=60).losses


def test_a_worker_that_cannot_start_ends_the_run_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processes, "_PROGRAM", "import no_such_module  # {address} {n_threads}")
    executor = ProcessExecutor(1, folder=tmp_path / "handed_over", notify=lambda text: None)
    with (
        opened(lambda: executor),
        pytest.raises(RunError, match=r"could not start: worker \d+ ended with code 1.*without --workers"),
    ):
        run(PopulationTrainer(problem_for(), STOPPING, executor=executor), jobs_of(2))
    assert "no_such_module" in capfd.readouterr().err


# --- what is left behind ---------------------------------------------------------------------------------------------


def test_a_recipe_that_is_taken_back_before_a_worker_read_it_harms_nobody(tmp_path: Path) -> None:
    def refuse(text: str) -> None:
        pytest.fail(text)

    with opened(lambda: ProcessExecutor(1, folder=tmp_path / "handed_over", notify=refuse)) as executor:
        executor.take_back(executor.hand_over(recipe_for()))  # while the worker still starts
        work = Work(recipe=executor.hand_over(recipe_for()), network=0, job=job(), epoch=1)
        assert executor.submit(work).result(timeout=120).losses


def test_closing_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    executor = ProcessExecutor(2, folder=tmp_path / "handed_over", notify=pytest.fail)
    executor.hand_over(recipe_for(n_train=3000))
    assert list((tmp_path / "handed_over").rglob("*.npy"))
    pids = executor.pids
    executor.close()
    assert not any(map(is_running, pids))
    assert list(tmp_path.iterdir()) == []


def test_workers_end_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from ffsearch.search.executors.processes import ProcessExecutor\n"
        f"print(*ProcessExecutor(2, folder=Path({str(tmp_path)!r}) / 'handed_over', notify=print).pids, flush=True)\n"
        "time.sleep(600)\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    with driver.stdout:
        pids = [int(pid) for pid in driver.stdout.readline().split()]
        assert len(pids) == 2
        driver.kill()
        driver.wait()
    deadline = time.monotonic() + 30
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(is_running, pids))


# --- who is listened to ----------------------------------------------------------------------------------------------


def test_a_stranger_is_not_listened_to_and_the_worker_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stranger says is not unpickled, whatever key it claims to have, and the worker calls all the same."""
    listening: list[Listener] = []

    class Told(Listener):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            listening.append(self)

    monkeypatch.setattr(line, "Listener", Told)
    executor = ProcessExecutor(1, folder=tmp_path / "handed_over", notify=pytest.fail)
    with opened(lambda: executor):
        address: Any = listening[0].address
        with pytest.raises((AuthenticationError, OSError, EOFError)):  # the driver may say no, or hang up
            Client(address, authkey=b"another").send("hello")
        with suppress(OSError, EOFError):
            stranger = Client(address)  # with no key at all: straight to a pickle
            stranger.send(Trap(tmp_path / "unpickled"))
            stranger.close()
        work = Work(recipe=executor.hand_over(recipe_for()), network=0, job=job(), epoch=1)
        assert executor.submit(work).result(timeout=120).losses
    assert not (tmp_path / "unpickled").exists()


class Trap:
    """Leaves a trace where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._trace,)


# --- how it is handed over -------------------------------------------------------------------------------------------


def test_arrays_are_mapped_from_files_and_not_in_the_message(tmp_path: Path) -> None:
    recipe = recipe_for(n_train=5000)
    content = packed(recipe, tmp_path / "0")
    split, again = recipe.problem.splits[0], unpacked(content).problem.splits[0]
    assert len(content) < 5_000 < split.x_train.nbytes
    for name in ("x_train", "y_train", "x_valid", "y_valid"):
        mine, yours = getattr(split, name), getattr(again, name)
        np.testing.assert_array_equal(mine, yours)
        assert mine.dtype == yours.dtype
    assert isinstance(again.x_train.base, np.memmap)
    lanes = unpacked(content)
    assert np.shares_memory(lanes.tables.training(job()).x, lanes.problem.splits[0].x_train)  # no copy for the lanes


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["threads", "one worker"])
def test_a_small_network_does_not_wait_for_an_epoch_of_a_large_one(kind: str, tmp_path: Path) -> None:
    executor: Executor = (
        ThreadExecutor(n_threads=2)
        if kind == "threads"
        else ProcessExecutor(1, n_threads=2, folder=tmp_path / "handed_over", notify=pytest.fail)
    )
    with opened(lambda: executor):
        key = executor.hand_over(recipe_for(n_train=5000))
        small = Work(recipe=key, network=0, job=job(0), epoch=1)
        assert executor.submit(small).result(timeout=120).losses  # compiled
        large = job(1, point=replace(POINT, depth=6, width=1000))
        slow = executor.submit(Work(recipe=key, network=1, job=large, epoch=3))
        assert executor.submit(replace(small, epoch=2)).result(timeout=120).losses
        assert not slow.done()


# --- whole runs ------------------------------------------------------------------------------------------------------


def told(folder: Path) -> list[tuple[object, ...]]:
    """All that was trained, in the order of the log."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [
        (line["kind"], line["trial"], line.get("repeat"), line["point"], line["value"], line["ended"], line["curve"])
        for line in lines
        if line["kind"] in ("trial", "repeat")
    ]


@pytest.mark.slow
def test_a_run_is_the_same_run_whatever_trains_it(tmp_path: Path) -> None:
    overrides = {
        "search.trials": 14, "search.pruner": "one_epoch", "train.max_epochs": 8, "space.width.high": 64,
        "evidence": "quick",
    }  # fmt: skip
    plain = told(ffsearch.run("tabular", overrides=overrides, out=tmp_path / "plain").path)
    assert {row[5] for row in plain} >= {"pruned", "completed"}  # which of them depends on the order of epochs
    for n_workers in (1, 2, 4):
        run_of = ffsearch.run("tabular", overrides=overrides, out=tmp_path / str(n_workers), workers=n_workers)
        assert told(run_of.path) == plain
        assert not (run_of.path / FOLDER).exists()


@needs_posix("Windows does not say how a process ended")
@pytest.mark.slow
def test_a_killed_worker_is_told_of_and_its_trials_say_that_they_began_again(tmp_path: Path) -> None:
    class Killer(Observer):
        n_seen = 0
        said: ClassVar[list[Finding]] = []

        def epoch(self, epoch: Epoch) -> None:
            self.n_seen += 1
            if self.n_seen == 30:
                first = next(child for child in children() if child not in others)
                psutil.Process(first).kill()

        def noted(self, finding: Finding) -> None:
            self.said.append(finding)

    others = children()  # of an executor that many tests share
    overrides = {"search.trials": 8, "train.max_epochs": 20, "space.width.high": 32, "evidence": "none"}
    plain = told(ffsearch.run("tabular", overrides=overrides, out=tmp_path / "plain").path)
    done = ffsearch.run("tabular", overrides=overrides, out=tmp_path / "run", workers=2, observer=Killer())
    assert told(done.path) == plain
    assert any("SIGKILL" in PLAIN.says(finding) for finding in Killer.said)
    assert 1 <= sum(record.notes.get("n_retries", 0) for record in done.records) <= 4


def children() -> list[int]:
    """Worker processes of this one."""
    return [child.pid for child in psutil.Process().children() if "executors.worker" in " ".join(child.cmdline())]


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (["--workers", "0"], "--workers 0: takes a number of processes from 1 to 1024"),
        (["--workers", "2", "--ray", "local"], "--workers and --ray both say who trains"),
        (["--workers", "2", "--set", "train.trainer=keras"], "train.trainer: keras .* cannot use --workers"),
    ],
)
def test_trainers_of_this_process_alone_are_refused(
    given: list[str], match: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["run", "tabular", "--out", str(tmp_path / "run"), *given]) == 2
    assert re.search(match, capsys.readouterr().err)
    assert not (tmp_path / "run").exists()


def test_workers_that_have_nothing_to_do_are_named(tmp_path: Path) -> None:
    class Listener(Observer):
        said: ClassVar[list[Finding]] = []

        def noted(self, finding: Finding) -> None:
            self.said.append(finding)

    with executing(ExecutorChoice(workers=3), concurrency=2, observer=Listener()) as executor_in:
        assert executor_in(tmp_path) is not None
    assert list(map(PLAIN.says, Listener.said)) == [
        "3 workers, but 2 networks train at a time: 1 of them have nothing to do. --set search.concurrency=3 makes "
        "another search, in which all have."
    ]
