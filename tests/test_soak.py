"""Two thousand tiny trials through workers and through Ray: memory stays flat, no process and no file is left."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from contracts.trainers import POINT, STOPPING, job, problem_for
from ffsearch.search.executors.population import PopulationTrainer
from ffsearch.search.executors.protocol import Executor
from ffsearch.search.training.protocol import Ended, Job
from systems import descendants, n_files

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::ResourceWarning"),
]

N_TRIALS = 2_000
N_WARM = 500
"""Trials after which everything that grows once has grown."""
MAX_GROWTH = 12 * 2**20
"""Bytes that a process may grow by over the other 1,500 trials: 8 KB each, less than one record of a trial."""


def memory(pid: int) -> int:
    """Bytes of a process that no other shares."""
    taken = psutil.Process(pid).memory_info()
    return int(taken.rss - getattr(taken, "shared", 0))  # which Linux alone tells


def soak(executor: Executor, workers: Callable[[], list[int]]) -> None:
    """Train, and compare memory early and late."""
    early: dict[int, int] = {}

    def jobs() -> Iterator[Job]:
        for trial in range(N_TRIALS):
            yield job(trial, point=replace(POINT, depth=1, width=8 + trial % 24))

    trainer = PopulationTrainer(problem_for(n_train=64, n_valid=64), replace(STOPPING, max_epochs=1), executor=executor)
    seen = set()
    for trained in trainer.train(jobs()):
        assert trained.ended is Ended.COMPLETED
        seen.add(trained.job.trial)
        if len(seen) == N_WARM:
            early = {pid: memory(pid) for pid in [os.getpid(), *workers()]}
    late = {pid: memory(pid) for pid in early}
    assert seen == set(range(N_TRIALS))
    assert len(early) > 1
    grown = {pid: late[pid] - early[pid] for pid in early}
    print(f"grown by {[f'{bytes_ / 2**20:.1f} MB' for bytes_ in grown.values()]}, the driver first")  # noqa: T201
    assert max(grown.values()) < MAX_GROWTH, grown


def assert_nothing_left(before: set[int], n_before: int) -> None:
    deadline = time.monotonic() + 60
    while descendants() - before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert descendants() - before == set()
    assert n_files() <= n_before


def test_workers(tmp_path: Path) -> None:
    from ffsearch.search.executors.processes import ProcessExecutor

    before, n_before = descendants(), n_files()
    executor = ProcessExecutor(2, folder=tmp_path / "handed_over", notify=pytest.fail)
    try:
        soak(executor, lambda: executor.pids)
    finally:
        executor.close()
    assert_nothing_left(before, n_before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'ffsearch[ray]'")
def test_ray() -> None:
    from ffsearch.search.executors.cluster import LOCAL, RayExecutor

    RayExecutor(LOCAL, notify=lambda text: None).close()  # what Ray opens once in a process and keeps
    before, n_before = descendants(), n_files()
    executor = RayExecutor(LOCAL, notify=lambda text: None)
    try:
        soak(executor, benches)
    finally:
        executor.close()
    assert_nothing_left(before, n_before + 2)  # Ray keeps two of every connection


def benches() -> list[int]:
    """Ray's actors, which name themselves."""
    return [pid for pid in descendants() if "ray::_Bench" in " ".join(psutil.Process(pid).cmdline())]
