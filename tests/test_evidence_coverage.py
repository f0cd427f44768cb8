"""How often intervals of paired differences hold the true one, on tables whose truth is known: nominally in 95 %.

Every case is 2,000 tables. The bar is 92 %; percentiles of resampled rows, which decided before, held 84 % of five
groups, 83 and 67 % of rows whose losses remember each other, 74 % of a table three times over, 78 % where one model
errs rarely and with confidence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from ffsearch.search.base.objective import Objective
from ffsearch.search.data.splits import Guide
from ffsearch.search.evidence.comparison import paired_over_rows
from ffsearch.search.evidence.intervals import Elsewhere, score_intervals
from ffsearch.search.evidence.metrics import PROBABILITY_FLOOR
from ffsearch.search.evidence.units import UnitKind, Units, units_of

N_TABLES = 2_000
LARGEST = -np.log(PROBABILITY_FLOOR)

Losses = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Case:
    """Two models' losses on the rows of a table, each of shape (n_tables, n_rows), and how much the second loses."""

    metric: str
    draw: Callable[[np.random.Generator, int], Losses]
    units: Units
    true: float


def clustered(n_groups: int, *, n_rows: int = 40, icc: float = 0.1) -> Case:
    """Differences of a normal law, some of it shared by the rows of a group."""

    def draw(rng: np.random.Generator, n_tables: int) -> Losses:
        shared = np.repeat(rng.standard_normal((n_tables, n_groups)), n_rows, axis=1)
        own = rng.standard_normal((n_tables, n_groups * n_rows))
        return np.zeros_like(own), np.sqrt(icc) * shared + np.sqrt(1 - icc) * own

    return Case("mae", draw, Units.of_labels(UnitKind.GROUPS, np.repeat(np.arange(n_groups), n_rows)), 0.0)


def remembering(rho: float, *, n_rows: int = 200) -> Case:
    """Differences by time, each like the one before."""

    def draw(rng: np.random.Generator, n_tables: int) -> Losses:
        noise = rng.standard_normal((n_tables, n_rows))
        losses = noise.copy()
        for row in range(1, n_rows):
            losses[:, row] = rho * losses[:, row - 1] + np.sqrt(1 - rho**2) * noise[:, row]
        return np.zeros_like(losses), losses

    guide = Guide(moments=np.arange(n_rows, dtype=float))
    return Case("mae", draw, units_of(guide, np.arange(n_rows)), 0.0)


def tripled(n_rows: int = 120) -> Case:
    """Every row three times."""

    def draw(rng: np.random.Generator, n_tables: int) -> Losses:
        one, other = (np.tile(rng.exponential(size=(n_tables, n_rows)), 3) for _ in range(2))
        return one, other

    guide = Guide(copies=np.tile(np.arange(n_rows), 3))
    return Case("mae", draw, units_of(guide, np.arange(3 * n_rows)), 0.0)


def skewed(n_rows: int = 60) -> Case:
    """Two exponential losses."""

    def draw(rng: np.random.Generator, n_tables: int) -> Losses:
        return rng.exponential(size=(n_tables, n_rows)), rng.exponential(size=(n_tables, n_rows))

    return Case("mae", draw, Units.of_rows(n_rows), 0.0)


def rarely_wrong(*, sure: float, error: float, other: float, share: float = 0.03, n_rows: int = 114) -> Case:
    """One model errs rarely and dearly, and is sure of itself elsewhere; the other is seldom sure. All exponential.

    Args:
        sure: Mean loss of the first where it is right.
        error: Its mean loss where it errs.
        other: Mean loss of the second.
        share: Share of rows where the first errs.
        n_rows: Rows of a table.
    """

    def draw(rng: np.random.Generator, n_tables: int) -> Losses:
        size = n_tables, n_rows
        errs = rng.random(size) < share
        first = np.where(errs, rng.exponential(error, size), rng.exponential(sure, size))
        return np.minimum(first, LARGEST), np.minimum(rng.exponential(other, size), LARGEST)

    first, second = draw(np.random.default_rng(99), 20_000)
    return Case("log_loss", draw, Units.of_rows(n_rows), float((second - first).mean()))


def calibrated(spread: float, *, n_rows: int = 114) -> Case:
    """Two models, each as sure as it may be, that differ by chance alone; no error of theirs is dearer than it says."""

    def draw(rng: np.random.Generator, n_tables: int) -> Losses:
        odds = spread * rng.standard_normal((n_tables, n_rows))
        sign = np.where(rng.random(odds.shape) < 1 / (1 + np.exp(-odds)), 1, -1)
        one, other = (np.logaddexp(0, -sign * (odds + rng.standard_normal(odds.shape))) for _ in range(2))
        return np.minimum(one, LARGEST), np.minimum(other, LARGEST)

    return Case("log_loss", draw, Units.of_rows(n_rows), 0.0)


CASES = {
    "5 groups of 40": clustered(5),
    "8 groups of 40": clustered(8),
    "memory .3": remembering(0.3),
    "memory .6": remembering(0.6),
    "three times over": tripled(),
    "rare confident errors": rarely_wrong(sure=0.05, error=5.0, other=0.2),
    "rarer, surer": rarely_wrong(sure=0.02, error=6.0, other=0.15, share=0.02),
    "two exponential losses": skewed(),
}


def intervals(case: Case, *, beside: bool = False) -> NDArray[np.float64]:
    """Ends of the interval of every table, shape (n_tables, 2).

    Args:
        case: What is drawn.
        beside: Whether both models have answered as many other rows, too.
    """
    drawn, others = (np.stack(case.draw(np.random.default_rng(seed), N_TABLES), axis=1) for seed in (0, 1))
    ends = []
    for losses, more in zip(drawn.astype(np.float32)[..., None], others.astype(np.float32)[..., None], strict=True):
        truth = np.zeros(losses.shape[1])
        [found] = paired_over_rows(
            Objective(name=case.metric, direction="minimize"),
            truth=truth,
            terms=losses,
            pairs=[(0, 1)],
            units=case.units,
            elsewhere=Elsewhere(truth=truth, terms=more, n_units=len(truth)) if beside else None,
        )
        ends.append((found.low, found.high))
    return np.array(ends)


def held(case: Case, ends: NDArray[np.float64]) -> float:
    """Share of tables whose interval holds the true difference."""
    return float(np.mean((ends[:, 0] <= case.true) & (case.true <= ends[:, 1])))


@pytest.mark.parametrize("name", CASES)
def test_intervals_of_differences_hold_the_truth(name: str) -> None:
    case = CASES[name]
    assert held(case, intervals(case)) >= 0.92


DEAR = {
    "rare confident errors": rarely_wrong(sure=0.05, error=5.0, other=0.2),
    "rarer, surer": rarely_wrong(sure=0.02, error=6.0, other=0.15, share=0.02),
    "far too sure, one in a hundred": rarely_wrong(sure=0.001, error=7.0, other=0.1, share=0.01),
    "far too sure, one in fifty": rarely_wrong(sure=0.001, error=7.0, other=0.1, share=0.02),
    "calibrated and sure": calibrated(8.0),
    "calibrated": calibrated(3.0),
}
"""What errors that were not seen may do, and what they cannot do."""


@pytest.mark.parametrize("name", DEAR)
def test_other_rows_tell_of_errors_that_these_did_not_see(name: str) -> None:
    case = DEAR[name]
    assert held(case, intervals(case, beside=True)) >= 0.92


def test_where_other_rows_saw_no_dear_error_intervals_are_far_narrower() -> None:
    case = DEAR["calibrated and sure"]
    alone, beside = (np.median(np.ptp(intervals(case, beside=beside), axis=1)) for beside in (False, True))
    assert beside < alone / 2


@pytest.mark.parametrize("name", DEAR)
def test_a_loss_is_held_by_its_interval_and_never_shown_to_be_nothing(name: str) -> None:
    """The first model's own loss on sealed rows, with as many others beside: neither end is missed for the other."""
    case = DEAR[name]
    true = float(case.draw(np.random.default_rng(99), 20_000)[0].mean())
    drawn, others = (case.draw(np.random.default_rng(seed), N_TABLES)[0].astype(np.float32) for seed in (0, 1))
    truth = np.zeros(drawn.shape[1])
    ends = np.array(
        [
            score_intervals(
                "log_loss",
                truth=truth,
                terms=losses[None, :, None],
                elsewhere=Elsewhere(truth=truth, terms=more[None, :, None], n_units=len(truth)),
            )[0]
            for losses, more in zip(drawn, others, strict=True)
        ]
    )
    assert (ends[:, 0] > 0).all()
    assert np.mean(ends[:, 0] > true) <= 0.035
    assert np.mean((ends[:, 0] <= true) & (true <= ends[:, 1])) >= 0.92
