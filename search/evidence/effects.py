"""What a change of one thing does to the winner: deeper or wider, another activation, a regulariser on or off.

    winner -> partners, alike but for one thing -> trained in the same repeats -> paired differences, Holm's correction

Raw scatter of a search cannot answer this, for its points differ in everything at once. Partners must be compared with
the winner in repeats that did not choose it: the ones that did flatter it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import SIGNIFICANT
from ffsearch.search.base.numbers import compact
from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.comparison import holm, moderated, paired_over_repeats
from ffsearch.search.folder.results import Effect, Estimate
from ffsearch.search.network.points import Parameters, contains, searched
from ffsearch.search.network.topology import Activation, Point, n_params
from ffsearch.spaces.parameters import ChoiceParameter, FloatParameter, IntParameter

__all__ = ["EffectFinding", "Partner", "at_rates", "of_size", "partners", "weigh_effects"]

SAME_SIZE: Final = 0.05
"""How far the parameters of `deeper` and `wider` may be apart. choice: whole units of narrow layers allow no less."""

REGULARISERS: Final = (
    "batch_norm", "residual", "dropout", "l1", "l2", "bias_l1", "bias_l2", "activity_l1", "activity_l2", "weight_decay",
)  # fmt: skip


FAMILIES: Final = (
    (Activation.RELU, Activation.LEAKY_RELU, Activation.PRELU),  # two lines
    (Activation.SWISH, Activation.ELU, Activation.SELU),  # smooth, without bound on one side
    (Activation.TANH, Activation.SOFTSIGN),  # bounded
)
"""Activations that do much the same, the usual one first."""

RATE_FACTORS: Final = (1.0, 1 / 3, 3.0)
"""Learning rates of a deeper or wider network, times the winner's. choice: the steps of a usual grid of rates.

The rate that suits the winner need not suit a network of another depth: with it alone, "deeper or wider?" would mostly
say which of them that rate happens to suit.
"""

PRIORITY: Final = (
    "deeper", "wider", "dropout", "batch_norm", "residual", "activation", "l2", "l1", "shallower", "narrower",
)  # fmt: skip
"""Changes in the order people ask for them, where not all can be afforded; what is not named comes after them."""


@dataclass(frozen=True, kw_only=True)
class Partner:
    """The winner with one thing changed.

    Args:
        factor: What was changed: depth, width, activation, or a regulariser.
        change: To what, in words that stand in a table: `deeper`, `tanh`, `off`, `0.001`.
        point: The changed point.
        rates: Learning rates that were tried for it, its own among them; empty where it has the winner's.
    """

    factor: str
    change: str
    point: Point
    rates: tuple[float, ...] = ()


class EffectFinding(StrEnum):
    """What a change does."""

    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "not_shown"
    DIVERGED = "diverged"


# --- the partners ----------------------------------------------------------------------------------------------------


def partners(
    winner: Point, parameters: Parameters, *, n_features: int, n_outputs: int, max_params: int | None = None
) -> tuple[Partner, ...]:
    """The winner with one thing changed at a time, each inside the space, by `PRIORITY`; what is fixed is not asked.

    `deeper` has twice the layers; `wider` has the winner's layers and as many parameters as `deeper`, so that the two
    together answer "deeper or wider?" at equal size. Numbers that are off are switched on in the middle of their range.

    Args:
        winner: The point.
        parameters: The space.
        n_features: Columns of the matrix.
        n_outputs: Units of the output layer.
        max_params: Most parameters of a network, as `search.max_params` says; None: any.
    """
    size = {"n_features": n_features, "n_outputs": n_outputs}
    largest = math.inf if max_params is None else max_params
    found = [
        *_of_shape(winner, parameters, size),
        *_of_activation(winner, parameters),
        *_of_regularisers(winner, parameters),
    ]
    inside = sorted(
        (one for one in found if contains(parameters, one.point) and n_params(one.point, **size) <= largest),
        key=_priority,
    )
    seen = {winner.identity}
    distinct = []
    for one in inside:
        if one.point.identity not in seen:
            seen.add(one.point.identity)
            distinct.append(one)
    return tuple(distinct)


def at_rates(partner: Partner, parameters: Parameters) -> tuple[Partner, ...]:
    """A deeper or wider partner at several learning rates, the winner's first; by itself where rates are not searched.

    Args:
        partner: As `partners` gives it.
        parameters: The space.
    """
    if partner.change not in ("deeper", "wider") or "learning_rate" not in searched(parameters):
        return (partner,)
    points = [replace(partner.point, learning_rate=factor * partner.point.learning_rate) for factor in RATE_FACTORS]
    inside = [point for point in points if contains(parameters, point)]
    rates = tuple(sorted(point.learning_rate for point in inside))
    return tuple(replace(partner, point=point, rates=rates) for point in inside) if len(inside) > 1 else (partner,)


def _priority(partner: Partner) -> int:
    name = partner.change if partner.factor in ("depth", "width") else partner.factor
    return PRIORITY.index(name) if name in PRIORITY else len(PRIORITY)


def _of_shape(winner: Point, parameters: Parameters, size: dict[str, int]) -> Iterator[Partner]:
    if winner.widths is not None:
        return
    known = searched(parameters)
    highest = _highest(known.get("depth"))
    deeper = replace(winner, depth=min(2 * winner.depth, max(highest, winner.depth)))
    if "depth" in known:
        yield Partner(factor="depth", change="deeper", point=deeper)
        yield Partner(factor="depth", change="shallower", point=replace(winner, depth=max(1, winner.depth // 2)))
    if "width" in known:
        wider = of_size(winner, n_params(deeper, **size), size) if deeper != winner else None
        if wider is not None:
            yield Partner(factor="width", change="wider", point=wider)
        yield Partner(factor="width", change="narrower", point=replace(winner, width=max(1, winner.width // 2)))


def of_size(point: Point, wanted: int, size: dict[str, int]) -> Point | None:
    """The same layers, as wide as gives the wanted number of parameters; None where no width comes near."""
    low, high = point.width, point.width
    while n_params(replace(point, width=high), **size) < wanted:
        high *= 2
    while low < high:
        middle = (low + high) // 2
        if n_params(replace(point, width=middle), **size) < wanted:
            low = middle + 1
        else:
            high = middle
    near = min((low - 1, low), key=lambda width: abs(n_params(replace(point, width=width), **size) - wanted))
    found = replace(point, width=near)
    return found if abs(n_params(found, **size) / wanted - 1) <= SAME_SIZE else None


def _of_activation(winner: Point, parameters: Parameters) -> Iterator[Partner]:
    """One of every family that the winner's is not of: its first that the space has."""
    parameter = searched(parameters).get("activation")
    if not isinstance(parameter, ChoiceParameter):
        return
    for members in FAMILIES:
        there = [one for one in members if one in parameter.values]
        if there and winner.activation not in members:
            yield Partner(factor="activation", change=str(there[0]), point=replace(winner, activation=there[0]))


def _of_regularisers(winner: Point, parameters: Parameters) -> Iterator[Partner]:
    """Off where it is on, on where it is off; the space is asked later whether it allows that."""
    known = searched(parameters)
    for name in REGULARISERS:
        parameter = known.get(name)
        if parameter is None:
            continue
        if getattr(winner, name):
            off: Any = False if getattr(winner, name) is True else 0.0
            yield Partner(factor=name, change="off", point=replace(winner, **{name: off}))
        else:
            on = _middle(parameter)
            change = "on" if on is True else compact(on)
            yield Partner(factor=name, change=change, point=replace(winner, **{name: on}))


def _middle(parameter: IntParameter | FloatParameter | ChoiceParameter) -> Any:
    """The middle of what a regulariser may be when it is on."""
    if isinstance(parameter, ChoiceParameter):
        on: list[Any] = sorted(value for value in parameter.values if isinstance(value, int | float) and value)
        return on[len(on) // 2] if on else 0.0
    if parameter.log:
        return math.sqrt(parameter.low * parameter.high)
    return (parameter.low + parameter.high) / 2


def _highest(parameter: IntParameter | FloatParameter | ChoiceParameter | None) -> int:
    if isinstance(parameter, ChoiceParameter):
        return max(int(value) for value in parameter.values if isinstance(value, int))
    return 0 if parameter is None else int(parameter.high)


# --- weighing them ---------------------------------------------------------------------------------------------------


def weigh_effects(
    winner: NDArray[np.float64],
    changed: Sequence[Partner],
    scores: NDArray[np.float64],
    *,
    objective: Objective,
    test_to_train: float,
) -> tuple[Effect, ...]:
    """What every change does to the winner, and whether depth or width is the better use of more parameters.

    Args:
        winner: Its scores in repeats that did not choose it, shape (n_repeats,), at least two.
        changed: The partners.
        scores: Theirs in the same repeats, shape (n_partners, n_repeats); NaN where one diverged.
        objective: What the scores are.
        test_to_train: Validation rows per training row.

    Returns:
        One effect a partner in their order; where both are there, a last one of deeper against wider.
    """
    places = {one.change: place for place, one in enumerate(changed) if one.factor in ("depth", "width")}
    asked = [(one.factor, one.change, "winner", scores[place], winner) for place, one in enumerate(changed)]
    if {"deeper", "wider"} <= places.keys():
        asked.append(("depth", "deeper", "wider", scores[places["deeper"]], scores[places["wider"]]))
    weighed = _weighed([one - other for *_, one, other in asked], objective=objective, test_to_train=test_to_train)
    known = [place for place, (_, p_value) in enumerate(weighed) if not math.isnan(p_value)]
    adjusted = dict(zip(known, holm([weighed[place][1] for place in known]), strict=True))
    return tuple(
        Effect(
            factor=factor,
            change=change,
            against=against,
            **vars(weighed[place][0]),
            p_value=adjusted.get(place, math.nan),
            finding=_finding(weighed[place][0], adjusted.get(place)),
            learning_rate=changed[place].point.learning_rate if place < len(changed) and changed[place].rates else None,
            rates=changed[place].rates if place < len(changed) else (),
        )
        for place, (factor, change, against, *_) in enumerate(asked)
    )


def weigh_beside(
    winner: NDArray[np.float64],
    change: NDArray[np.float64],
    others: NDArray[np.float64],
    *,
    objective: Objective,
    test_to_train: float,
) -> Estimate:
    """What one more change does to the winner, its spread learnt beside those of others.

    Args:
        winner: Its scores in repeats that did not choose it, shape (n_repeats,), at least two.
        change: Those of the change in the same repeats.
        others: Those of other changes, shape (n_others, n_repeats); NaN where one diverged.
        objective: What the scores are.
        test_to_train: Validation rows per training row.

    Returns:
        NaN where the change diverged.
    """
    differences = [change - winner, *(other - winner for other in others)]
    return _weighed(differences, objective=objective, test_to_train=test_to_train)[0][0]


def _weighed(
    differences: Sequence[NDArray[np.float64]], *, objective: Objective, test_to_train: float
) -> list[tuple[Estimate, float]]:
    """Every difference with its p-value, both NaN where a network diverged; spreads are learnt from all the others."""
    unknown = Estimate(value=math.nan, low=math.nan, high=math.nan), math.nan
    known = [place for place, one in enumerate(differences) if np.isfinite(one).all()]
    weighed = [unknown] * len(differences)
    if known:
        spreads = moderated(np.stack([differences[place] for place in known]))
        for place, spread in zip(known, spreads, strict=True):
            weighed[place] = paired_over_repeats(
                differences[place],
                np.zeros_like(differences[place]),
                objective=objective,
                test_to_train=test_to_train,
                spread=spread,
            )
    return weighed


def _finding(difference: Estimate, p_value: float | None) -> EffectFinding:
    if p_value is None:
        return EffectFinding.DIVERGED
    if p_value >= SIGNIFICANT:
        return EffectFinding.NOT_SHOWN
    return EffectFinding.BETTER if difference.value > 0 else EffectFinding.WORSE
