"""How often the interval of two runs' difference on the same sealed rows holds the true difference.

    python benchmarks/coverage_pairs.py [--tables 1000] [--rows 60 200 1000]

Nothing is trained: truth and the answers of two networks are drawn, which share a part of their errors on a row and are
calibrated, too confident, or right but for rare confident errors; residuals are normal or heavy-tailed. Each network
gets the interval that a run's summary would hold, and the pair what the page of comparisons makes of both. Printed for
each: how often it holds the true difference, its median width beside that of two scores side by side, and how often a
difference of the wrong sign was shown.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.intervals import score_intervals
from ffsearch.search.evidence.metrics import METRICS, metric_values
from ffsearch.search.evidence.pairing import pairs_of, row_scores
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.evidence.units import Units
from ffsearch.search.folder.results import SealedScores
from ffsearch.search.network.heads import Task

N_TRUE = 1_000_000

Answers = Callable[[int, np.random.Generator], tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]]


@dataclass(frozen=True)
class Case:
    """Two networks of one kind: the metric they are judged by, and how truth and their answers are drawn."""

    name: str
    task: Task
    metric: str
    draw: Answers


def two(n_rows: int, shared: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal errors of two networks on the same rows, that share so much of their variance."""
    common, first, second = rng.standard_normal((3, n_rows))
    return tuple(math.sqrt(shared) * common + math.sqrt(1 - shared) * own for own in (first, second))


def _odds(odds: np.ndarray) -> np.ndarray:
    second = 1 / (1 + np.exp(-odds))
    return np.column_stack([1 - second, second])


def classes(*, positive: float, shared: float, sharpness: tuple[float, float], confidence: float) -> Answers:
    """Two classes; the two networks know the row's own log odds more or less sharply."""

    def draw(n_rows: int, rng: np.random.Generator) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        truth = (np.arange(n_rows) < round(positive * n_rows)).astype(np.int64)
        found = (
            _odds(confidence * sharp * ((2 * truth - 1) * sharp / 2 + error))
            for sharp, error in zip(sharpness, two(n_rows, shared, rng), strict=True)
        )
        return truth, tuple(found)

    return draw


def rarely_wrong(shares: tuple[float, float]) -> Answers:
    """Confident answers; where the better network is confidently wrong, the other is as well."""

    def draw(n_rows: int, rng: np.random.Generator) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        luck = rng.random(n_rows)
        sure = (0.999 * rng.beta(20, 1, n_rows) for _ in shares)
        wrong = (np.where(luck >= share, one, 1 - one) for share, one in zip(shares, sure, strict=True))
        return np.zeros(n_rows, np.int64), tuple(np.column_stack([one, 1 - one]) for one in wrong)

    return draw


def numbers(*, shared: float, scales: tuple[float, float], degrees: float = math.inf) -> Answers:
    """A target of nothing, and residuals; rows of heavy tails are hard for both."""

    def draw(n_rows: int, rng: np.random.Generator) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        hard = 1.0 if math.isinf(degrees) else np.sqrt(degrees / rng.chisquare(degrees, n_rows))
        residuals = (
            (scale * hard * error)[:, None] for scale, error in zip(scales, two(n_rows, shared, rng), strict=True)
        )
        return np.zeros((n_rows, 1)), tuple(residuals)

    return draw


CASES = (
    Case("calibrated", Task.BINARY, "log_loss", classes(positive=0.5, shared=0.8, sharpness=(1.6, 1.5), confidence=1)),
    Case("alike", Task.BINARY, "log_loss", classes(positive=0.5, shared=0.8, sharpness=(1.5, 1.5), confidence=1)),
    Case("confident", Task.BINARY, "log_loss", classes(positive=0.5, shared=0.5, sharpness=(1.6, 1.5), confidence=2.5)),
    Case("rarely wrong", Task.BINARY, "log_loss", rarely_wrong((0.02, 0.04))),
    Case("calibrated", Task.BINARY, "accuracy", classes(positive=0.5, shared=0.8, sharpness=(1.6, 1.5), confidence=1)),
    Case("rarely wrong", Task.BINARY, "accuracy", rarely_wrong((0.02, 0.04))),
    Case("a tenth", Task.BINARY, "roc_auc", classes(positive=0.1, shared=0.8, sharpness=(2.2, 2.0), confidence=1)),
    Case("normal", Task.REGRESSION, "rmse", numbers(shared=0.8, scales=(1.0, 1.1))),
    Case("heavy tails", Task.REGRESSION, "rmse", numbers(shared=0.8, scales=(1.0, 1.1), degrees=5)),
    Case("apart", Task.REGRESSION, "mae", numbers(shared=0.0, scales=(1.0, 1.0))),
)


def runs_of(case: Case, truth: np.ndarray, answers: tuple[np.ndarray, np.ndarray]) -> list[Any]:
    """What pairing reads of two finished runs that sealed these rows."""
    units = Units.of_rows(len(truth))
    terms = np.stack([row_terms(case.task, case.metric, truth=truth, predictions=one) for one in answers])
    ends = score_intervals(case.metric, truth=truth, terms=terms, units=units)
    direction = "minimize" if case.metric in ("log_loss", "rmse", "mae") else "maximize"
    runs = []
    for predictions, of_one, (low, high) in zip(answers, terms, ends, strict=True):
        value = metric_values(case.task, truth, predictions)[case.metric]
        results = SimpleNamespace(
            kind="search", task=case.task.value, data=SimpleNamespace(sha256="a"),
            objective=Objective(name=case.metric, direction=direction),
            evidence=SimpleNamespace(test=SealedScores(value=value, low=low, high=high, metrics={})),
        )  # fmt: skip
        kept = row_scores(rows=np.arange(len(truth)), truth=truth, terms=of_one, units=units)
        runs.append(SimpleNamespace(is_finished=True, results=results, sealed=kept))
    return runs


def main() -> None:
    """A line a case and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--rows", type=int, nargs="+", default=[60, 200, 1000])
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    print(f"{'metric':12}{'answers':15}{'rows':>6}{'true':>9}{'held':>8}{'width':>7}{'wrong sign':>12}")
    for case in CASES:
        truth, answers = case.draw(N_TRUE, rng)
        first, second = (METRICS[case.task][case.metric](truth, one) for one in answers)
        true = (second - first) * (1 if case.metric in ("log_loss", "rmse", "mae") else -1)
        for n_rows in arguments.rows:
            held, widths, wrong = [], [], 0
            for _ in range(arguments.tables):
                runs = runs_of(case, *case.draw(n_rows, rng))
                gain = pairs_of(runs)[0, 1]
                tests = [run.results.evidence.test for run in runs]
                held.append(gain.low <= true <= gain.high)
                widths.append((gain.high - gain.low) / math.hypot(*(test.high - test.low for test in tests)))
                wrong += (gain.low > 0 >= true) or (gain.high < 0 <= true)
            shares = f"{np.mean(held):8.1%}{np.median(widths):7.2f}{wrong / arguments.tables:12.1%}"
            print(f"{case.metric:12}{case.name:15}{n_rows:6}{true:9.4f}{shares}", flush=True)


if __name__ == "__main__":
    main()
