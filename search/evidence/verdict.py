"""The verdict in findings: what, by how much, how sure, what a smaller network would lose, what would settle it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ffsearch.search.evidence.decision import VerdictCode, decide
from ffsearch.search.evidence.facts import Facts
from ffsearch.search.evidence.settling import HOPELESS, settles
from ffsearch.search.folder.of_model import of_average
from ffsearch.search.folder.results import Estimate
from ffsearch.search.folder.verdict import Verdict
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["verdict"]

OFTEN: Final = 0.8
"""Share of resampled choices from which on the topology is called sure."""

SELDOM: Final = 0.4
"""Share of resampled choices below which the topology is called one of several."""


def verdict(facts: Facts) -> Verdict:
    """What was found, decided and ready to be said in any language."""
    decision = decide(facts)
    return Verdict.of_findings(decision, _findings(facts, decision))


def _findings(facts: Facts, decision: VerdictCode) -> Iterator[Finding]:
    topology = {} if decision is VerdictCode.NOTHING else {"topology": facts.topology}
    yield found(Code[f"ANSWER_{decision.name}"], **topology)
    if facts.averaged is not None and decision is not VerdictCode.NOTHING:
        yield of_average(facts.averaged, facts.metric)
    yield from _of_gains(facts, decision)
    if decision in (VerdictCode.NETWORK, VerdictCode.BOOSTING, VerdictCode.NOT_SETTLED) and facts.shown:
        yield from _of_topology(facts)
    if decision is VerdictCode.NOT_SETTLED:
        yield from _what_settles(facts)
        yield from _until_settled(facts)
    if not facts.is_sealed:
        yield found(Code.NOTHING_SEALED)


def _of_gains(facts: Facts, decision: VerdictCode) -> Iterator[Finding]:
    if facts.is_one_unit:
        return
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
    for name in facts.missing:
        yield found(Code.NOT_COMPARED, name)
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
    if "linear" in facts.shown and not _is_above(facts.over_linear) and not _is_above(facts.boosting_over_linear):
        yield found(Code.UNTIL_SETTLED, "linear")
    elif "boosting" in facts.shown and not _is_above(facts.over_boosting):
        yield found(Code.UNTIL_SETTLED, "boosting")
    elif "network" in facts.shown:
        yield found(Code.UNTIL_SETTLED, "network")


def _what_settles(facts: Facts) -> Iterator[Finding]:
    needed = settles(facts)
    match needed.what:
        case "rows" | "groups" if facts.is_one_unit:
            yield found(Code.ONE_UNIT_SEALED, str(facts.kind))
        case "rows" if needed.n_needed is not None:
            yield found(Code.WHAT_SETTLES, "rows", n_needed=needed.n_needed, n_rows=facts.n_rows)
        case "groups" if needed.n_needed is not None and facts.n_units is not None:
            yield found(Code.WHAT_SETTLES, "groups", n_needed=needed.n_needed, n_groups=facts.n_units)
        case "seeds" if needed.share is not None:
            yield found(Code.WHAT_SETTLES, "seeds", share=needed.share)
        case "far":
            yield found(Code.WHAT_SETTLES, "far", times=HOPELESS)
        case "score":
            model, gain = max(facts.proper.items(), key=lambda one: one[1].low)
            yield _found(Code.LEARNT_UNSEEN, model, gain, metric=facts.metric)


def _is_above(gain: Estimate | None) -> bool:
    return gain is not None and gain.low > 0


def _turned(gain: Estimate) -> Estimate:
    return Estimate(value=-gain.value, low=-gain.high, high=-gain.low)


def _found(code: Code, form: str, gain: Estimate, **values: str | int) -> Finding:
    """A finding about a difference, which is said with its interval."""
    return found(code, form, value=gain.value, low=gain.low, high=gain.high, **values)
