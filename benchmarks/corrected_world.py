"""How often the corrected estimate holds the refit's true score, in a world cheap enough for a thousand runs.

    python benchmarks/corrected_world.py [--runs 300] [--worlds full quick small linear]

A network is a layer of random features, fresh for every seed, and a ridge on top: it has seeds, learns better from more
rows and overfits, and takes a millisecond. A run is a whole one: a search on one holdout, finalists repeated with fresh
seeds and splits, the worse half left behind after two, the winner chosen by one standard error, trained once more on
half of the rows, corrected, refitted on all rows with a seed of its own. Its true score is taken on 20,000 other rows.

Printed for each world: how often the 95 % interval holds it, mean and standard deviation of z (the error in claimed
standard deviations; 200 hits cannot tell a bias from a width), the biases of the naive and the corrected score, the
median half width, and how often seeds seemed to add nothing.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.correction import OutOfSample, Part, correct_repeats, part_scores
from ffsearch.search.evidence.finalists import choose, race
from ffsearch.search.evidence.learning import LEARNING_REPEATS, rows_gain

RMSE = Objective(name="rmse", direction="minimize")
N_HIDDEN, N_TRIALS, SHARE, N_INPUTS = 20_000, 30, 0.2, 6


@dataclass(frozen=True)
class World:
    """What is run.

    Args:
        n_rows: Development rows.
        n_finalists: Finalists, the default among them.
        n_repeats: Repeats.
        curved: How much of the truth is no straight line.
    """

    n_rows: int
    n_finalists: int
    n_repeats: int
    curved: float = 1.0


WORLDS = {
    "full": World(800, 6, 5),
    "quick": World(800, 4, 3),
    "small": World(250, 6, 5),
    "small quick": World(250, 4, 3),
    "linear": World(800, 6, 5, curved=0.0),
}


@dataclass
class Run:
    """One table and its points: a width and a ridge each."""

    world: World
    rng: np.random.Generator

    def __post_init__(self) -> None:
        """Draw the truth, the table and the points."""
        self.slopes = self.rng.standard_normal(N_INPUTS)
        self.waves = self.rng.standard_normal((N_INPUTS, 3))
        self.x, self.y = self.rows(self.world.n_rows)
        self.width = np.exp(self.rng.uniform(np.log(5), np.log(150), N_TRIALS)).astype(int)
        self.ridge = np.exp(self.rng.uniform(np.log(1e-4), np.log(1e-1), N_TRIALS))

    def rows(self, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets."""
        x = self.rng.standard_normal((n_rows, N_INPUTS))
        y = x @ self.slopes + self.world.curved * np.sin(x @ self.waves).sum(axis=1)
        return x, y + 0.7 * self.rng.standard_normal(n_rows)

    def predictions(self, point: int, learnt: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """A fresh network of a point that learnt from some rows, asked about others."""
        width = self.width[point]
        weights = self.rng.standard_normal((N_INPUTS, width)) / np.sqrt(N_INPUTS)
        cuts = self.rng.uniform(-1, 1, width)

        def features(x: np.ndarray) -> np.ndarray:
            return np.column_stack([np.ones(len(x)), x, np.tanh(x @ weights + cuts)])

        z = features(self.x[learnt])
        made = z.T @ z + self.ridge[point] * len(z) * np.eye(z.shape[1])
        return np.asarray(features(asked) @ np.linalg.solve(made, z.T @ self.y[learnt]))

    def squares(self, point: int, learnt: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Squared errors of such a network on rows of the table."""
        return np.asarray((self.predictions(point, learnt, self.x[rows]) - self.y[rows]) ** 2, np.float32)[:, None]


def one_run(world: World, rng: np.random.Generator) -> dict[str, float]:
    """Search, repeats, correction, refit; the error of the corrected estimate, and what it claimed."""
    run = Run(world, rng)
    n_valid = round(SHARE * world.n_rows)
    splits = [np.split(rng.permutation(world.n_rows), [n_valid]) for _ in range(world.n_repeats + 1)]
    valid, train = splits[0]
    searched = np.sqrt([run.squares(point, train, valid).mean() for point in range(N_TRIALS)])
    order = np.argsort(searched)
    finalists = list(dict.fromkeys([*map(int, order[: world.n_finalists - 1]), 0]))

    def terms(points: list[int], repeats: range) -> OutOfSample:
        parts = [
            Part(
                rows=valid,
                truth=run.y[valid][:, None],
                terms=np.stack([run.squares(point, train, valid) for point in points]),
            )
            for valid, train in (splits[repeat] for repeat in repeats)
        ]
        return OutOfSample(objective=RMSE, parts=tuple(parts))

    rule = {"test_to_train": SHARE / (1 - SHARE), "worth": 0.05 * (run.y.std() - searched.min())}
    first = terms(finalists, range(1, 3))
    sizes = [int(run.width[point]) for point in finalists]
    left = race(part_scores(first), n_params=sizes, n_left=-(-len(finalists) // 2), **rule)
    gone = [place for place in range(len(finalists)) if place not in left]
    finalists, sizes = [finalists[place] for place in left], [sizes[place] for place in left]
    more = terms(finalists, range(3, world.n_repeats + 1))
    begun = [Part(rows=part.rows, truth=part.truth, terms=part.terms[left]) for part in first.parts]
    repeats = OutOfSample(objective=RMSE, parts=(*begun, *more.parts))
    behind = [Part(rows=part.rows, truth=part.truth, terms=part.terms[gone]) for part in first.parts]
    behind += [
        Part(rows=part.rows, truth=part.truth, terms=np.full((len(gone), *part.terms.shape[1:]), np.nan, np.float32))
        for part in more.parts
    ]
    scores = part_scores(repeats)
    place = int(choose(scores, n_params=sizes, **rule))
    winner = finalists[place]
    n_train = world.n_rows - n_valid
    half = [
        np.sqrt(run.squares(winner, rng.permutation(splits[repeat][1])[: n_train // 2], splits[repeat][0]).mean())
        for repeat in range(1, min(LEARNING_REPEATS, world.n_repeats) + 1)
    ]
    gain = rows_gain(
        np.array(half), scores[place][: len(half)], n_less=n_train // 2, n_repeat=n_train, n_refit=world.n_rows
    )
    found = correct_repeats(
        repeats,
        winner=place,
        n_params=sizes,
        naive=float(searched.min()),
        rng=rng,
        rows=gain,
        n_resamples=400,
        left=OutOfSample(objective=RMSE, parts=tuple(behind)),
        **rule,
    )
    x, y = run.rows(N_HIDDEN)
    true = float(np.sqrt(np.mean((run.predictions(winner, np.arange(world.n_rows), x) - y) ** 2)))
    low, high = found.score.low, found.score.high
    return {
        "held": float(low <= true <= high),
        "z": (true - found.score.value) / ((high - low) / 2 / 1.96),
        "naive": true - float(searched.min()),
        "corrected": true - found.score.value,
        "width": (high - low) / 2,
        "no seeds": float(not found.score.seed_sd),
        "again": found.score.chosen_again,
        "true": true,
        "value": found.score.value,
    }


def main() -> None:
    """A line a world."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS), choices=WORLDS)
    arguments = parser.parse_args()
    print(f"{'world':12}{'held':>7}{'mean z':>8}{'sd z':>7}{'naive':>8}{'corr.':>8}{'half':>8}{'no seeds':>10}")
    for name in arguments.worlds:
        of = [one_run(WORLDS[name], np.random.default_rng([7, seed])) for seed in range(arguments.runs)]
        mean = {key: float(np.mean([one[key] for one in of])) for key in of[0]}
        sd = float(np.std([one["z"] for one in of]))
        half = float(np.median([one["width"] for one in of]))
        print(f"{name:12}{mean['held']:7.1%}{mean['z']:8.2f}{sd:7.2f}{mean['naive']:8.4f}{mean['corrected']:8.4f}"
              f"{half:8.4f}{mean['no seeds']:10.0%}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
