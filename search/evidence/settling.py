"""What would settle what is not settled: how many more rows or groups, or something else than rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from ffsearch.search.base.confidence import CONFIDENCE, TWO_SIDED
from ffsearch.search.evidence.decision import PROMISING
from ffsearch.search.evidence.facts import CONTESTS, Facts
from ffsearch.search.evidence.units import UnitKind
from ffsearch.search.folder.results import Estimate

__all__ = ["HOPELESS", "Settles", "settles"]

POWER: Final = 0.8
"""Chance that the rows told would settle it. choice: the usual one."""

HOPELESS: Final = 20
"""Times the rows at hand from which on more rows are called out of reach."""


@dataclass(frozen=True, kw_only=True)
class Settles:
    """What would settle what is not settled.

    Args:
        what: `rows`, `groups`, `seeds` (more rows alone would not), `far` (more than `HOPELESS` times as many),
            `rivals` (which were not compared) or `score` (another objective).
        n_needed: So many of them would, with a chance of `POWER`; None where it is no number.
        share: Share of seeds in the doubt; None where it is not about them.
    """

    what: str
    n_needed: int | None = None
    share: float | None = None


def settles(facts: Facts) -> Settles:
    """What would settle it, aimed at the margin and not at the difference that happened to be observed.

    With so many rows a gain of the margin would be told from none, and none from the margin, in `POWER` of all such
    tables. What rows or groups leave open shrinks with the root of their number; what seeds add stays.
    """
    unit = "groups" if facts.kind is UnitKind.GROUPS else "rows"
    if facts.is_one_unit:
        return Settles(what=unit)
    doubts = list(_doubts(facts))
    if not doubts:
        return Settles(what="rivals" if facts.shown else "score")
    target = facts.margin if facts.shown else PROMISING * facts.room
    allowed = (target / (TWO_SIDED + NormalDist().inv_cdf(POWER))) ** 2
    seeds = 0.0 if facts.seeds is None else facts.seeds.sd**2
    shares = [seeds / (seeds + of_rows) for of_rows, with_seeds in doubts if with_seeds and seeds >= allowed > 0]
    if shares:
        return Settles(what="seeds", share=min(shares))
    times = max(of_rows / (allowed - seeds * with_seeds) if allowed else math.inf for of_rows, with_seeds in doubts)
    if times > HOPELESS:
        return Settles(what="far")
    n_had = facts.n_rows if unit == "rows" or facts.n_units is None else facts.n_units
    return Settles(what=unit, n_needed=_rounded_up(n_had * max(1.0, times)))


def _doubts(facts: Facts) -> Iterator[tuple[float, bool]]:
    """Of every comparison that is open the variance that rows bring, and whether seeds bring some, too."""
    if facts.shown:
        open_ = {pair: gain for pair in CONTESTS if (gain := facts.gain(*pair)) and not _is_clear(gain, facts.margin)}
    elif facts.proper and any(gain.low > 0 for gain in facts.proper.values()):
        open_ = {}
    else:
        open_ = {("network", "dummy"): facts.over_dummy["network"]}
    quantile = _reach_of_a_mean(facts)
    for (one, _), gain in open_.items():
        with_seeds = one == "network" and facts.seeds is not None
        reach = facts.seeds.reach((1 - CONFIDENCE) / 2) if with_seeds and facts.seeds is not None else 0.0
        yield max(0.0, ((gain.high - gain.low) / 2) ** 2 - reach**2) / quantile**2, with_seeds


def _is_clear(gain: Estimate, margin: float) -> bool:
    """Whether a difference is shown and worth having, or shown not to be."""
    larger = not gain.low <= 0 <= gain.high and abs(gain.value) > margin
    return larger or (-margin <= gain.low and gain.high <= margin)


def _reach_of_a_mean(facts: Facts) -> float:
    """Standard errors that half an interval is wide."""
    from scipy.special import stdtrit

    n_units = facts.n_rows if facts.n_units is None else facts.n_units
    return float(stdtrit(n_units - 1, (1 + CONFIDENCE) / 2))


def _rounded_up(count: float) -> int:
    """Two digits say as much as such a guess knows."""
    unit = int(10 ** max(0, math.floor(math.log10(count)) - 1))
    return math.ceil(count / unit) * unit
