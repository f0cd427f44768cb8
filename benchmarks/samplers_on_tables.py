"""Which sampler finds good networks in fewest trials, where every answer is known: a look-up in place of training.

    python benchmarks/samplers_on_tables.py TABLES [--samplers tpe keras-tuner:bayesian ...] [--running 1 16]
        [--rates 1 3] [--out results.json]

TABLES holds the four tables of fully connected networks (Klein and Hutter 2019, arXiv 1905.04970): validation errors of
62,208 configurations of two hidden layers, each trained four times. A sampler is told the mean of the four; with
--noisy one of them, drawn at random, and it is judged by the mean of what looks best to it. The tables hold no learning
curves, so pruners are not compared.

With --rates 3 the learning rate is no parameter: each trial is three networks, whose rates lie a third of the range
apart (where the lowest lies is drawn for each trial), and its value is that of the best. Networks are counted, not
trials.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.objective import Objective
from ffsearch.search.engines.protocol import Engine
from ffsearch.search.folder.trial_record import Told
from ffsearch.search.network.topology import Point
from ffsearch.search.training.protocol import Ended
from ffsearch.spaces.parameters import ChoiceParameter, FloatParameter, IntParameter, Parameter

TABLES: Final = ("naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization")

RANDOM: Final = "random"
"""The control, which needs no asking for, and is the same however many train at a time."""

CONTROL: Final = 100
"""Trials of the control."""

CARRIERS: Final[Mapping[str, str]] = {
    "activation_fn_1": "activation",
    "activation_fn_2": "batch_norm",
    "batch_size": "l2",
    "dropout_1": "dropout",
    "dropout_2": "augment_swap",
    "init_lr": "learning_rate",
    "lr_schedule": "augment_balance",
    "n_units_1": "width",
    "n_units_2": "depth",
}
"""Axes of the tables, and which name of a point carries each. To a sampler a name is a name; ranges and scales are
those the axis would have in a space file."""

SPACE: Final[Mapping[str, Parameter]] = {
    "activation": ChoiceParameter(values=("relu", "tanh")),
    "batch_norm": ChoiceParameter(values=(False, True)),
    "l2": FloatParameter(low=8, high=64, log=True, default=32),
    "dropout": FloatParameter(low=0, high=0.6, default=0.3),
    "augment_swap": FloatParameter(low=0, high=0.6, default=0.3),
    "learning_rate": FloatParameter(low=5e-4, high=1e-1, log=True, default=1e-3),
    "augment_balance": ChoiceParameter(values=("none", "class_weight")),
    "width": IntParameter(low=16, high=512, log=True, default=128),
    "depth": IntParameter(low=1, high=6, default=4),
}

LOG_AXES: Final = ("batch_size", "init_lr", "n_units_1")


class Table:
    """Errors of every configuration, shape (*axes, 4).

    Args:
        path: The file.
        choices: Levels of every axis, in the order of the file's.
    """

    def __init__(self, path: Path, choices: Mapping[str, list[Any]]) -> None:
        self._values: NDArray[np.float64] = np.load(path)["values"]
        self._choices = choices
        self.best = float(self._values.mean(axis=-1).min())

    def look_up(self, point: Point) -> NDArray[np.float64]:
        """The four errors of the configuration nearest to a point."""
        return self._values[tuple(self._level(axis, getattr(point, CARRIERS[axis])) for axis in self._choices)]

    def _level(self, axis: str, value: Any) -> int:
        levels = self._choices[axis]
        if axis == "n_units_2":
            return int(value) - 1
        if isinstance(levels[0], str):
            return int({"relu": 0, "tanh": 1, False: 0, True: 1, "none": 1, "class_weight": 0}[value])
        scale = math.log if axis in LOG_AXES else float
        return int(np.argmin([abs(scale(level) - scale(value)) for level in levels]))


def search(
    engine: Engine, table: Table, *, seed: int, n_trials: int, n_running: int, n_rates: int, noisy: bool
) -> NDArray[np.float64]:
    """The mean error of what looks best after every network, shape (n_trials,).

    Args:
        engine: Nothing asked yet.
        table: Where errors come from.
        seed: Of the noise: which of the four an engine is told.
        n_trials: Networks.
        n_rates: Learning rates of a trial, a network each; with 1 it is the engine's.
        n_running: Trials asked for before the first of them is told; the one asked first is told first.
        noisy: Whether an engine is told one of the four errors.
    """
    rng = np.random.default_rng(seed)
    running: deque[Any] = deque()
    best_told, mean_of_best, means = math.inf, math.inf, []
    n_asked = 0
    while len(means) < n_trials:
        while n_asked < n_trials and len(running) < n_running and (proposal := engine.ask()) is not None:
            running.append(proposal)
            n_asked += 1
        if not running:  # a finished grid
            means += [mean_of_best] * (n_trials - len(means))
            break
        proposal = running.popleft()
        value = math.inf
        for point in at_rates(proposal.point, n_rates, rng):
            errors = table.look_up(point)
            value = min(value, float(rng.choice(errors) if noisy else errors.mean()))
            if value < best_told:
                best_told, mean_of_best = value, float(errors.mean())
            means.append(mean_of_best)
        told = Told(trial=proposal.trial, point=proposal.point, value=value, ended=Ended.STOPPED, valid_loss=())
        engine.tell(told)
    return np.array(means[:n_trials])


def at_rates(point: Point, n_rates: int, rng: np.random.Generator) -> list[Point]:
    """The point at so many learning rates, evenly over the range; where the lowest lies is drawn."""
    if n_rates == 1:
        return [point]
    rate = SPACE["learning_rate"]
    assert isinstance(rate, FloatParameter)
    places = (np.arange(n_rates) + rng.random()) / n_rates
    return [replace(point, learning_rate=rate.low * (rate.high / rate.low) ** float(place)) for place in places]


def make_engine(sampler: str, *, seed: int, n_rates: int) -> Engine:
    """An engine by `sampler`, or `keras-tuner:sampler`; no pruner."""
    space = {key: parameter for key, parameter in SPACE.items() if n_rates == 1 or key != "learning_rate"}
    name, _, own = sampler.rpartition(":")
    if name == "keras-tuner":
        from ffsearch.search.engines.keras_tuner_engine import KerasTunerEngine

        return KerasTunerEngine(
            space,
            sampler=own,
            pruner="none",
            seed=seed,
            objective=Objective(name="loss", direction="minimize"),
            max_epochs=100,
        )
    from ffsearch.search.engines.optuna_engine import OptunaEngine

    return OptunaEngine(
        space,
        sampler=own,
        pruner="none",
        seed=seed,
        objective=Objective(name="loss", direction="minimize"),
        size=n_weights,
    )


def n_weights(point: Point) -> int:
    """Weights between the two hidden layers, most of a network's: nsga2 wants them few."""
    return point.width * 16 * 2 ** (point.depth - 1)


def quartiles(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(low), float(middle), float(high)


def first_below(runs: NDArray[np.float64], target: float) -> NDArray[np.float64]:
    """The trial, counted from 1, after which each run is at the target; infinite where it never is."""
    reached = runs <= target
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)


def report(runs: Mapping[str, Mapping[str, NDArray[np.float64]]], tables: Mapping[str, Table]) -> None:
    """A Markdown table: regret over that of random search, and trials to its best of 100, medians and quartiles."""
    print(
        "| sampler | table | regret after 20 | 40 | 100 | trials to random's best of 100 |\n|---|---|---|---|---|---|"
    )
    for name, of_tables in runs.items():
        for table, of_seeds in of_tables.items():
            random = runs[RANDOM][table] - tables[table].best
            cells = []
            for after in (20, 40, 100):
                if of_seeds.shape[1] < after:
                    cells.append("")
                    continue
                ratio = (of_seeds[:, after - 1] - tables[table].best) / np.median(random[:, after - 1])
                low, middle, high = quartiles(ratio)
                cells.append(f"{middle:.2f} ({low:.2f} to {high:.2f})")
            target = float(np.median(runs[RANDOM][table][:, CONTROL - 1]))
            trials = np.sort(first_below(of_seeds, target))
            low, middle, high = trials[[len(trials) // 4, len(trials) // 2, 3 * len(trials) // 4]]
            print(f"| {name} | {table} | {' | '.join(cells)} | {middle:.0f} ({low:.0f} to {high:.0f}) |")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--samplers", nargs="+", default=["tpe", "qmc", "cmaes"])
    parser.add_argument("--running", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--rates", nargs="+", type=int, default=[1])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--noisy", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    choices = json.loads((given.tables / "search_space.json").read_text())["choices"]
    tables = {name: Table(given.tables / f"{name}.npz", choices) for name in TABLES}
    runs: dict[str, dict[str, NDArray[np.float64]]] = {}
    arms = [(RANDOM, 1, 1, CONTROL), *product(given.samplers, given.running, given.rates, [given.trials])]
    for sampler, n_running, n_rates, n_trials in arms:
        label = sampler if n_running == 1 else f"{sampler}, {n_running} at a time"
        label += f", {n_rates} learning rates a trial" if n_rates > 1 else ""
        began = time.perf_counter()
        runs[label] = {
            name: np.array(
                [
                    search(
                        make_engine(sampler, seed=seed, n_rates=n_rates),
                        table,
                        seed=seed,
                        n_trials=n_trials,
                        n_running=n_running,
                        n_rates=n_rates,
                        noisy=given.noisy,
                    )
                    for seed in range(given.seeds)
                ]
            )
            for name, table in tables.items()
        }
        print(f"{label}: {time.perf_counter() - began:.0f} s", flush=True)
        if given.out:
            saved = {one: {name: of.tolist() for name, of in of_tables.items()} for one, of_tables in runs.items()}
            given.out.write_text(json.dumps(saved))
    report(runs, tables)


if __name__ == "__main__":
    main()
