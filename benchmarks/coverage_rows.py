"""How often the interval of a score on a test part holds the true score, for predictions whose true score is known.

    python benchmarks/coverage_rows.py [--tables 2000] [--rows 30 100 200 1000]

Nothing is trained: truth and predictions are drawn from a model of a network that is calibrated, too confident, or
right but for rare confident errors; residuals are normal, heavy-tailed, or of a spread that differs from row to row.
Printed for each: how often percentiles of resamples, Student's interval and the one that ships hold the true score, and
the median width of the last beside the first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ffsearch.search.evidence.intervals import score_intervals
from ffsearch.search.evidence.metrics import METRICS
from ffsearch.search.evidence.terms import row_influences, row_terms, row_weights, weighted_scores
from ffsearch.search.network.heads import Task

N_TRUE, N_RESAMPLES = 2_000_000, 1000

Draw = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Case:
    """Answers of one kind: the metric they are judged by, and how truth and predictions are drawn."""

    name: str
    task: Task
    metric: str
    draw: Draw


def classes(*, positive: float, sharpness: float, confidence: float) -> Draw:
    """Two classes, a fixed share of them the second; the predictions' log odds are so many times the true ones."""

    def draw(n_rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        truth = (np.arange(n_rows) < round(positive * n_rows)).astype(np.int64)
        odds = sharpness * ((2 * truth - 1) * sharpness / 2 + rng.standard_normal(n_rows))
        second = 1 / (1 + np.exp(-confidence * odds))
        return truth, np.column_stack([1 - second, second])

    return draw


def rarely_wrong(share: float) -> Draw:
    """Confident answers, of which a share is confidently wrong."""

    def draw(n_rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        sure = 0.999 * rng.beta(20, 1, n_rows)
        right = rng.random(n_rows) >= share
        return np.zeros(n_rows, np.int64), np.column_stack(
            [np.where(right, sure, 1 - sure), np.where(right, 1 - sure, sure)]
        )

    return draw


def numbers(residuals: Callable[[int, np.random.Generator], np.ndarray]) -> Draw:
    """A target of nothing and its residuals."""
    return lambda n_rows, rng: (np.zeros((n_rows, 1)), residuals(n_rows, rng)[:, None])


def uneven(n_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Normal residuals, of a spread that is itself drawn for every row."""
    return rng.standard_normal(n_rows) * np.exp(0.7 * rng.standard_normal(n_rows))


CASES = (
    Case("calibrated", Task.BINARY, "log_loss", classes(positive=0.5, sharpness=1.5, confidence=1.0)),
    Case("too confident", Task.BINARY, "log_loss", classes(positive=0.5, sharpness=1.5, confidence=2.5)),
    Case("rarely wrong", Task.BINARY, "log_loss", rarely_wrong(0.03)),
    Case("easy", Task.BINARY, "accuracy", rarely_wrong(0.05)),
    Case("very easy", Task.BINARY, "accuracy", rarely_wrong(0.01)),
    Case("a tenth", Task.BINARY, "balanced_accuracy", classes(positive=0.1, sharpness=1.5, confidence=1.0)),
    Case("a tenth", Task.BINARY, "roc_auc", classes(positive=0.1, sharpness=2.5, confidence=1.0)),
    Case("normal", Task.REGRESSION, "rmse", numbers(lambda n, rng: rng.standard_normal(n))),
    Case("heavy tails", Task.REGRESSION, "rmse", numbers(lambda n, rng: rng.standard_t(5, n))),
    Case("uneven", Task.REGRESSION, "rmse", numbers(uneven)),
)


def ends(case: Case, truth: np.ndarray, terms: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Of every table the ends of each kind of interval, shape (n_tables, 2)."""
    weights = row_weights(N_RESAMPLES, len(truth), rng=rng)
    yield np.nanquantile(
        weighted_scores(case.metric, truth=truth, terms=terms, weights=weights), [0.025, 0.975], axis=0
    ).T
    from scipy.stats import t as student

    added = row_influences(case.metric, truth=truth, terms=terms)
    reach = student.ppf(0.975, len(truth) - 1) * added.std(axis=1, ddof=1) / np.sqrt(len(truth))
    yield added.mean(axis=1)[:, None] + np.outer(reach, [-1, 1])
    yield np.array(score_intervals(case.metric, truth=truth, terms=terms))


def main() -> None:
    """A line a case and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=2000)
    parser.add_argument("--rows", type=int, nargs="+", default=[30, 100, 200, 1000])
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    print(f"{'metric':18}{'answers':15}{'rows':>6}{'percentiles':>13}{'Student':>9}{'shipped':>9}{'width':>7}")
    for case in CASES:
        true = METRICS[case.task][case.metric](*case.draw(N_TRUE, rng))
        for n_rows in arguments.rows:
            drawn = [case.draw(n_rows, rng) for _ in range(arguments.tables)]
            truth = drawn[0][0]
            terms = [
                row_terms(case.task, case.metric, truth=truth, predictions=predictions) for _, predictions in drawn
            ]
            found = list(ends(case, truth, np.stack(terms), rng))
            held = [np.mean((low <= true) & (true <= high)) for low, high in (of.T for of in found)]
            width = np.median(np.ptp(found[2], axis=1)) / np.median(np.ptp(found[0], axis=1))
            shares = f"{held[0]:13.1%}{held[1]:9.1%}{held[2]:9.1%}"
            print(f"{case.metric:18}{case.name:15}{n_rows:6}{shares}{width:7.2f}", flush=True)


if __name__ == "__main__":
    main()
