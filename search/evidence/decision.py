"""The answer in a word, decided by intervals, never by ranks.

    nothing       no model is shown to beat the one that knows nothing, and a gain worth having is not in sight
    network       the network beats the linear model, and boosting is not shown to be better
    boosting      boosting beats the network
    linear        the network adds nothing worth having to the linear model
    not_settled   the rows and seeds at hand cannot tell; what could is said

The facts are those of `facts.py`; `verdict.py` says them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ffsearch.search.evidence.facts import Facts
from ffsearch.search.folder.results import Estimate

__all__ = ["VerdictCode", "decide", "is_above", "is_below"]

PROMISING: Final = 0.1
"""Share of the dummy's distance from a perfect score that is too large to call nothing while it cannot be excluded."""


class VerdictCode(StrEnum):
    """The answer in a word."""

    NETWORK = "network"
    BOOSTING = "boosting"
    LINEAR = "linear"
    NOTHING = "nothing"
    NOT_SETTLED = "not_settled"


def decide(facts: Facts) -> VerdictCode:
    """The code, from intervals alone."""
    if not facts.shown:
        promising = any(gain.value > 0 and gain.high > PROMISING * facts.room for gain in facts.over_dummy.values())
        return VerdictCode.NOT_SETTLED if promising else VerdictCode.NOTHING
    if "network" in facts.shown and _beats_linear(facts) and not _boosting_wins(facts):
        return VerdictCode.NETWORK
    if "boosting" in facts.shown and _boosting_wins(facts) and not is_below(facts.boosting_over_linear):
        return VerdictCode.BOOSTING
    if "linear" in facts.shown and _adds_nothing(facts) and not is_above(facts.boosting_over_linear):
        return VerdictCode.LINEAR
    return VerdictCode.NOT_SETTLED


def _beats_linear(facts: Facts) -> bool:
    return facts.over_linear is None or facts.over_linear.low > 0


def _boosting_wins(facts: Facts) -> bool:
    return is_below(facts.over_boosting)


def _adds_nothing(facts: Facts) -> bool:
    """Whether the network's gain over the linear model is shown to be less than is worth having."""
    gain = facts.over_linear
    return gain is not None and gain.low <= 0 and gain.high <= facts.margin


def is_above(gain: Estimate | None) -> bool:
    """Whether there is such a gain, and it is shown."""
    return gain is not None and gain.low > 0


def is_below(gain: Estimate | None) -> bool:
    """Whether there is such a gain, and it is shown to be a loss."""
    return gain is not None and gain.high < 0
