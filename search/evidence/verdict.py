"""The verdict in findings: what, by how much, how sure, what a smaller network would lose, what would settle it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from ffsearch.search.evidence.decision import VerdictCode, decide, is_above
from ffsearch.search.evidence.facts import Facts
from ffsearch.search.folder.results import Estimate
from ffsearch.search.folder.verdict import Verdict
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["verdict"]

OFTEN: Final = 0.8
"""Share of resampled choices from which on the topology is called sure."""

SELDOM: Final = 0.4
"""Share of resampled choices below which the topology is called one of several."""

MOSTLY_SEEDS: Final = 0.5
"""Share of the variance that comes from seeds from which on more seeds are advised, not more rows."""

HOPELESS: Final = 20
"""Times the rows at hand from which on more rows are called out of reach."""


def verdict(facts: Facts) -> Verdict:
    """What was found, decided and ready to be said in any language."""
    decision = decide(facts)
    return Verdict.of_findings(decision, _findings(facts, decision))


def _findings(facts: Facts, decision: VerdictCode) -> Iterator[Finding]:
    topology = {} if decision is VerdictCode.NOTHING else {"topology": facts.topology}
    yield found(Code[f"ANSWER_{decision.name}"], **topology)
    yield from _of_gains(facts, decision)
    if decision in (VerdictCode.NETWORK, VerdictCode.BOOSTING, VerdictCode.NOT_SETTLED) and facts.shown:
        yield from _of_topology(facts)
    if decision is VerdictCode.NOT_SETTLED:
        yield _what_settles(facts)
        yield from _until_settled(facts)
    if not facts.is_sealed:
        yield found(Code.NOTHING_SEALED)


def _of_gains(facts: Facts, decision: VerdictCode) -> Iterator[Finding]:
    own = facts.over_dummy["network"]
    form = "shown" if own.low > 0 else "not_shown"
    yield _found(Code.OVER_NOTHING, form, own, metric=facts.metric, n_rows=facts.n_rows)
    if decision is VerdictCode.NOTHING:
        return
    contests = ((Code.NETWORK_OVER_LINEAR, facts.over_linear), (Code.NETWORK_OVER_BOOSTING, facts.over_boosting))
    for code, gain in contests:
        if gain is not None:
            form = "ahead" if gain.low > 0 else "behind" if gain.high < 0 else "level"
            yield _found(code, form, _turned(gain) if form == "behind" else gain, metric=facts.metric)
    between = facts.boosting_over_linear
    if between is not None and between.low > 0 and decision is not VerdictCode.NETWORK:
        yield _found(Code.BOOSTING_OVER_LINEAR, "", between, metric=facts.metric)


def _of_topology(facts: Facts) -> Iterator[Finding]:
    again = facts.chosen_again
    if again is not None:
        form = "sure" if again >= OFTEN else "unsure" if again < SELDOM else "fairly"
        yield found(Code.TOPOLOGY_SURE, form, share=again)
    smaller = facts.smaller
    if smaller is None:
        yield found(Code.SMALLER_NETWORK, "none")
    else:
        form = "worse" if smaller.loss.low > 0 else "level"
        yield _found(Code.SMALLER_NETWORK, form, smaller.loss, smaller=smaller.topology)


def _until_settled(facts: Facts) -> Iterator[Finding]:
    """What to use until it is settled: the simplest model that no other is shown to beat."""
    if "linear" in facts.shown and not is_above(facts.over_linear) and not is_above(facts.boosting_over_linear):
        yield found(Code.UNTIL_SETTLED, "linear")
    elif "boosting" in facts.shown and not is_above(facts.over_boosting):
        yield found(Code.UNTIL_SETTLED, "boosting")
    elif "network" in facts.shown:
        yield found(Code.UNTIL_SETTLED, "network")


def _what_settles(facts: Facts) -> Finding:
    """Rows until the widest doubt is narrower than the difference it is about, or seeds where doubt comes from them.

    An interval narrows with the root of the rows. It settles the matter once it leaves out either zero, if the
    difference is as it seems, or the smallest difference worth having.
    """
    if facts.seed_share is not None and facts.seed_share >= MOSTLY_SEEDS:
        return found(Code.WHAT_SETTLES, "seeds", share=facts.seed_share)
    doubt = next(_doubts(facts), facts.over_dummy["network"])
    wanted = max(abs(doubt.value), facts.margin - abs(doubt.value))
    half = (doubt.high - doubt.low) / 2
    if half > wanted * math.sqrt(HOPELESS):
        return found(Code.WHAT_SETTLES, "far", times=HOPELESS)
    n_needed = _rounded_up(facts.n_rows * (max(1.0, (half / wanted) ** 2) if wanted else 1.0))
    return found(Code.WHAT_SETTLES, "rows", n_needed=n_needed, n_rows=facts.n_rows)


def _doubts(facts: Facts) -> Iterator[Estimate]:
    """The comparisons that are not decided, in the order the decision asks for them."""
    for gain in (facts.over_linear, facts.over_boosting) if facts.shown else facts.over_dummy.values():
        if gain is not None and gain.low <= 0 <= gain.high:
            yield gain


def _turned(gain: Estimate) -> Estimate:
    return Estimate(value=-gain.value, low=-gain.high, high=-gain.low)


def _found(code: Code, form: str, gain: Estimate, **values: str | int) -> Finding:
    """A finding about a difference, which is said with its interval."""
    return found(code, form, value=gain.value, low=gain.low, high=gain.high, **values)


def _rounded_up(count: float) -> int:
    """Two digits say as much as such a guess knows."""
    unit = int(10 ** max(0, math.floor(math.log10(count)) - 1))
    return math.ceil(count / unit) * unit
