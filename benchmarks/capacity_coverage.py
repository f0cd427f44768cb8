"""How often the intervals of the capacity study hold what they promise, on simulated scores with a known effect.

    python benchmarks/capacity_coverage.py [N_SIMULATIONS]

No network is trained. Two cells answer the same rows with the same seeds; the difference between them has a part of the
seed, a part of the row, and a part of both, drawn from normal laws whose sizes every regime fixes. Beside our interval
stands what plain resampling of seeds and rows gives, the percentile form of the hierarchical bootstrap.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.objective import Objective
from ffsearch.search.capacity.contrasts import Scores, contrast, resampled_scores

EFFECT = 0.3
N_SIMULATIONS = 1000


@dataclass(frozen=True, kw_only=True)
class Regime:
    """Standard deviations of the parts of a difference, and how much there is of each."""

    name: str
    seed: float
    row: float
    rest: float
    n_seeds: int = 5
    n_rows: int = 400


REGIMES = (
    Regime(name="rows alone", seed=0.0, row=1.0, rest=0.0),
    Regime(name="seeds alone", seed=0.1, row=0.0, rest=0.01),
    Regime(name="seeds and rows together", seed=0.0, row=0.0, rest=1.0),
    Regime(name="all alike", seed=0.05, row=1.0, rest=1.0),
    Regime(name="mostly seeds", seed=0.2, row=1.0, rest=1.0),
    Regime(name="mostly rows", seed=0.02, row=1.0, rest=0.5),
    Regime(name="three seeds", seed=0.05, row=1.0, rest=1.0, n_seeds=3),
    Regime(name="ten seeds", seed=0.05, row=1.0, rest=1.0, n_seeds=10),
)


def simulated(regime: Regime, rng: np.random.Generator) -> Scores:
    """Scores of two cells, of which the second is better by `EFFECT`."""
    shape = (regime.n_seeds, regime.n_rows)
    difference = (
        EFFECT
        + regime.seed * rng.standard_normal((regime.n_seeds, 1))
        + regime.row * rng.standard_normal((1, regime.n_rows))
        + regime.rest * rng.standard_normal(shape)
    )
    common = rng.standard_normal((1, regime.n_rows)) + 0.3 * rng.standard_normal(shape)
    terms = np.stack([common, common - difference]).astype(np.float32)[..., None]  # losses: less is better
    truth = np.zeros(regime.n_rows)
    return resampled_scores(Objective(name="mae", direction="minimize"), truth=truth, terms=terms, rng=rng)


def percentile_interval(scores: Scores, rng: np.random.Generator) -> NDArray[np.float64]:
    """The hierarchical bootstrap as it is usually written: seeds drawn with replacement on every resample of rows."""
    n_resamples, _, n_seeds = scores.resampled.shape
    difference = scores.resampled[:, 1] - scores.resampled[:, 0]
    drawn = rng.integers(n_seeds, size=(n_resamples, n_seeds))
    return np.quantile(np.take_along_axis(difference, drawn, axis=1).mean(axis=1), [0.025, 0.975])


def coverage(regime: Regime, *, n_simulations: int, seed: int = 0) -> tuple[float, float]:
    """Shares of simulations in which our interval, and the percentile one, hold the effect."""
    rng = np.random.default_rng(seed)
    held = np.zeros((n_simulations, 2))
    for number in range(n_simulations):
        scores = simulated(regime, rng)
        low, high = contrast(scores, [-1.0, 1.0]).interval()
        plain_low, plain_high = percentile_interval(scores, rng)
        held[number] = low <= EFFECT <= high, plain_low <= EFFECT <= plain_high
    ours, plain = held.mean(axis=0)
    return float(ours), float(plain)


def main() -> None:
    """Print a line a regime."""
    n_simulations = int(sys.argv[1]) if len(sys.argv) > 1 else N_SIMULATIONS
    print(f"{'regime':<26} {'ours':>7} {'percentile':>11}   ({n_simulations} simulations, nominal 0.95)")
    for regime in REGIMES:
        ours, plain = coverage(regime, n_simulations=n_simulations)
        print(f"{regime.name:<26} {ours:>7.3f} {plain:>11.3f}", flush=True)


if __name__ == "__main__":
    main()
