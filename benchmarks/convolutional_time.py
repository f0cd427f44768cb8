"""One update of convolutional networks: Keras, one network at a time, and lanes, as the capacity study trains them.

    python benchmarks/convolutional_time.py [--preset teaching] [--rounds 3] [--only 3:10000 11:30000]

The networks are those of a preset of `capacity-convolutional` on house numbers: the same jobs, rows, batches, updates,
by the reference trainer (one call into TensorFlow an epoch, on all cores) and in as many lanes as the study has, in
threads. Both take turns in every round. Medians of wall and processor time an update and network are printed, and which
share of this machine's own product rate (a large matrix product by BLAS, on as many cores) the convolutions and
products of the lanes come to. Building, tracing and compiling are left out on both sides.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from threadpoolctl import threadpool_limits

from ffsearch.search.capacity.plan import Plan, Training
from ffsearch.search.capacity.setup import Study, planned, study_of
from ffsearch.search.network.topology import KERNEL_SIDE, Point, layer_sizes
from ffsearch.search.steps.inputs import requested
from ffsearch.search.training.keras_trainer import KerasTrainer
from ffsearch.search.training.lanes import Lane, Settings, Tables
from ffsearch.spaces.sampling import CONCURRENCY

N_UPDATES = 50
"""Updates an epoch here: both trainers are asked once an epoch."""


class Seconds(NamedTuple):
    """Of the clock on the wall, and of the processor, for one network's update."""

    wall: float
    processor: float


Epoch = Callable[[], int]
"""Makes updates, returns how many, of all networks together."""


def keras_epoch(study: Study, cell: int) -> Epoch:
    """The reference trainer's own network and batches, fitted for an epoch; nothing is evaluated."""
    trainer = KerasTrainer(study.problem, study.stopping)
    job = study.plan.job(Training(0, cell, 0))
    model = trainer._compiled(job, n_updates=N_UPDATES)
    dataset = trainer._feed(job).dataset(job.seed, job.point)

    def epoch() -> int:
        model.fit(dataset, epochs=1, steps_per_epoch=N_UPDATES, shuffle=False, verbose=0)
        return N_UPDATES

    return epoch


def lane_epoch(study: Study, cell: int) -> Epoch:
    """As many networks as the study trains at a time, each in a lane; what they evaluate is one batch."""
    split = study.problem.splits[0]
    n_rows = N_UPDATES * study.stopping.batch_size
    part = type(split)(
        x_train=split.x_train[:n_rows],
        y_train=split.y_train[:n_rows],
        x_valid=split.x_valid[:1],
        y_valid=split.y_valid[:1],
    )
    problem = type(study.problem)(head=study.problem.head, splits=(part,))
    stopping = type(study.stopping)(
        max_epochs=10**9, patience=10**9, min_delta=0.0, batch_size=study.stopping.batch_size, averaged=False
    )
    tables = Tables(problem)
    jobs = [study.plan.job(Training(0, cell, 0)) for _ in range(CONCURRENCY)]
    lanes = [Lane(job, tables, Settings(stopping=stopping)) for job in jobs]
    threads = ThreadPoolExecutor(os.cpu_count() or 1)

    def epoch() -> int:
        for done in [threads.submit(lane.train_epoch) for lane in lanes]:
            done.result()
        return N_UPDATES * len(lanes)

    return epoch


def flop(point: Point, *, n_outputs: int, batch_size: int) -> float:
    """Of an update: forward, to the kernels, and back to the layer below but for the first."""
    front = point.convolutions
    assert front is not None
    convolved = [KERNEL_SIDE**2 * read * channels * places for read, channels, places in front.layers]
    dense = [a * b for a, b in pairwise((front.n_features, *layer_sizes(point), n_outputs))]
    return 2.0 * batch_size * (3 * (sum(convolved) + sum(dense)) - convolved[0])


def machine_rate(size: int = 2048) -> float:
    """FLOP/s of a large matrix product on all cores."""
    a = np.random.default_rng(0).standard_normal((size, size)).astype(np.float32)
    times = []
    for _ in range(7):
        started = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - started)
    return 2.0 * size**3 / statistics.median(times)


def timed(epoch: Epoch) -> Seconds:
    """Of one update of one network."""
    wall, processor = time.perf_counter(), time.process_time()
    n = epoch()
    return Seconds((time.perf_counter() - wall) / n, (time.process_time() - processor) / n)


def compare(study: Study, cell: int, *, n_rounds: int) -> tuple[Seconds, Seconds]:
    """Medians of Keras and of the lanes over rounds in which they take turns."""
    epochs = keras_epoch(study, cell), lane_epoch(study, cell)
    times: list[list[Seconds]] = [[], []]
    for number in range(n_rounds + 1):
        for epoch, found in zip(epochs, times, strict=True):
            with threadpool_limits(1 if epoch is epochs[1] else None, user_api="blas"):
                seconds = timed(epoch)
            if number:  # the first one traces and compiles
                found.append(seconds)
    keras, lanes = (Seconds(*map(statistics.median, zip(*found, strict=True))) for found in times)
    return keras, lanes


def cells(plan: Plan, only: list[str]) -> list[int]:
    """All cells, or those of some depths and budgets."""
    names = [f"{cell.depth}:{cell.budget}" for cell in plan.cells]
    return [number for number, name in enumerate(names) if not only or name in only]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="teaching")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], help="DEPTH:BUDGET of the cells to look at")
    given = parser.parse_args()
    overrides = {"data.source": "control:house_numbers", "preset": given.preset}
    study = study_of(*planned(requested("capacity-convolutional", overrides=overrides)))
    rate = machine_rate()
    print(f"machine's own matrix product: {rate / 1e9:.0f} GFLOP/s, {os.cpu_count()} cores; milliseconds an update")
    print("| network | Keras wall | cpu | lanes wall | cpu | wall x | cpu x | GFLOP/s | share |")
    print("|---|---|---|---|---|---|---|---|---|")
    totals = np.zeros(4)
    for number in cells(study.plan, given.only):
        cell = study.plan.cells[number]
        keras, lanes = compare(study, number, n_rounds=given.rounds)
        totals += [*keras, *lanes]
        work = flop(cell.point, n_outputs=study.problem.head.n_outputs, batch_size=study.stopping.batch_size)
        name = f"{cell.depth} layers, {cell.widened}, {cell.n_params:,}"
        print(
            row(name, [*keras, *lanes], f"{work / lanes.wall / 1e9:.0f} | {work / lanes.wall / rate:.0%}"), flush=True
        )
    print(row("sum", list(totals), "|"))


def row(name: str, seconds: list[float], rest: str) -> str:
    """A line of the table."""
    keras_wall, keras_cpu, lane_wall, lane_cpu = seconds
    times = " | ".join(f"{1e3 * each:.2f}" for each in seconds)
    return f"| {name} | {times} | {keras_wall / lane_wall:.1f} | {keras_cpu / lane_cpu:.1f} | {rest} |"


if __name__ == "__main__":
    main()
