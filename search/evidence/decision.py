"""The answer in a word, decided by intervals, never by ranks.

    nothing       no model is shown to beat the one that knows nothing, by the objective or by a proper score, and a
                  gain worth having is not in sight
    linear        neither the network nor boosting gains as much as the margin over the linear model
    network       it gains more than the margin over the linear model, and boosting does not gain as much over it
    boosting      it gains more than the margin over both
    not_settled   the rows and seeds at hand cannot tell; what could is said

One rule makes all of these. Models stand in an order of preference: linear, network, boosting. The answer is the one
that is shown to beat every model before it, by more than the margin, and is shown to lose less than the margin to every
model after it. A model that met no rival is no answer.

What is shown at all says an interval that leaves out zero; with many rows any difference is, so that a gain has to be
larger than the margin, too. Not to be shown worse is not to be as good: few rows show nothing.

The facts are those of `facts.py`; `verdict.py` says them, and `settling.py` what would settle what is not settled.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ffsearch.search.evidence.facts import MODELS, Facts

__all__ = ["PROMISING", "VerdictCode", "decide"]

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
    if facts.is_one_unit:
        return VerdictCode.NOT_SETTLED
    if not facts.shown:
        promising = any(gain.value > 0 and gain.high > PROMISING * facts.room for gain in facts.over_dummy.values())
        learnt = any(gain.low > 0 for gain in facts.proper.values())
        return VerdictCode.NOT_SETTLED if promising or learnt else VerdictCode.NOTHING
    answer = next((name for name in MODELS if name in facts.shown and _is_answer(facts, name)), None)
    return VerdictCode.NOT_SETTLED if answer is None else VerdictCode(answer)


def _is_answer(facts: Facts, name: str) -> bool:
    """Whether a model beats all before it by more than the margin, and loses less than that to all after it."""
    place = MODELS.index(name)
    before = [gain for other in MODELS[:place] if (gain := facts.gain(name, other))]
    after = [gain for other in MODELS[place + 1 :] if (gain := facts.gain(other, name))]
    if not (before or after):  # it met no rival
        return False
    beats = all(gain.low > 0 and gain.value > facts.margin for gain in before)
    return beats and all(gain.high <= facts.margin for gain in after)
