"""What the driver costs: trials a second that are asked, told and durable, with workers that take no time.

    python benchmarks/driver.py [--trials 1000] [--workers 64]

The real loop of a run on a table of 178 rows, with a trainer that answers at once: 64 trials are always in training, so
the sampler is asked with as many running. Rows: the log alone, the log with the copy for dashboards (SQLite),
a shared study on SQLite; random search and tpe.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ffsearch.search.observer import Observer
from ffsearch.search.run import _search
from ffsearch.search.steps.assembling import copy_of, engine_for, setting_of
from ffsearch.search.steps.budget import Clock, Deadline
from ffsearch.search.steps.inputs import read_inputs, requested
from ffsearch.search.steps.opening import open_folder
from ffsearch.search.steps.told_trials import ToldTrials
from ffsearch.search.training.protocol import Curve, Ended, Job, Trained, Watch, never_stop

N_EPOCHS = 5


class Instant:
    """A trainer of so many workers that take no time; the oldest job ends first."""

    name = "instant"

    def __init__(self, n_workers: int, *, n_valid: int, n_outputs: int) -> None:
        self._n_workers = n_workers
        self._logits = np.zeros((n_valid, n_outputs), np.float32)
        self._loss = np.linspace(1.1, 1.0, N_EPOCHS, dtype=np.float32)

    def train(self, jobs: Iterator[Job], *, watch: Watch = never_stop) -> Iterator[Trained]:
        """Keep all workers busy."""
        del watch
        running: deque[Job] = deque()
        while True:
            while len(running) < self._n_workers and (job := next(jobs, None)) is not None:
                running.append(job)
            if not running:
                return
            yield self._trained(running.popleft())

    def _trained(self, job: Job) -> Trained:
        rng = np.random.default_rng(job.seed)
        curve = Curve(train_loss=self._loss, valid_loss=self._loss, penalty=0 * self._loss)
        return Trained(
            job=job, ended=Ended.STOPPED, curve=curve, best_epoch=N_EPOCHS, n_updates=50,
            valid_logits=self._logits + rng.normal(size=self._logits.shape).astype(np.float32),
        )  # fmt: skip


class NoCopy:
    """No copy for dashboards."""

    def add(self, record: Any) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def rate(*, sampler: str, n_trials: int, n_workers: int, copy: bool, shared: bool) -> float:
    """Trials a second."""
    overrides = {"search.trials": n_trials, "search.sampler": sampler, "evidence": "none"}
    inputs = read_inputs(requested("tabular", data="sklearn:wine", target="target", overrides=overrides))
    space, setting, observer = inputs.space, setting_of(inputs), Observer()
    problem = setting.problem
    n_all = len(inputs.prepared.development_rows)
    clock = Clock(Deadline(None), problem, n_all=n_all, evidence=space.evidence, earlier_s=0.0)
    with tempfile.TemporaryDirectory() as made:
        url = f"sqlite:///{made}/shared.db" if shared else None
        with (
            engine_for(inputs, storage=url) as engine,
            open_folder(inputs, out=Path(made) / "run", fresh=False) as folder,
        ):
            instant = Instant(n_workers, n_valid=len(problem.splits[0].x_valid), n_outputs=problem.head.n_outputs)
            kept: Any = copy_of(inputs, folder) if copy else NoCopy()
            told = ToldTrials(setting, folder=folder, engine=engine, copy=kept, predictions=None, observer=observer)
            began = time.perf_counter()
            _search(engine, instant, told, setting, space=space, n_trials=n_trials, clock=clock, observer=observer)
            kept.close()  # waits until it is complete
            assert len(folder.records) == n_trials
            return n_trials / (time.perf_counter() - began)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=64)
    given = parser.parse_args()
    print(f"| trials a second, {given.workers} instant workers, {given.trials} trials | random | tpe |\n|---|---|---|")
    kinds = {
        "the log alone": {"copy": False, "shared": False},
        "the log and study.db (SQLite)": {"copy": True, "shared": False},
        "a shared study on SQLite": {"copy": False, "shared": True},
    }
    for name, kind in kinds.items():
        n_trials = given.trials // 5 if kind["shared"] else given.trials
        rates = [
            rate(sampler=sampler, n_trials=n_trials, n_workers=given.workers, **kind) for sampler in ("random", "tpe")
        ]
        print(f"| {name} | {' | '.join(f'{each:.0f}' for each in rates)} |", flush=True)


if __name__ == "__main__":
    main()
