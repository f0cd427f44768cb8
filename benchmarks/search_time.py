"""A whole search: the population trainer against the loop around Keras, with equal points and epochs, cold cache.

    python benchmarks/search_time.py [--trials 24] [--rows 8000] [--every 1] [--tuner 0] [--warm]

Points are drawn at random: depth 1 to 6, width 16 to 256, all activations. The loop is what users of Optuna write:
build, compile, fit with early stopping, clear the session, one after another. Times include tracing and compiling.
With `--every K` the loop trains every K-th point, and its time is multiplied by K. With `--tuner N`, KerasTuner's
BayesianOptimization makes N trials in the same space, and the lanes' time to its best validation loss is told.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "--warm" not in sys.argv:
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()  # cold: nothing kept from an earlier process

import keras
import numpy as np

from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.data.features.problem import Problem, Split
from ffsearch.search.executors.population import PopulationTrainer
from ffsearch.search.network.heads import Head, Loss, Task
from ffsearch.search.network.model import build_network, data_loss, make_optimizer
from ffsearch.search.network.topology import Activation, Point
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


def population(task: Problem, todo: list[Job]) -> Iterator[Trained]:
    """The same jobs in lanes, as they end."""
    stopping = Stopping(max_epochs=MAX_EPOCHS, patience=PATIENCE, min_delta=0.0, batch_size=BATCH_SIZE)
    return PopulationTrainer(task, stopping).train(iter(todo))


def best_so_far(results: list[tuple[float, Trained]], loss: float) -> float | None:
    """Seconds until a validation loss was reached; None: never."""
    return next((seconds for seconds, trained in results if trained.curve.valid_loss.min() <= loss), None)


def keras_tuner_best(task: Problem, n_trials: int) -> float:
    """The best validation loss that KerasTuner finds in the same space, as its guide writes it."""
    import keras_tuner

    split = task.splits[0]

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        depth, width = hp.Int("depth", 1, 6), hp.Int("width", 16, 256, sampling="log")
        batch_norm, rate = hp.Boolean("batch_norm"), hp.Float("dropout", 0.0, 0.5)
        activation = hp.Choice("activation", ["relu", "leaky_relu", "elu", "selu", "swish", "tanh", "softsign"])
        penalty = keras.regularizers.L2(hp.Float("l2", 1e-7, 1e-2, sampling="log"))
        layers: list[keras.Layer] = []
        for _ in range(depth):
            layers.append(keras.layers.Dense(width, kernel_regularizer=penalty))
            if batch_norm:
                layers.append(keras.layers.BatchNormalization())
            layers += [keras.layers.Activation(activation), keras.layers.Dropout(rate)]
        model = keras.Sequential([keras.Input((N_FEATURES,)), *layers, keras.layers.Dense(1)])
        optimizer = keras.optimizers.Adam(hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"))
        model.compile(optimizer=optimizer, loss=keras.losses.BinaryCrossentropy(from_logits=True))
        return model

    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.BayesianOptimization(
            build, "val_loss", max_trials=n_trials, seed=1, directory=folder, project_name="x"
        )
        stop = keras.callbacks.EarlyStopping(patience=PATIENCE)
        tuner.search(
            split.x_train, split.y_train, batch_size=BATCH_SIZE, epochs=MAX_EPOCHS, verbose=0,
            validation_data=(split.x_valid, split.y_valid), callbacks=[stop],
        )  # fmt: skip
        return float(tuner.oracle.get_best_trials(1)[0].score)


def main() -> None:
    """Time all and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--rows", type=int, default=8_000)
    parser.add_argument("--every", type=int, default=1, help="of how many points the loop trains one")
    parser.add_argument("--tuner", type=int, default=0, help="trials of KerasTuner")
    parser.add_argument("--warm", action="store_true", help="with the user's cache of compiled programs")
    given = parser.parse_args()
    task, todo = problem(given.rows), jobs(given.trials)

    started = time.perf_counter()
    results = [(time.perf_counter() - started, trained) for trained in population(task, todo)]
    lanes_s = time.perf_counter() - started
    n_epochs = sum(trained.curve.n_epochs for _, trained in results)
    best = min(float(trained.curve.valid_loss.min()) for _, trained in results)
    compiled = max(trained.compile_s for _, trained in results)
    print(f"lanes: {lanes_s:.1f} s, {lanes_s / len(todo):.2f} s a trial, {n_epochs} epochs, best {best:.4f}; "
          f"{compiled:.1f} s of it compiling; peak memory "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB", flush=True)  # fmt: skip

    started = time.perf_counter()
    found = keras_loop(task, todo[:: given.every])
    loop_s = (time.perf_counter() - started) * len(todo) / len(found)
    print(f"loop:  {loop_s:.1f} s, {loop_s / len(todo):.2f} s a trial ({len(found)} of {len(todo)} trained), "
          f"{sum(n for n, _ in found)} epochs, "
          f"best {min(loss for _, loss in found):.4f}")  # fmt: skip
    print(f"loop / lanes: {loop_s / lanes_s:.1f}", flush=True)

    if given.tuner:
        started = time.perf_counter()
        loss = keras_tuner_best(task, given.tuner)
        tuner_s, reached = time.perf_counter() - started, best_so_far(results, loss)
        said = "never" if reached is None else f"after {reached:.1f} s, {tuner_s / reached:.0f} times sooner"
        print(f"KerasTuner: best {loss:.4f} of {given.tuner} trials in {tuner_s:.0f} s; the lanes had that {said}")


if __name__ == "__main__":
    main()
