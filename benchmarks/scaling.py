"""What training costs against rows, columns, width, depth and networks at a time; no step may be steeper than linear.

    python benchmarks/scaling.py [--rounds 5] [--out docs/scaling.svg]

One thing is varied at a time about 8,192 rows, 20 columns, 3 layers of 64, batch 256, batch normalisation, relu,
dropout. Cost is seconds of an epoch with its evaluation, the median of rounds; the exponent is the slope between two
neighbours in double logarithms, 1 for linear. Width and depth are told against the parameters they make.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import matplotlib as mpl

mpl.use("svg")

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.data.features.problem import Problem, Split
from ffsearch.search.network.heads import Head, Loss, Task
from ffsearch.search.network.topology import Point, n_params
from ffsearch.search.training.lanes import Lane, Settings, Tables
from ffsearch.search.training.protocol import Job, Stopping

BASE = {"rows": 8_192, "columns": 20, "width": 64, "depth": 3, "networks": 1}
VARIED = {
    "rows": (1_024, 10_240, 102_400, 1_024_000),
    "columns": (10, 30, 100, 300, 1_000),
    "width": (16, 32, 64, 128, 256, 512),
    "depth": (1, 2, 4, 8),
    "networks": (1, 2, 4, 8, 16),
}


def lanes(*, rows: int, columns: int, width: int, depth: int, networks: int) -> list[Lane]:
    """Networks of one shape on random rows."""
    generator = np.random.default_rng(0)
    x = generator.standard_normal((rows, columns), np.float32)
    y = (x[:, :1] > 0).astype(np.float32)
    head = Head(task=Task.BINARY, loss=Loss.BINARY_CROSSENTROPY, n_outputs=1, target_names=("y",), labels=("no", "yes"))
    n_valid = rows // 5
    split = Split(x_train=x, y_train=y, x_valid=x[:n_valid], y_valid=y[:n_valid])
    tables = Tables(Problem(head=head, splits=(split,)))
    stopping = Stopping(max_epochs=10**9, patience=10**9, min_delta=0.0, batch_size=256)
    point = Point(depth=depth, width=width, batch_norm=True, dropout=0.1)
    jobs = [Job(trial=trial, point=point, seed=child(0, Purpose.TRIAL, trial)) for trial in range(networks)]
    settings = Settings(stopping=stopping)
    return [Lane(job, tables, settings) for job in jobs]


def epoch_seconds(shape: dict[str, int], *, n_rounds: int) -> float:
    """Median seconds until all networks have made an epoch, on as many threads as there are cores."""
    made, times = lanes(**shape), []
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        for _ in range(n_rounds + 1):
            started = time.perf_counter()
            for done in [threads.submit(lane.train_epoch) for lane in made]:
                done.result()
            times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def size(name: str, shape: dict[str, int]) -> int:
    """What cost is held against."""
    if name in ("width", "depth", "columns"):
        point = Point(depth=shape["depth"], width=shape["width"])
        return n_params(point, n_features=shape["columns"], n_outputs=1)
    return shape[name]


def main() -> None:
    """Print the table and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", help="an SVG file")
    given = parser.parse_args()
    print("| varied | value | epoch, ms | a network and 1,000 rows, ms | exponent |\n|---|---|---|---|---|")
    figure, axes = plt.subplots(1, len(VARIED), figsize=(12, 3), sharey=True, layout="constrained")
    for name, axis in zip(VARIED, axes, strict=True):
        shapes = [{**BASE, name: value} for value in VARIED[name]]
        costs = [epoch_seconds(shape, n_rounds=given.rounds) for shape in shapes]
        sizes = [size(name, shape) for shape in shapes]
        steps = [math.nan]
        for (one, two), (low, high) in zip(pairwise(costs), pairwise(sizes), strict=True):
            steps.append(math.log(two / one) / math.log(high / low))
        for shape, cost, step in zip(shapes, costs, steps, strict=True):
            share = 1e6 * cost / shape["rows"] / shape["networks"]
            exponent = "" if math.isnan(step) else f"{step:.2f}"
            print(f"| {name} | {shape[name]:,} | {1e3 * cost:,.1f} | {share:.2f} | {exponent} |", flush=True)
        axis.loglog(VARIED[name], [1e3 * cost for cost in costs], "o-", color="#0072b2")
        axis.set_xticks(VARIED[name], [f"{value:,}" for value in VARIED[name]], rotation=45)
        axis.minorticks_off()
        axis.set(xlabel=name, ylabel="an epoch, ms" if name == "rows" else "")
        axis.yaxis.set_major_formatter("{x:,g}")
    if given.out:
        figure.savefig(given.out)


if __name__ == "__main__":
    main()
