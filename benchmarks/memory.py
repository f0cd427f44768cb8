"""Resident memory over many short trials in one process.

    python benchmarks/memory.py [--trials 1000]

Points of random width, activation and regularisers at depth 1 to 3, two epochs each. Growth counts from the 50th trial.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.data.features.problem import Problem, Split
from ffsearch.search.executors.population import PopulationTrainer
from ffsearch.search.network.heads import Head, Loss, Task
from ffsearch.search.network.topology import Activation, Point
from ffsearch.search.training.protocol import Job, Stopping


def resident_mb() -> float:
    """Memory of this process that is in RAM (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def job(trial: int) -> Job:
    """A random job."""
    generator = np.random.default_rng(trial)
    point = Point(
        depth=int(generator.integers(1, 4)),
        width=int(generator.integers(8, 200)),
        activation=list(Activation)[generator.integers(8)],
        batch_norm=bool(generator.integers(2)),
        dropout=float(generator.uniform(0, 0.5)),
        l2=float(generator.uniform(0, 1e-3)),
    )
    return Job(trial=trial, point=point, seed=child(0, Purpose.TRIAL, trial))


def main() -> None:
    """Print memory every 50 trials once the program is compiled."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1_000)
    given = parser.parse_args()
    generator = np.random.default_rng(0)
    x = generator.standard_normal((1_250, 20)).astype(np.float32)
    y = (x[:, :1] > 0).astype(np.float32)
    head = Head(task=Task.BINARY, loss=Loss.BINARY_CROSSENTROPY, n_outputs=1, target_names=("y",), labels=("no", "yes"))
    split = Split(x_train=x[:1_000], y_train=y[:1_000], x_valid=x[1_000:], y_valid=y[1_000:])
    stopping = Stopping(max_epochs=2, patience=2, min_delta=0.0, batch_size=64)
    trainer = PopulationTrainer(Problem(head=head, splits=(split,)), stopping)
    start, started = 0.0, time.perf_counter()
    for n_done, _ in enumerate(trainer.train(job(trial) for trial in range(given.trials)), start=1):
        if n_done == 50:
            start = resident_mb()
        if n_done % 50 == 0:
            seconds = time.perf_counter() - started
            print(f"{n_done} trials, {seconds:.0f} s: {resident_mb():.0f} MB, {resident_mb() - start:+.0f}", flush=True)


if __name__ == "__main__":
    main()
