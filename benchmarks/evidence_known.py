"""Whether the evidence of whole runs is true, on tables where the truth is known or most rows are kept hidden.

    python benchmarks/evidence_known.py [--seeds 20] [--rows 1000] [--trials 6] [--truth linear radial noise steps]
    python benchmarks/evidence_known.py --truth --table adult.csv:income --table letter.tsv.gz:target --seeds 4

    linear   a logistic model of three of eight numbers: not `network` in 19 of 20
    radial   the class is inside or outside of a sphere of three of eight numbers: the network beats the linear model
    noise    the class is a coin: `nothing`
    steps    a sum of steps along four of eight numbers, with interactions: boosting is named better
    --table  a real table, of which as many rows are drawn; only coverage can be judged there

Each run is a search of few trials on the shipped space, made small, with evidence of 3 finalists and 3 repeats, from
a table of its own; table and search have the same seed. The true score of the refitted winner is taken on rows that the
run never saw: 20,000 drawn ones, or the rest of the real table. Printed: a line a run, for every truth how often the
verdict was right, and in the end how often the 95 % intervals of the corrected estimate and of the sealed test held the
true score, the biases of the naive and the corrected score, each in standard deviations of a sealed test's score, and
mean and standard deviation of z, the error in claimed standard deviations: hits cannot tell a bias from a width. Last
come the bars, each with what was reached, and how far chance alone may have moved it (two standard errors).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd

import ffsearch
from ffsearch.search.evidence.metrics import METRICS
from ffsearch.search.folder.results import Estimate
from ffsearch.search.folder.summary import Summary
from ffsearch.search.network.heads import Task
from ffsearch.search.serving.packaged import PackagedModel, load_packaged

N_FEATURES, N_HIDDEN = 8, 20_000
MISSED = " MISSED"
SETTINGS = {
    "space.depth.high": 3, "space.width.high": 64, "train.max_epochs": 40, "train.patience": 8,
    "evidence": "quick",
}  # fmt: skip

Truth = Callable[[np.ndarray, np.random.Generator], np.ndarray]


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


TRUTHS: dict[str, tuple[Truth, Callable[[Summary], bool]]] = {
    "linear": (linear, lambda summary: summary.verdict.code != "network"),
    "radial": (radial, lambda summary: _gain(summary, "linear").low > 0),
    "noise": (noise, lambda summary: summary.verdict.code == "nothing"),
    "steps": (steps, lambda summary: summary.verdict.code == "boosting"),
}


def _gain(summary: Summary, name: str) -> Estimate:
    return next(one.network_gain for one in summary.baselines if one.name == name)


@dataclass
class Case:
    """A table to run on, and rows that no run sees.

    Args:
        name: What it is.
        seen: The table.
        hidden: Rows with their truth.
        target: Its column.
        is_right: Whether a summary's verdict is right; None where nobody knows.
    """

    name: str
    seen: pd.DataFrame
    hidden: pd.DataFrame
    target: str
    is_right: Callable[[Summary], bool] | None


def drawn(name: str, *, seed: int, n_rows: int) -> Case:
    """A table of a known truth."""
    make, is_right = TRUTHS[name]
    rng = np.random.default_rng([seed, list(TRUTHS).index(name)])
    x = rng.standard_normal((n_rows + N_HIDDEN, N_FEATURES))
    frame = pd.DataFrame(x, columns=[f"x{number}" for number in range(N_FEATURES)]).assign(y=make(x, rng))
    return Case(name, frame[:n_rows], frame[n_rows:], "y", is_right)


def real(name: str, *, seed: int, n_rows: int) -> Case:
    """Some rows of a real table, the others hidden."""
    path, target = name.rsplit(":", 1)
    frame = pd.read_csv(path, sep="\t" if ".tsv" in path else ",").dropna(subset=[target])
    order = np.random.default_rng(seed).permutation(len(frame))
    seen, hidden = frame.iloc[order[:n_rows]], frame.iloc[order[n_rows : n_rows + N_HIDDEN]]
    return Case(Path(path).name, seen.reset_index(drop=True), hidden.reset_index(drop=True), target, None)


@dataclass
class Found:
    """What a run said, beside the truth; losses, so that larger is worse.

    Args:
        naive: Best score of the search.
        corrected: Value, low, high.
        test: Value, low, high.
        true: Score on the hidden rows.
        sd: Standard deviation of a sealed test's score, by its interval.
    """

    naive: float
    corrected: tuple[float, float, float]
    test: tuple[float, float, float]
    true: float
    sd: float


def judged(case: Case, *, seed: int, n_trials: int = 6) -> tuple[Summary, Found]:
    """Run on a case, and score the winner on the hidden rows."""
    with tempfile.TemporaryDirectory() as folder:
        run = ffsearch.run(
            "tabular", data=case.seen, target=case.target, out=Path(folder, "run"),
            overrides=SETTINGS | {"search.seed": seed, "search.trials": n_trials},
        )  # fmt: skip
        summary, true = run.results, true_score(run, case)
    evidence, objective = summary.evidence, summary.objective
    sign = objective.sign
    corrected, test = (
        tuple(sorted(sign * end for end in (part.low, part.value, part.high)))
        for part in (evidence.corrected, evidence.test)
    )
    return summary, Found(
        naive=sign * evidence.naive.value,
        corrected=(corrected[1], corrected[0], corrected[2]),
        test=(test[1], test[0], test[2]),
        true=true,
        sd=(test[2] - test[0]) / 3.92,
    )


def true_score(run: ffsearch.Run, case: Case) -> float:
    """The loss of a run's model on the hidden rows."""
    model, objective = load_packaged(run.path / "model" / "model.keras"), run.results.objective
    predictions = model.predictions(case.hidden.drop(columns=case.target))
    truth = case.hidden[[case.target]].to_numpy(np.float64) if model.task is Task.REGRESSION else _classes(case, model)
    return float(objective.sign * METRICS[model.task][objective.name](truth, predictions))


def _classes(case: Case, model: PackagedModel) -> np.ndarray:
    """Class numbers; -1 is a class that the run never saw."""
    numbers = {label: number for number, label in enumerate(model.labels)}
    return np.array([numbers.get(str(label), -1) for label in case.hidden[case.target]])


def cases(arguments: argparse.Namespace) -> Iterator[tuple[int, Case]]:
    """Seed by seed, so that a benchmark that is cut short has something of all."""
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        for name in arguments.truth:
            yield seed, drawn(name, seed=seed, n_rows=arguments.rows)
        for name in arguments.table:
            yield seed, real(name, seed=seed, n_rows=arguments.rows)


def main() -> None:
    """A line a run, then what came of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--truth", nargs="*", choices=list(TRUTHS), default=list(TRUTHS))
    parser.add_argument("--table", action="append", default=[], metavar="FILE:TARGET")
    right: dict[str, list[bool]] = {}
    codes: dict[str, Counter[str]] = {}
    found: dict[str, list[Found]] = {}
    arguments = parser.parse_args()
    for seed, case in cases(arguments):
        began = time.monotonic()
        summary, one = judged(case, seed=seed, n_trials=arguments.trials)
        found.setdefault(case.name, []).append(one)
        code = summary.verdict.code
        codes.setdefault(case.name, Counter())[code] += 1
        if case.is_right is not None:
            right.setdefault(case.name, []).append(case.is_right(summary))
        wrong = "WRONG" if case.is_right is not None and not right[case.name][-1] else ""
        gains = {name: _gain(summary, name) for name in ("dummy", "linear", "boosting")}
        told = " ".join(f"{name} {g.value:.3f} [{g.low:.3f} {g.high:.3f}]" for name, g in gains.items())
        held = "".join("+" if low <= one.true <= high else "-" for _, low, high in (one.corrected, one.test))
        print(f"{case.name:10.10}{seed:3} {code:12}{wrong:6}{told} naive {one.naive:.4f} corrected "
              f"{one.corrected[0]:.4f} test {one.test[0]:.4f} true {one.true:.4f} {held} "
              f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
    for name, ones in found.items():
        verdicts = f"right {sum(right[name])} of {len(right[name])}; " if name in right else ""
        print(f"{name}: {verdicts}{dict(codes[name])}; {_coverage(ones)}")
    everything = [one for ones in found.values() for one in ones]
    print(f"all: {_coverage(everything)}")
    for line in _bars(everything, right):
        print(line)


def _bars(found: list[Found], right: dict[str, list[bool]]) -> Iterator[str]:
    """The bars, each with what was reached."""
    for name, part in zip(("corrected", "sealed test"), _PARTS, strict=True):
        held = np.array([low <= one.true <= high for one in found for _, low, high in [part(one)]])
        yield _bar(f"the interval of the {name} holds the true score", held, least=0.93)
    z = np.array([(one.true - value) / ((high - low) / 3.92) for one in found for value, low, high in [_PARTS[0](one)]])
    error = 2 * z.std() / np.sqrt(len(z))
    missed = "" if abs(z.mean()) < 0.15 else MISSED
    yield f"bar: mean z of the corrected score within .15: {z.mean():+.2f} (+- {error:.2f}){missed}"
    for name, each in right.items():
        yield _bar(f"the verdict on {name} is right", np.array(each), least=0.95)


def _bar(what: str, hits: np.ndarray, *, least: float) -> str:
    share = float(hits.mean())
    error = 2 * np.sqrt(max(share * (1 - share), 0.02) / len(hits))
    return f"bar: {what} in {least:.0%}: {share:.1%} of {len(hits)} (+- {error:.1%}){'' if share >= least else MISSED}"


def _coverage(found: list[Found]) -> str:
    held = [np.mean([low <= one.true <= high for one in found for _, low, high in [part(one)]]) for part in _PARTS]
    naive = np.mean([(one.true - one.naive) / one.sd for one in found])
    corrected = np.mean([(one.true - one.corrected[0]) / one.sd for one in found])
    z = [
        [(one.true - value) / ((high - low) / 3.92) for one in found for value, low, high in [part(one)]]
        for part in _PARTS
    ]
    told = ", ".join(f"{np.mean(of):+.2f} (sd {np.std(of):.2f})" for of in z)
    return (
        f"held by corrected {held[0]:.1%}, by test {held[1]:.1%} of {len(found)}; bias naive {naive:+.2f} sd, "
        f"corrected {corrected:+.2f} sd; z of corrected and test {told}"
    )


_PARTS: tuple[Callable[[Found], tuple[float, float, float]], ...] = (lambda one: one.corrected, lambda one: one.test)


if __name__ == "__main__":
    main()
