"""A whole search: the population trainer against the loop around Keras, with equal points and epochs, cold cache.

    python benchmarks/search_time.py [--trials 24] [--rows 8000]

Points are drawn at random: depth 1 to 6, width 16 to 256, all activations. The loop is what users of Optuna write:
build, compile, fit with early stopping, clear the session, one after another. Times include tracing and compiling.
"""

from __future__ import annotations

import argparse
import os
import resource
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_XLA_FLAGS"] = "--tf_xla_persistent_cache_directory="  # cold: nothing kept from an earlier process

import keras
import numpy as np

from ffsearch.search.data.problem import Problem, Split
from ffsearch.search.heads import Head, Loss, Task
from ffsearch.search.model import build_network, data_loss, make_optimizer
from ffsearch.search.seeds import Purpose, child
from ffsearch.search.topology import Activation, Point
from ffsearch.search.training.population import PopulationTrainer
from ffsearch.search.training.protocol import Job, Stopping, Trained

N_FEATURES, BATCH_SIZE, MAX_EPOCHS, PATIENCE = 20, 256, 30, 5


def problem(n_rows: int) -> Problem:
    """A table with interactions to learn, a fifth of it for validation."""
    generator = np.random.default_rng(0)
    x = generator.standard_normal((n_rows * 5 // 4, N_FEATURES)).astype(np.float32)
    score = x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + x[:, 3] + generator.standard_normal(len(x))
    y = (score > 0).astype(np.float32)[:, None]
    split = Split(x_train=x[:n_rows], y_train=y[:n_rows], x_valid=x[n_rows:], y_valid=y[n_rows:])
    head = Head(task=Task.BINARY, loss=Loss.BINARY_CROSSENTROPY, n_outputs=1, target_names=("y",), labels=("no", "yes"))
    return Problem(head=head, splits=(split,))


def points(n_trials: int) -> list[Point]:
    """Random points of a common space."""
    generator = np.random.default_rng(1)
    return [
        Point(
            depth=int(generator.integers(1, 7)),
            width=round(16 * 16 ** generator.random()),
            activation=list(Activation)[generator.integers(8)],
            batch_norm=bool(generator.integers(2)),
            dropout=float(generator.choice([0.0, generator.uniform(0.05, 0.5)])),
            l2=float(generator.choice([0.0, 10 ** generator.uniform(-7, -2)])),
            learning_rate=float(10 ** generator.uniform(-4, -2)),
        )
        for _ in range(n_trials)
    ]


def jobs(n_trials: int) -> list[Job]:
    """The points as jobs."""
    return [
        Job(trial=trial, point=point, seed=child(0, Purpose.TRIAL, trial))
        for trial, point in enumerate(points(n_trials))
    ]


def keras_loop(task: Problem, todo: list[Job]) -> list[tuple[int, float]]:
    """Epochs and best validation loss of each job, as a loop of `fit` finds them."""
    split, found = task.splits[0], []
    for job in todo:
        model = build_network(job.point, head=task.head, n_features=N_FEATURES, seed=job.seed)
        model.compile(optimizer=make_optimizer("adam", point=job.point, model=model), loss=data_loss(task.head))
        stop = keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
        history = model.fit(
            split.x_train,
            split.y_train,
            batch_size=BATCH_SIZE,
            epochs=MAX_EPOCHS,
            validation_data=(split.x_valid, split.y_valid),
            callbacks=[stop],
            verbose=0,
        ).history
        found.append((len(history["loss"]), min(history["val_loss"])))
        keras.backend.clear_session()
    return found


def population(task: Problem, todo: list[Job]) -> list[Trained]:
    """The same jobs in lanes."""
    stopping = Stopping(max_epochs=MAX_EPOCHS, patience=PATIENCE, min_delta=0.0, batch_size=BATCH_SIZE)
    return list(PopulationTrainer(task, stopping).train(iter(todo)))


def main() -> None:
    """Time both and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--rows", type=int, default=8_000)
    given = parser.parse_args()
    task, todo = problem(given.rows), jobs(given.trials)

    started = time.perf_counter()
    results = population(task, todo)
    lanes_s = time.perf_counter() - started
    n_epochs = sum(trained.curve.n_epochs for trained in results)
    best = min(float(trained.curve.valid_loss.min()) for trained in results)
    compiled = sum(trained.compile_s for trained in results)
    print(f"lanes: {lanes_s:.1f} s, {lanes_s / len(todo):.2f} s a trial, {n_epochs} epochs, best {best:.4f}; "
          f"waited {compiled:.1f} thread-seconds for compiling; peak memory "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB", flush=True)  # fmt: skip

    started = time.perf_counter()
    found = keras_loop(task, todo)
    loop_s = time.perf_counter() - started
    print(f"loop:  {loop_s:.1f} s, {loop_s / len(todo):.2f} s a trial, {sum(n for n, _ in found)} epochs, "
          f"best {min(loss for _, loss in found):.4f}")  # fmt: skip
    print(f"loop / lanes: {loop_s / lanes_s:.1f}")


if __name__ == "__main__":
    main()
