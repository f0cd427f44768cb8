"""How often the corrected estimate and the sealed test hold the winner's true score, without training anything.

    python benchmarks/coverage_simulated.py [--runs 200] [--trials 100] [--rows 400 1600 6400]

A run is drawn from a model of what a search sees: rows with a truth of their own, points that err on rows in their own
way (most of it shared by all points), and networks of one point that err a little differently from seed to seed. The
search ranks its trials on validation rows, finalists are repeated with fresh seeds and splits, the worse half of them
only twice, the winner is refitted: one more draw of its seed. Its true score is taken on 50,000 other rows.

Printed for each setting: the mean bias of the naive score; what is left of it, as a share, in the corrected estimate,
in the winner's plain mean over repeats, and in BBC-CV on the search's own predictions; how often the 95 % intervals of
the corrected estimate, of BBC-CV and of a sealed test hold the true score; the corrected interval's width beside the
test's. Biases are taken beside those of points that nobody chose on the same rows: luck that all points share averages
out over runs, and this is the faster way.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace

import numpy as np

from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.correction import OutOfSample, Part, correct_repeats, correct_search, part_scores
from ffsearch.search.evidence.finalists import choose, race
from ffsearch.search.evidence.intervals import score_intervals
from ffsearch.search.evidence.metrics import METRICS
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.network.heads import Task
from ffsearch.search.steps.weighing import RACE_REPEATS

N_HIDDEN = 50_000
SHARE = 0.2
N_FINALISTS, N_REPEATS, N_CONTROLS = 5, 5, 6


@dataclass
class World:
    """Rows, points and networks of one run.

    Args:
        task: Regression or binary.
        n_rows: Development rows.
        n_trials: Points.
        seed_spread: How much networks of one point differ, beside how much points differ.
        rng: Where it all comes from.
    """

    task: Task
    n_rows: int
    n_trials: int
    seed_spread: float
    rng: np.random.Generator
    own: dict[int, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Draw rows and points."""
        self.signal, self.truth, self.shared = self.rows(self.n_rows)
        self.error = 0.6 + 0.2 * np.abs(self.rng.standard_normal(self.n_trials))
        self.error[0] = 0.9  # the default point
        self.error = np.append(self.error, np.full(N_CONTROLS, 0.75))  # never searched

    def rows(self, n_rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Signal, truth and the error that all points share."""
        signal = 2 * self.rng.standard_normal(n_rows)
        noise = self.rng.standard_normal(n_rows)
        truth = (signal + noise)[:, None] if self.task is Task.REGRESSION else (noise < signal).astype(np.int64)
        return signal, truth, self.rng.standard_normal(n_rows)

    def scores(self, point: int, signal: np.ndarray, shared: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Answers of a fresh network of a point; its seed makes it a little better or worse everywhere, too."""
        luck = np.exp(0.1 * self.seed_spread * self.rng.standard_normal())
        fresh = self.seed_spread * self.rng.standard_normal(len(signal))
        out = signal + self.error[point] * luck * (np.sqrt(0.6) * shared + np.sqrt(0.2) * (own + fresh))
        if self.task is Task.REGRESSION:
            return out[:, None]
        second = 1 / (1 + np.exp(-1.5 * out))
        return np.column_stack([1 - second, second])

    def predictions(self, point: int, rows: np.ndarray) -> np.ndarray:
        """What a fresh network of a point answers to development rows."""
        if point not in self.own:
            self.own[point] = self.rng.standard_normal(self.n_rows)
        return self.scores(point, self.signal[rows], self.shared[rows], self.own[point][rows])

    def out_of_sample(self, objective: Objective, points: list[int], parts: list[np.ndarray]) -> OutOfSample:
        """A fresh network of every point on every part."""
        made = []
        for rows in parts:
            truth = self.truth[rows]
            each = [
                row_terms(self.task, objective.name, truth=truth, predictions=self.predictions(point, rows))
                for point in points
            ]
            made.append(Part(rows=rows, truth=truth, terms=np.stack(each)))
        return OutOfSample(objective=objective, parts=tuple(made))


def one_run(world: World, objective: Objective, *, n_folds: int) -> dict[str, float]:
    """Search, finalists, correction, refit, sealed test; what came of it."""
    rng, metric = world.rng, METRICS[world.task][objective.name]
    sign = objective.sign
    order = rng.permutation(world.n_rows)
    n_valid = round(SHARE * world.n_rows)
    parts = np.array_split(order, n_folds) if n_folds > 1 else [order[:n_valid]]
    search = world.out_of_sample(objective, list(range(world.n_trials)), parts)
    means = part_scores(search).mean(axis=1)
    ranked = np.argsort(sign * means)
    finalists = list(dict.fromkeys([*map(int, ranked[:N_FINALISTS]), 0]))
    fresh = [rng.permutation(world.n_rows)[:n_valid] for _ in range(N_REPEATS)]
    repeats = world.out_of_sample(objective, finalists, fresh)
    n_params = list(rng.permutation(len(finalists)) + 1)
    rule = {"n_params": n_params, "test_to_train": SHARE / (1 - SHARE)}
    left = race(sign * part_scores(repeats)[:, :RACE_REPEATS], n_left=-(-len(finalists) // 2), **rule)
    repeats = replace(repeats, parts=tuple(replace(part, terms=part.terms[left]) for part in repeats.parts))
    finalists, rule["n_params"] = [finalists[place] for place in left], [n_params[place] for place in left]
    winner = int(choose(sign * part_scores(repeats), **rule))
    naive = float(means[ranked[0]])
    of_search = correct_search(search, rng=rng, n_resamples=500)
    corrected = correct_repeats(repeats, winner=winner, naive=naive, rng=rng, n_resamples=500, **rule)
    signal, truth, shared = world.rows(N_HIDDEN + world.n_rows // 4)
    own = rng.standard_normal(len(signal))
    refitted = world.scores(finalists[winner], signal, shared, own)
    true = metric(truth[:N_HIDDEN], refitted[:N_HIDDEN])
    test_truth = truth[N_HIDDEN:]
    terms = row_terms(world.task, objective.name, truth=test_truth, predictions=refitted[N_HIDDEN:])[None]
    [(low, high)] = score_intervals(objective.name, truth=test_truth, terms=terms)
    controls = [world.n_trials + number for number in range(N_CONTROLS)]
    luck = [
        part_scores(world.out_of_sample(objective, controls, rows)).mean()
        - np.mean([metric(truth, world.scores(point, signal, shared, rng.permuted(own))) for point in controls])
        for rows in (parts, fresh)
    ]
    intervals = {"corrected": corrected.score, "bbc": of_search.score}
    held = {name: of.low <= true <= of.high for name, of in intervals.items()} | {"test": low <= true <= high}
    return {
        "naive": sign * (true - naive + luck[0]),
        "corrected": sign * (true - corrected.score.value + luck[1]),
        "bbc": sign * (true - of_search.score.value + luck[0]),
        "mean": sign * (true - part_scores(repeats)[winner].mean() + luck[1]),
        "width": (corrected.score.high - corrected.score.low) / max(high - low, 1e-12),
        **{f"held {name}": float(value) for name, value in held.items()},
    }


def main() -> None:
    """A line a setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--rows", type=int, nargs="+", default=[400, 1600, 6400])
    arguments = parser.parse_args()
    print(f"{'objective':18}{'rows':>6}{'folds':>6}{'seeds':>6}{'bias':>9}{'corr.':>7}{'mean':>7}{'BBC':>7}"
          f"{'held':>7}{'BBC':>6}{'test':>6}{'width':>7}")  # fmt: skip
    settings = [
        (task, Objective(name=metric, direction=direction), n_rows, n_folds, spread)
        for task, metric, direction in (
            (Task.BINARY, "log_loss", "minimize"),
            (Task.BINARY, "accuracy", "maximize"),
            (Task.BINARY, "roc_auc", "maximize"),
            (Task.REGRESSION, "rmse", "minimize"),
        )
        for n_rows in arguments.rows
        for n_folds, spread in ((1, 0.5), (1, 1.0), (5, 1.0))
    ]
    for number, (task, objective, n_rows, n_folds, spread) in enumerate(settings):
        found = []
        for run in range(arguments.runs):
            rng = np.random.default_rng([number, run])
            world = World(task=task, n_rows=n_rows, n_trials=arguments.trials, seed_spread=spread, rng=rng)
            found.append(one_run(world, objective, n_folds=n_folds))
        mean = {name: float(np.mean([run[name] for run in found])) for name in found[0]}
        shares = "".join(f"{mean[name] / mean['naive']:7.2f}" for name in ("corrected", "mean", "bbc"))
        held = f"{mean['held corrected']:7.0%}{mean['held bbc']:6.0%}{mean['held test']:6.0%}{mean['width']:7.2f}"
        print(f"{objective.name:18}{n_rows:6}{n_folds:6}{spread:6.1f}{mean['naive']:9.4f}{shares}{held}", flush=True)


if __name__ == "__main__":
    main()
