"""Whether the verdict names what is known to be true, by whole runs on drawn tables.

    python benchmarks/verdicts_known.py [--seeds 20] [--rows 1500] [--truth linear radial noise steps]

    linear   a logistic model of three of eight numbers: not `network` in 19 of 20
    radial   the class is inside or outside of a sphere of three of eight numbers: the network beats the linear model
    noise    the class is a coin: `nothing`
    steps    a sum of steps along four of eight numbers, with interactions: boosting is named better

Each run is a search of ten trials on the shipped space, made small, with quick evidence, from a table of its own; table
and search have the same seed. Printed: a line a run, then how often each code came and how often the bar's was met.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd

import ffsearch

N_FEATURES = 8
SETTINGS = {
    "search.trials": 10, "space.depth.high": 3, "space.width.high": 64, "train.max_epochs": 60, "train.patience": 8,
    "evidence": "quick",
}  # fmt: skip


def linear(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two classes, log odds linear."""
    odds = 1.5 * x[:, 0] - 1.0 * x[:, 1] + 0.5 * x[:, 2]
    return np.where(rng.random(len(x)) < 1 / (1 + np.exp(-odds)), "b", "a")


def radial(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two classes, inside and outside, a twentieth of them wrong."""
    inside = (x[:, :3] ** 2).sum(axis=1) < 2.366  # the median of chi-squared with 3 degrees of freedom
    return np.where(inside ^ (rng.random(len(x)) < 0.05), "b", "a")


def noise(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two classes that no column knows of."""
    return np.where(rng.random(len(x)) < 0.5, "b", "a")


def steps(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A number made of steps: what trees are made for and a smooth network is not."""
    high = x[:, :4] > np.array([0.3, -0.4, 0.8, -0.9])
    value = 2.0 * high[:, 0] + 3.0 * (high[:, 1] & high[:, 2]) - 2.0 * (high[:, 0] ^ high[:, 3])
    return value + 0.3 * rng.standard_normal(len(x))


TRUTHS: dict[str, tuple[Callable[[np.ndarray, np.random.Generator], np.ndarray], Callable[[dict], bool]]] = {
    "linear": (linear, lambda summary: summary["verdict"]["code"] != "network"),
    "radial": (radial, lambda summary: _gain(summary, "linear")["low"] > 0),
    "noise": (noise, lambda summary: summary["verdict"]["code"] == "nothing"),
    "steps": (steps, lambda summary: summary["verdict"]["code"] == "boosting"),
}


def _gain(summary: dict, name: str) -> dict[str, float]:
    return next(one["network_gain"] for one in summary["baselines"] if one["name"] == name)


def one_run(truth: str, *, seed: int, n_rows: int, folder: Path) -> tuple[dict, bool]:
    """A table, a run, its summary, and whether the answer is right."""
    make, is_right = TRUTHS[truth]
    rng = np.random.default_rng([seed, list(TRUTHS).index(truth)])
    x = rng.standard_normal((n_rows, N_FEATURES))
    frame = pd.DataFrame(x, columns=[f"x{number}" for number in range(N_FEATURES)]).assign(y=make(x, rng))
    run = ffsearch.run("tabular", data=frame, target="y", overrides=SETTINGS | {"search.seed": seed}, out=folder)
    return run.summary, is_right(run.summary)


def main() -> None:
    """A line a run, then a line a truth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--truth", nargs="+", choices=list(TRUTHS), default=list(TRUTHS))
    arguments = parser.parse_args()
    for truth in arguments.truth:
        codes, n_right = Counter[str](), 0
        for seed in range(arguments.seeds):
            began = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                summary, right = one_run(truth, seed=seed, n_rows=arguments.rows, folder=Path(folder, "run"))
            code, n_right = summary["verdict"]["code"], n_right + right
            codes[code] += 1
            gains = {one["name"]: one["network_gain"] for one in summary["baselines"]}
            told = " ".join(f"{n} {g['value']:.3f} [{g['low']:.3f} {g['high']:.3f}]" for n, g in gains.items())
            print(f"{truth:8}{seed:4}  {code:12}{'' if right else 'WRONG':6} {told}  {time.monotonic() - began:.0f} s",
                  flush=True)  # fmt: skip
        print(f"{truth}: right in {n_right} of {arguments.seeds}; {dict(codes)}", flush=True)


if __name__ == "__main__":
    main()
