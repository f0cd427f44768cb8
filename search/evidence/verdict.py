"""The answer in words: a code and sentences, decided by intervals, never by ranks.

    nothing       no model is shown to beat the one that knows nothing, and a gain worth having is not in sight
    network       the network beats the linear model, and boosting is not shown to be better
    boosting      boosting beats the network
    linear        the network adds nothing worth having to the linear model
    not_settled   the rows and seeds at hand cannot tell; what could is said

`decide` reads facts and gives the code; `verdict` adds the words, all of which stand in `ENGLISH`: another language is
another table with the same keys.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import TWO_SIDED
from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.comparison import paired_over_rows
from ffsearch.search.evidence.intervals import Interval
from ffsearch.search.evidence.terms import weighted_scores

__all__ = [
    "ENGLISH",
    "Facts",
    "Sentence",
    "Smaller",
    "Verdict",
    "VerdictCode",
    "decide",
    "facts_of_rows",
    "rounded",
    "spelled",
    "verdict",
]

RELEVANT: Final = 0.05
"""Share of what the best model gains over the dummy that is worth having. choice: a twentieth of the whole gain."""

PROMISING: Final = 0.1
"""Share of the dummy's distance from a perfect score that is too large to call nothing while it cannot be excluded."""

OFTEN: Final = 0.8
"""Share of resampled choices from which on the topology is called sure."""

SELDOM: Final = 0.4
"""Share of resampled choices below which the topology is called one of several."""

MOSTLY_SEEDS: Final = 0.5
"""Share of the variance that comes from seeds from which on more seeds are advised, not more rows."""

HOPELESS: Final = 20
"""Times the rows at hand from which on more rows are called out of reach."""


class VerdictCode(StrEnum):
    """The answer in a word."""

    NETWORK = "network"
    BOOSTING = "boosting"
    LINEAR = "linear"
    NOTHING = "nothing"
    NOT_SETTLED = "not_settled"


@dataclass(frozen=True, kw_only=True)
class Smaller:
    """The best finalist of fewer parameters than the winner.

    Args:
        topology: In one line of print.
        n_params: Its parameters.
        loss: How much worse than the winner it is, positive for worse, in the objective's unit.
    """

    topology: str
    n_params: int
    loss: Interval


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a verdict rests on. Differences are positive where the first one is better, in the objective's unit.

    Args:
        metric: Name of the objective.
        room: How far the dummy is from a perfect score.
        topology: The winner, in one line of print.
        n_params: Its parameters.
        n_rows: Rows the models were compared on.
        over_dummy: Gain over the dummy of `network`, `linear`, `boosting`, as far as there are: 95 % intervals that
            hold together.
        over_linear: Network over linear model; None without one.
        over_boosting: Network over boosting; None without it.
        boosting_over_linear: None without both.
        smaller: The best smaller finalist; None when there is none.
        chosen_again: Share of resampled choices that fell on the winner; None when there were no repeats.
        seed_share: Share of seeds in the variance of the network's score; None when it is not known.
        is_sealed: Whether they rest on rows that chose nothing.
    """

    metric: str
    room: float
    topology: str
    n_params: int
    n_rows: int
    over_dummy: Mapping[str, Interval]
    over_linear: Interval | None = None
    over_boosting: Interval | None = None
    boosting_over_linear: Interval | None = None
    smaller: Smaller | None = None
    chosen_again: float | None = None
    seed_share: float | None = None
    is_sealed: bool = True

    @property
    def over_baselines(self) -> dict[str, Interval]:
        """The network over each baseline it was compared with, the dummy left out."""
        found = {"linear": self.over_linear, "boosting": self.over_boosting}
        return {name: gain for name, gain in found.items() if gain is not None}

    @property
    def shown(self) -> frozenset[str]:
        """The models that are shown to beat the dummy."""
        return frozenset(name for name, gain in self.over_dummy.items() if gain.low > 0)

    @property
    def margin(self) -> float:
        """The smallest difference worth having."""
        return RELEVANT * max([0.0, *(gain.value for gain in self.over_dummy.values())])


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One sentence, before it is put into words.

    Args:
        key: Which one.
        values: What is to be filled in: numbers as they are, names of metrics and topologies.
    """

    key: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer.

    Args:
        code: In a word.
        text: In sentences.
        sentences: What the text is made of, so that it can be said in another language.
    """

    code: VerdictCode
    text: str
    sentences: tuple[Sentence, ...] = field(repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the sentences, in their order."""
        return tuple(sentence.key for sentence in self.sentences)


def facts_of_rows(
    objective: Objective,
    *,
    truth: NDArray[Any],
    terms: Mapping[str, NDArray[np.float32]],
    topology: str,
    n_params: int,
    rng: np.random.Generator,
    groups: NDArray[np.int64] | None = None,
    seed_sd: float | None = None,
    smaller: Smaller | None = None,
    chosen_again: float | None = None,
    n_rows: int | None = None,
    is_sealed: bool = True,
) -> Facts:
    """The facts of models that answered the same rows: the sealed test's, which chose none of them.

    Args:
        objective: What is compared.
        truth: Of these rows, as `row_terms` wants it.
        terms: Of every model, each of shape (n_rows, n_terms): `network` and `dummy`, and as far as there are `linear`
            and `boosting`.
        topology: The winner, in one line of print.
        n_params: Its parameters.
        rng: Where resamples of rows are drawn from.
        groups: Number of each row's group, shape (n_rows,), or None.
        seed_sd: Standard deviation of the network's true score from seed to seed: the verdict is about the topology,
            not about the luck of the one network that was refitted.
        smaller: The best smaller finalist.
        chosen_again: Share of resampled choices that fell on the winner.
        n_rows: How many different rows they are; None: each is there once.
        is_sealed: Whether these rows chose nothing.
    """
    places = {name: place for place, name in enumerate(terms)}
    stacked = np.stack(list(terms.values()))
    noise = [seed_sd or 0.0 if name == "network" else 0.0 for name in terms]

    def compared(
        pairs: Sequence[tuple[str, str]], n_together: int, seed_sds: Sequence[float] = noise
    ) -> list[Interval]:
        return paired_over_rows(
            objective,
            truth=truth,
            terms=stacked,
            pairs=[(places[one], places[other]) for one, other in pairs],
            rng=rng,
            groups=groups,
            seed_sds=seed_sds,
            n_together=n_together,
        )

    others = [name for name in terms if name != "dummy"]
    over_dummy = compared([(name, "dummy") for name in others], len(others))
    pairs = [(one, other) for one, other in _CONTESTS if one in places and other in places]
    contests = dict(zip(pairs, compared(pairs, 1), strict=True))
    ones = np.ones((1, len(truth)), np.float32)
    dummy = float(weighted_scores(objective.name, truth=truth, terms=terms["dummy"][None], weights=ones).item())
    return Facts(
        metric=objective.name,
        room=dummy if objective.is_lower_better else 1 - dummy,
        topology=topology,
        n_params=n_params,
        n_rows=len(truth) if n_rows is None else n_rows,
        over_dummy=dict(zip(others, over_dummy, strict=True)),
        over_linear=contests.get(_CONTESTS[0]),
        over_boosting=contests.get(_CONTESTS[1]),
        boosting_over_linear=contests.get(_CONTESTS[2]),
        smaller=smaller,
        chosen_again=chosen_again,
        is_sealed=is_sealed,
        seed_share=_seed_share(seed_sd, compared([("network", "dummy")], 1, [0.0] * len(terms))[0]),
    )


_CONTESTS: Final = (("network", "linear"), ("network", "boosting"), ("boosting", "linear"))


def _seed_share(seed_sd: float | None, of_rows: Interval) -> float | None:
    """Share of the variance that seeds bring, beside that of rows alone."""
    if seed_sd is None:
        return None
    row_sd = (of_rows.high - of_rows.low) / (2 * TWO_SIDED)
    return seed_sd**2 / (seed_sd**2 + row_sd**2) if seed_sd else 0.0


METRIC_NAMES: Final = {"rmse": "RMSE", "mae": "MAE", "roc_auc": "ROC AUC"}
"""Metrics that are written otherwise than with blanks."""

_Said = tuple[str, dict[str, Any]]


# --- the decision ----------------------------------------------------------------------------------------------------


def decide(facts: Facts) -> VerdictCode:
    """The code, from intervals alone."""
    if not facts.shown:
        promising = any(gain.value > 0 and gain.high > PROMISING * facts.room for gain in facts.over_dummy.values())
        return VerdictCode.NOT_SETTLED if promising else VerdictCode.NOTHING
    if "network" in facts.shown and _beats_linear(facts) and not _boosting_wins(facts):
        return VerdictCode.NETWORK
    if "boosting" in facts.shown and _boosting_wins(facts) and not _is_below(facts.boosting_over_linear):
        return VerdictCode.BOOSTING
    if "linear" in facts.shown and _adds_nothing(facts) and not _is_above(facts.boosting_over_linear):
        return VerdictCode.LINEAR
    return VerdictCode.NOT_SETTLED


def _beats_linear(facts: Facts) -> bool:
    return facts.over_linear is None or facts.over_linear.low > 0


def _boosting_wins(facts: Facts) -> bool:
    return _is_below(facts.over_boosting)


def _adds_nothing(facts: Facts) -> bool:
    """Whether the network's gain over the linear model is shown to be less than is worth having."""
    gain = facts.over_linear
    return gain is not None and gain.low <= 0 and gain.high <= facts.margin


def _is_above(gain: Interval | None) -> bool:
    return gain is not None and gain.low > 0


def _is_below(gain: Interval | None) -> bool:
    return gain is not None and gain.high < 0


# --- the words -------------------------------------------------------------------------------------------------------

ENGLISH: Final[Mapping[str, str]] = {
    "network": "A network is worth it here: {topology}.",
    "boosting": "Boosted trees are the better model here: they beat the best network found, {topology}.",
    "linear": "A network is not worth it here: a linear model is as good as the best one found, {topology}.",
    "nothing": "Nothing was found to learn here: no model is shown to be better than one that ignores the columns.",
    "not_settled": "It is not settled which model is best here; the best network found is {topology}.",
    "over_dummy": "The network is better than knowing nothing by {value} in {metric} ({low} to {high}, on {n_rows} "
    "rows).",
    "not_over_dummy": "The network is not shown to be better than knowing nothing: the gain in {metric} is {value} "
    "({low} to {high}, on {n_rows} rows).",
    "linear.ahead": "The network beats the linear model by {value} in {metric} ({low} to {high}).",
    "linear.level": "No difference to the linear model is shown: {value} in {metric} ({low} to {high}).",
    "linear.behind": "The linear model is better by {value} in {metric} ({low} to {high}).",
    "boosting.ahead": "The network beats boosted trees by {value} in {metric} ({low} to {high}).",
    "boosting.level": "No difference to boosted trees is shown: {value} in {metric} ({low} to {high}).",
    "boosting.behind": "Boosted trees are better by {value} in {metric} ({low} to {high}).",
    "boosting.over_linear": "Boosted trees beat the linear model by {value} in {metric} ({low} to {high}).",
    "sure": "The topology is sure as far as these rows go: chosen anew on resampled rows and seeds, it wins {share} of "
    "the time.",
    "fairly_sure": "Chosen anew on resampled rows and seeds, this topology wins {share} of the time.",
    "unsure": "The topology is one of several that are as good: chosen anew on resampled rows and seeds, it wins only "
    "{share} of the time.",
    "smaller.loses": "The best smaller network tried, {smaller}, is worse by {value} ({low} to {high}).",
    "smaller.level": "A smaller network tried, {smaller}, is not shown to be worse: {value} ({low} to {high}).",
    "smaller.none": "No smaller network was among the finalists.",
    "settle.rows": "What would settle it: about {n_needed} rows to compare on, instead of {n_rows}.",
    "settle.seeds": "What would settle it: more repeats, for {share} of the doubt comes from seeds, not from rows.",
    "meanwhile.linear": "Until then the linear model is the one to use: the simplest that none is shown to beat.",
    "meanwhile.boosting": "Until then boosted trees are the ones to use: they are not shown to be beaten.",
    "meanwhile.network": "Until then the network is the one to use: it is not shown to be beaten.",
    "on_validation": "No rows were sealed: all this rests on validation rows, which also chose the network and so "
    "flatter it.",
    "settle.far": "More rows can hardly settle it: the difference is so small beside the noise that more than {times} "
    "times as many would be needed.",
}  # fmt: skip
"""Every sentence by its key."""


def verdict(facts: Facts, *, words: Mapping[str, str] = ENGLISH) -> Verdict:
    """The code and its sentences.

    Args:
        facts: What was found.
        words: Every sentence by its key, in one language.
    """
    code = decide(facts)
    common = {"metric": facts.metric, "topology": facts.topology, "n_rows": facts.n_rows}
    sentences = tuple(Sentence(key=key, values=common | values) for key, values in _sentences(facts, code))
    return Verdict(code=code, text=" ".join(spelled(one, words=words) for one in sentences), sentences=sentences)


def spelled(sentence: Sentence, *, words: Mapping[str, str] = ENGLISH) -> str:
    """A sentence in words.

    Args:
        sentence: The sentence.
        words: Every sentence by its key, in one language.
    """
    given = dict(sentence.values)
    given["metric"] = METRIC_NAMES.get(given["metric"], str(given["metric"]).replace("_", " "))
    if "value" in given:
        given |= dict(zip(("value", "low", "high"), rounded(given["value"], given["low"], given["high"]), strict=True))
    if "share" in given:
        given["share"] = f"{given['share']:.0%}"
    given |= {name: f"{given[name]:,}" for name in ("n_rows", "n_needed") if name in given}
    return words[sentence.key].format(**given)


def rounded(value: float, low: float, high: float) -> tuple[str, str, str]:
    """A value and the ends of its interval, as digits that mean something: two of the interval's half width."""
    reach = (high - low) / 2
    if not math.isfinite(reach) or not reach:
        return f"{value + 0.0:.3g}", f"{low + 0.0:.3g}", f"{high + 0.0:.3g}"
    places = 1 - math.floor(math.log10(reach))
    shown = [round(number, places) + 0.0 for number in (value, low, high)]  # + 0.0: no sign before zero
    first, second, third = (f"{number:,.{max(0, places)}f}" for number in shown)
    return first, second, third


def _sentences(facts: Facts, code: VerdictCode) -> Iterator[_Said]:
    """In the order a reader asks: what, by how much, how sure, what a smaller one would lose, what would settle it."""
    yield str(code), {}
    yield from _of_gains(facts, code)
    if code in (VerdictCode.NETWORK, VerdictCode.BOOSTING, VerdictCode.NOT_SETTLED) and facts.shown:
        yield from _of_topology(facts)
    if code is VerdictCode.NOT_SETTLED:
        yield _what_settles(facts)
        yield from _meanwhile(facts)
    if not facts.is_sealed:
        yield "on_validation", {}


def _of_gains(facts: Facts, code: VerdictCode) -> Iterator[_Said]:
    own = facts.over_dummy["network"]
    yield "over_dummy" if own.low > 0 else "not_over_dummy", _shown(own)
    if code is VerdictCode.NOTHING:
        return
    for name, gain in (("linear", facts.over_linear), ("boosting", facts.over_boosting)):
        if gain is not None:
            key = "ahead" if gain.low > 0 else "behind" if gain.high < 0 else "level"
            yield f"{name}.{key}", _shown(_turned(gain) if key == "behind" else gain)
    if (
        facts.boosting_over_linear is not None
        and facts.boosting_over_linear.low > 0
        and code is not VerdictCode.NETWORK
    ):
        yield "boosting.over_linear", _shown(facts.boosting_over_linear)


def _of_topology(facts: Facts) -> Iterator[_Said]:
    again = facts.chosen_again
    if again is not None:
        yield "sure" if again >= OFTEN else "unsure" if again < SELDOM else "fairly_sure", {"share": again}
    smaller = facts.smaller
    if smaller is None:
        yield "smaller.none", {}
    else:
        key = "smaller.loses" if smaller.loss.low > 0 else "smaller.level"
        yield key, {"smaller": smaller.topology, **_shown(smaller.loss)}


def _meanwhile(facts: Facts) -> Iterator[_Said]:
    """What to use until it is settled: the simplest model that no other is shown to beat."""
    if "linear" in facts.shown and not _is_above(facts.over_linear) and not _is_above(facts.boosting_over_linear):
        yield "meanwhile.linear", {}
    elif "boosting" in facts.shown and not _is_above(facts.over_boosting):
        yield "meanwhile.boosting", {}
    elif "network" in facts.shown:
        yield "meanwhile.network", {}


def _what_settles(facts: Facts) -> _Said:
    """Rows until the widest doubt is narrower than the difference it is about, or seeds where doubt comes from them.

    An interval narrows with the root of the rows. It settles the matter once it leaves out either zero, if the
    difference is as it seems, or the smallest difference worth having.
    """
    if facts.seed_share is not None and facts.seed_share >= MOSTLY_SEEDS:
        return "settle.seeds", {"share": facts.seed_share}
    doubt = next(_doubts(facts), facts.over_dummy["network"])
    wanted = max(abs(doubt.value), facts.margin - abs(doubt.value))
    half = (doubt.high - doubt.low) / 2
    if half > wanted * math.sqrt(HOPELESS):
        return "settle.far", {"times": HOPELESS}
    return "settle.rows", {"n_needed": _rounded_up(facts.n_rows * (max(1.0, (half / wanted) ** 2) if wanted else 1.0))}


def _doubts(facts: Facts) -> Iterator[Interval]:
    """The comparisons that are not decided, in the order the decision asks for them."""
    for gain in (facts.over_linear, facts.over_boosting) if facts.shown else facts.over_dummy.values():
        if gain is not None and gain.low <= 0 <= gain.high:
            yield gain


def _turned(gain: Interval) -> Interval:
    return Interval(value=-gain.value, low=-gain.high, high=-gain.low)


def _shown(gain: Interval) -> dict[str, Any]:
    return {"value": gain.value, "low": gain.low, "high": gain.high}


def _rounded_up(count: float) -> int:
    """Two digits say as much as such a guess knows."""
    unit = int(10 ** max(0, math.floor(math.log10(count)) - 1))
    return math.ceil(count / unit) * unit
