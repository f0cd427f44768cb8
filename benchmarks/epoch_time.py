"""One epoch of one network: Keras fit, PyTorch eager and a lane, side by side, as their users would write them.

    python benchmarks/epoch_time.py [--shapes 3x64 3x256] [--rounds 7]

8,000 rows x 20 numbers, binary, batch 256, dense + batch norm + relu + dropout 0.1, Adam; training alone. The peers
take turns in every round, so that whatever else the machine does hits all of them, and the medians are compared. The
lane's time is that of all lanes in training at once, divided by their networks, as the population trainer runs them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from threadpoolctl import threadpool_limits

from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.data.features.problem import Problem, Split
from ffsearch.search.network.heads import Head, Loss, Task
from ffsearch.search.network.topology import Point
from ffsearch.search.training.lanes import Lane, Settings, Tables
from ffsearch.search.training.protocol import Job, Stopping

N_ROWS, N_FEATURES, BATCH_SIZE, DROPOUT = 8_000, 20, 256, 0.1
N_UPDATES = N_ROWS // BATCH_SIZE
N_LANES = 4
"""As many as the population trainer has in training at a time."""

Epoch = Callable[[], int]
"""Trains for an epoch, returns how many networks."""


def rows() -> tuple[np.ndarray, np.ndarray]:
    """A table with something to learn."""
    generator = np.random.default_rng(0)
    x = generator.standard_normal((N_ROWS, N_FEATURES)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + x[:, 2] + generator.standard_normal(N_ROWS) > 0).astype(np.float32)
    return x, y[:, None]


def keras_epoch(depth: int, width: int) -> Epoch:
    """`fit` on arrays, as the guide writes it."""
    x, y = rows()
    layers: list[keras.Layer] = []
    for _ in range(depth):
        layers += [
            keras.layers.Dense(width), keras.layers.BatchNormalization(), keras.layers.Activation("relu"),
            keras.layers.Dropout(DROPOUT),
        ]  # fmt: skip
    model = keras.Sequential([keras.Input((N_FEATURES,)), *layers, keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=keras.losses.BinaryCrossentropy(from_logits=True))

    def epoch() -> int:
        model.fit(x, y, batch_size=BATCH_SIZE, epochs=1, verbose=0)
        return 1

    return epoch


def torch_epoch(depth: int, width: int) -> Epoch | None:
    """The usual loop over a shuffled tensor, with the fused optimiser; None without PyTorch."""
    try:
        import torch
    except ImportError:
        return None
    x, y = (torch.from_numpy(part) for part in rows())
    layers: list[torch.nn.Module] = []
    for layer in range(depth):
        fan_in = N_FEATURES if layer == 0 else width
        layers += [
            torch.nn.Linear(fan_in, width), torch.nn.BatchNorm1d(width), torch.nn.ReLU(), torch.nn.Dropout(DROPOUT),
        ]  # fmt: skip
    model = torch.nn.Sequential(*layers, torch.nn.Linear(width, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    loss = torch.nn.BCEWithLogitsLoss()

    def epoch() -> int:
        model.train()
        order = torch.randperm(N_ROWS)
        for start in range(0, N_UPDATES * BATCH_SIZE, BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            optimizer.zero_grad(set_to_none=True)
            loss(model(x[batch]), y[batch]).backward()
            optimizer.step()
        return 1

    return epoch


def lane_epoch(depth: int, width: int) -> Epoch:
    """Networks in lanes, an epoch each, in as many threads as there are cores."""
    x, y = rows()
    problem = Problem(
        head=Head(
            task=Task.BINARY, loss=Loss.BINARY_CROSSENTROPY, n_outputs=1, target_names=("y",), labels=("no", "yes")
        ),
        splits=(Split(x_train=x, y_train=y, x_valid=x[:1], y_valid=y[:1]),),
    )
    stopping = Stopping(max_epochs=10**9, patience=10**9, min_delta=0.0, batch_size=BATCH_SIZE)
    point, tables = Point(depth=depth, width=width, batch_norm=True, dropout=DROPOUT), Tables(problem)
    lanes = [
        Lane(each, tables, Settings(stopping=stopping)) for each in (job(point, number) for number in range(N_LANES))
    ]
    threads = ThreadPoolExecutor(os.cpu_count() or 1)
    threadpool_limits(1, user_api="blas")  # the lanes' products; no peer uses this library

    def epoch() -> int:
        for done in [threads.submit(lane.train_epoch) for lane in lanes]:
            done.result()
        return N_LANES

    return epoch


def job(point: Point, trial: int) -> Job:
    """A job of its own seed."""
    return Job(trial=trial, point=point, seed=child(0, Purpose.TRIAL, trial))


def flop(depth: int, width: int) -> float:
    """Of the matrix products of one epoch: forward, to the weights, and to the layer below but for the first."""
    sizes = [N_FEATURES, *[width] * depth, 1]
    products = [fan_in * fan_out for fan_in, fan_out in pairwise(sizes)]
    return 2.0 * BATCH_SIZE * N_UPDATES * (3 * sum(products) - products[0])


def machine_rate(size: int = 2048) -> float:
    """FLOP/s of this machine's own matrix product."""
    a = tf.random.normal((size, size))
    product = tf.function(lambda b: tf.matmul(b, b))
    product(a)
    times = []
    for _ in range(9):
        started = time.perf_counter()
        product(a).numpy()
        times.append(time.perf_counter() - started)
    return 2.0 * size**3 / statistics.median(times)


def milliseconds(epoch: Epoch) -> float:
    """One network's share of an epoch."""
    started = time.perf_counter()
    n_networks = epoch()
    return 1e3 * (time.perf_counter() - started) / n_networks


def compare(depth: int, width: int, *, n_rounds: int) -> dict[str, float]:
    """Median milliseconds of each peer over rounds in which they take turns."""
    peers = {"keras": keras_epoch(depth, width), "torch": torch_epoch(depth, width), "lane": lane_epoch(depth, width)}
    running = {name: epoch for name, epoch in peers.items() if epoch is not None}
    for epoch in running.values():
        epoch()
        epoch()
    times: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(n_rounds):
        for name, epoch in running.items():
            times[name].append(milliseconds(epoch))
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", default=["1x32", "3x64", "6x64", "3x256"], help="depth x width")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    rate = machine_rate()
    print(f"machine's own matrix product: {rate / 1e9:.0f} GFLOP/s, {os.cpu_count()} cores")
    print("| depth x width | Keras ms | PyTorch ms | lane ms | Keras / lane | PyTorch / lane | GFLOP/s | share |")
    print("|---|---|---|---|---|---|---|---|")
    for text in given.shapes:
        depth, width = (int(part) for part in text.split("x"))
        ms = compare(depth, width, n_rounds=given.rounds)
        reached = flop(depth, width) / ms["lane"] * 1e3
        torch_ms = ms.get("torch", float("nan"))
        cells = [
            f"{depth} x {width}", f"{ms['keras']:.1f}", f"{torch_ms:.1f}", f"{ms['lane']:.2f}",
            f"{ms['keras'] / ms['lane']:.1f}", f"{torch_ms / ms['lane']:.1f}",
            f"{reached / 1e9:.0f}", f"{reached / rate:.0%}",
        ]  # fmt: skip
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
