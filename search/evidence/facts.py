"""What a verdict rests on: how much better each model is than each other one, on rows that chose none of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NotRequired, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.comparison import SeedSpread, paired_over_rows
from ffsearch.search.evidence.intervals import Elsewhere
from ffsearch.search.evidence.metrics import RowWeight
from ffsearch.search.evidence.terms import weighted_scores
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.folder.results import Averaged, Estimate

__all__ = ["CONTESTS", "MODELS", "AnsweredElsewhere", "Facts", "Known", "Smaller", "facts_of_rows"]

MODELS: Final = ("linear", "network", "boosting")
"""All that can be the answer, the preferred one first: the simplest, then what was asked for."""


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
    loss: Estimate


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a verdict rests on. Differences are positive where the first one is better, in the objective's unit.

    Args:
        metric: Name of the objective.
        room: How far the dummy is from a perfect score.
        margin: The smallest difference worth having, fixed before these rows were looked at.
        topology: The winner, in one line of print.
        n_params: Its parameters.
        n_rows: Rows the models were compared on.
        kind: What is independent among them.
        n_units: How many of these there are; None: as many as rows.
        over_dummy: Gain over the dummy of `network`, `linear`, `boosting`, as far as there are: 95 % intervals that
            hold together.
        over_linear: Network over linear model; None without one.
        over_boosting: Network over boosting; None without it.
        boosting_over_linear: None without both.
        proper: Gains over the dummy in the log loss, where the objective is another; empty else.
        smaller: The best smaller finalist; None when there is none.
        chosen_again: Share of resampled choices that fell on the winner; None when there were no repeats.
        seeds: How far the network's true score scatters from seed to seed; None when it is not known.
        is_sealed: Whether they rest on rows that chose nothing.
        averaged: Of a network that is the mean of several, what that gains over one; None where one network answers.
    """

    metric: str
    room: float
    margin: float
    topology: str
    n_params: int
    n_rows: int
    over_dummy: Mapping[str, Estimate]
    kind: UnitKind = UnitKind.ROWS
    n_units: int | None = None
    over_linear: Estimate | None = None
    over_boosting: Estimate | None = None
    boosting_over_linear: Estimate | None = None
    proper: Mapping[str, Estimate] = field(default_factory=dict)
    smaller: Smaller | None = None
    chosen_again: float | None = None
    seeds: SeedSpread | None = None
    is_sealed: bool = True
    averaged: Averaged | None = None

    @property
    def over_baselines(self) -> dict[str, Estimate]:
        """The network over each baseline it was compared with, the dummy left out."""
        found = {"linear": self.over_linear, "boosting": self.over_boosting}
        return {name: gain for name, gain in found.items() if gain is not None}

    @property
    def shown(self) -> frozenset[str]:
        """The models that are shown to beat the dummy."""
        return frozenset(name for name, gain in self.over_dummy.items() if gain.low > 0)

    @property
    def is_one_unit(self) -> bool:
        """Whether a single group or block was sealed, which says nothing of others."""
        return any(math.isnan(gain.low) for gain in self.over_dummy.values())

    @property
    def missing(self) -> tuple[str, ...]:
        """The rivals that were not compared."""
        return tuple(name for name in MODELS if name not in self.over_dummy)

    def gain(self, one: str, other: str) -> Estimate | None:
        """How much one model gains over another; None where they were not compared."""
        known = {
            ("network", "linear"): self.over_linear,
            ("network", "boosting"): self.over_boosting,
            ("boosting", "linear"): self.boosting_over_linear,
        }
        if (one, other) in known:
            return known[one, other]
        turned = known[other, one]
        return None if turned is None else Estimate(value=-turned.value, low=-turned.high, high=-turned.low)


class Known(TypedDict):
    """The facts that are known beside the rows, as `Facts` has them."""

    topology: str
    n_params: int
    margin: float
    seeds: NotRequired[SeedSpread | None]
    smaller: NotRequired[Smaller | None]
    chosen_again: NotRequired[float | None]
    is_sealed: NotRequired[bool]


@dataclass(frozen=True, kw_only=True, eq=False)
class AnsweredElsewhere:
    """What the models answered to other rows that they had not learnt from: those of the finalists' repeats.

    Args:
        truth: Of these rows, as `row_terms` wants it.
        terms: Of every model, as far as there are, each of shape (n_rows, n_terms).
        proper: The same of the log loss, of classes whose objective is another.
        n_units: How many of the rows are independent.
        weight: What each row weighs; None: all alike.
    """

    truth: NDArray[Any]
    terms: Mapping[str, NDArray[np.float32]]
    n_units: int
    proper: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    weight: RowWeight = None

    def of(self, names: Iterable[str], *, by: Objective, objective: Objective) -> Elsewhere | None:
        """The predictions of some models, in their order; None where one of them gave none.

        Args:
            names: Of the models.
            by: What they are compared by.
            objective: What `terms` are of.
        """
        terms = self.terms if by == objective else self.proper
        if any(name not in terms for name in names):
            return None
        stacked = np.stack([terms[name] for name in names])
        return Elsewhere(truth=self.truth, terms=stacked, n_units=self.n_units, weight=self.weight)


def facts_of_rows(
    objective: Objective,
    *,
    truth: NDArray[Any],
    terms: Mapping[str, NDArray[np.float32]],
    units: Units | None = None,
    proper: Mapping[str, NDArray[np.float32]] | None = None,
    elsewhere: AnsweredElsewhere | None = None,
    n_rows: int | None = None,
    weight: RowWeight = None,
    **known: Unpack[Known],
) -> Facts:
    """The facts of models that answered the same rows: the sealed test's, which chose none of them.

    Args:
        objective: What is compared.
        truth: Of these rows, as `row_terms` wants it.
        terms: Of every model, each of shape (n_rows, n_terms): `network` and `dummy`, and as far as there are `linear`
            and `boosting`.
        units: What is independent; None: every row by itself.
        proper: Terms of the log loss, of classes whose objective is another.
        elsewhere: What the models answered to other rows, as far as that is known.
        n_rows: How many different rows they are; None: each is there once.
        weight: What each row weighs, shape (n_rows,); None: all alike.
        known: What is known beside the rows. The verdict is about the topology, not about the luck of the one network
            that was refitted, so that the spread from seed to seed is part of its intervals.
    """
    units = units or Units.of_rows(len(truth))
    seeds = known.get("seeds")

    def compared(
        of: Mapping[str, NDArray[np.float32]], pairs: Sequence[tuple[str, str]], n_together: int, by: Objective
    ) -> list[Estimate]:
        places = {name: place for place, name in enumerate(of)}
        return paired_over_rows(
            by,
            truth=truth,
            terms=np.stack(list(of.values())),
            pairs=[(places[one], places[other]) for one, other in pairs],
            units=units,
            seeds=[seeds if name == "network" and by == objective else None for name in of],
            n_together=n_together,
            elsewhere=elsewhere.of(of, by=by, objective=objective) if elsewhere else None,
            weight=weight,
        )

    others = [name for name in terms if name != "dummy"]
    with_dummy = [(name, "dummy") for name in others]
    pairs = [(one, other) for one, other in CONTESTS if one in terms and other in terms]
    contests = dict(zip(pairs, compared(terms, pairs, 1, objective), strict=True))
    in_proper = compared(proper, with_dummy, len(others), _LOG_LOSS) if proper else []
    return Facts(
        metric=objective.name,
        room=_room(objective, truth, terms["dummy"], weight),
        n_rows=len(truth) if n_rows is None else n_rows,
        kind=units.kind,
        n_units=units.n_units,
        over_dummy=dict(zip(others, compared(terms, with_dummy, len(others), objective), strict=True)),
        over_linear=contests.get(CONTESTS[0]),
        over_boosting=contests.get(CONTESTS[1]),
        boosting_over_linear=contests.get(CONTESTS[2]),
        proper=dict(zip(others, in_proper, strict=False)),
        **known,
    )


def _room(objective: Objective, truth: NDArray[Any], dummy: NDArray[np.float32], weight: RowWeight) -> float:
    """How far the dummy is from a perfect score."""
    ones = np.ones((1, len(truth)), np.float32)
    scores = weighted_scores(objective.name, truth=truth, terms=dummy[None], weights=ones, weight=weight)
    score = float(scores.item())
    return score if objective.is_lower_better else 1 - score


CONTESTS: Final = (("network", "linear"), ("network", "boosting"), ("boosting", "linear"))
"""Who is compared with whom, beside the dummy."""

_LOG_LOSS: Final = Objective(name="log_loss", direction="minimize")
