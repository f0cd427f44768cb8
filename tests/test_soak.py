"""Two thousand tiny trials through workers and through Ray, 200 runs in one process: nothing grows or is left."""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from optuna.storages._rdb.models import BaseModel

import ffsearch
from contracts.trainers import POINT, STOPPING, job, problem_for
from crash_points import SEARCH, fresh
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


# --- runs ------------------------------------------------------------------------------------------------------------

SETTINGS = [SEARCH[place + 1] for place, word in enumerate(SEARCH) if word == "--set"]
N_RUNS = 200
N_WHOLE = 10
"""One run in so many has evidence and a report, which take most of its time; all have a search, a refit, a model."""
N_FIRST = 50
"""Runs after which everything that grows once has grown: each topology that the space holds has its programs."""
MAX_GROWTH_OF_A_RUN = 20_000
"""Bytes a process may grow by for each further run; kernels that TensorFlow kept of gone models were 150,000."""
MOST_STATEMENTS = 150
"""Statements SQLAlchemy keeps of a class, however many files there were: 100, and half as many before it lets go."""


class Malloc(ctypes.Structure):
    """What glibc's allocator tells of itself: `hblkhd` and `uordblks` of mallinfo2(3)."""

    _fields_ = (
        *((f"other_{place}", ctypes.c_size_t) for place in range(4)),
        ("in_maps", ctypes.c_size_t),
        *((f"other_{place}", ctypes.c_size_t) for place in range(4, 6)),
        ("in_use", ctypes.c_size_t),
        *((f"other_{place}", ctypes.c_size_t) for place in range(6, 8)),
    )


def bytes_in_use() -> int:
    """What was allocated and not given back; what the system counts goes up and down by ten megabytes beside it."""
    tell = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if tell is None:
        pytest.skip("the allocator of this system does not tell how much of it is in use")
    tell.restype = Malloc
    gc.collect()
    told = tell()
    return int(told.in_use + told.in_maps)


def let_go_of_statements() -> None:
    """What SQLAlchemy keeps for every database that was ever opened, which has an end, but not within 50 runs."""
    for mapper in BaseModel.registry.mappers:
        assert len(mapper._compiled_cache) <= MOST_STATEMENTS
        mapper._compiled_cache.clear()


def taken(temporary: Path) -> dict[str, int]:
    """What a process holds, by its kind."""
    gc.collect()
    left = len(list(temporary.iterdir()))
    return {"files": n_files(), "threads": threading.active_count(), "all threads": psutil.Process().num_threads(),
            "temporary": left, "processes": len(descendants())}  # fmt: skip


def test_two_hundred_runs_in_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a notebook or a service makes them, each in a new folder."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(fresh(tmp_path / "here"))
    early, early_bytes, values = taken(temporary), 0, set()
    for number in range(N_RUNS):
        is_whole = number % N_WHOLE == 0
        settings = SETTINGS if is_whole else [*SETTINGS, "evidence=none"]
        made = ffsearch.run(
            "tabular", data="table.csv", target="y", out="run", trials=3, overrides=settings, progress=False,
            report=is_whole,
        )  # fmt: skip
        values.add(tuple(made.trials["value"]))
        assert (tmp_path / "here" / "run" / "report.html").is_file() is is_whole
        shutil.rmtree("run")
        if number + 1 == N_FIRST:
            let_go_of_statements()
            early, early_bytes = taken(temporary), bytes_in_use()
    let_go_of_statements()
    grown = (bytes_in_use() - early_bytes) / (N_RUNS - N_FIRST)
    print(f"{taken(temporary)} after {early}, {grown / 1e3:.1f} kB a run")  # noqa: T201
    assert len(values) == 1
    assert taken(temporary) == early
    assert early["temporary"] == 0
    assert grown < MAX_GROWTH_OF_A_RUN
