"""Points of a space: the default one, those that lie inside, and the values a grid tries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ffsearch.search.network.defaults import DEFAULT_POINT
from ffsearch.search.network.topology import Numbers, Point
from ffsearch.spaces.parameters import ChoiceParameter, Fixed, FloatParameter, IntParameter, Parameter, Value

__all__ = ["Parameters", "contains", "default_point", "grid_values", "point_from_values", "searched", "ways_asked"]

Parameters = Mapping[str, Parameter]
"""Names under `space:` and what stands for them, as `SearchSpace.parameters` gives them."""

Searched = IntParameter | FloatParameter | ChoiceParameter


def searched(parameters: Parameters) -> dict[str, Searched]:
    """The parameters that are not fixed."""
    return {name: parameter for name, parameter in parameters.items() if not isinstance(parameter, Fixed)}


def point_from_values(values: Mapping[str, Value]) -> Point:
    """The point of a space's values; depth and width left out are the default point's, anything else left out is off.

    With `widths`, depth and width follow from them.
    """
    known: dict[str, Any] = {"depth": DEFAULT_POINT.depth, "width": DEFAULT_POINT.width, **values}
    widths = known.get("widths")
    if widths is not None:
        known |= {"depth": len(widths), "width": widths[0]}
    return Point.from_dict(known)


def default_point(parameters: Parameters) -> Point:
    """Trial 0: each parameter's own default, else that of `defaults.py` moved to the nearest value in the space."""
    return point_from_values({name: _default(name, parameter) for name, parameter in parameters.items()})


def contains(parameters: Parameters, point: Point) -> bool:
    """Whether a point lies in a space; what the space leaves out must be as `point_from_values` sets it."""
    values = {name: getattr(point, name) for name in parameters}
    inside = all(_allows(parameter, values[name]) for name, parameter in parameters.items())
    return inside and point_from_values(values) == point


def ways_asked(parameters: Parameters) -> frozenset[Numbers] | None:
    """The ways in which points may ask for the numbers of the table; None where the space does not say."""
    numbers = parameters.get("numbers")
    return None if numbers is None else frozenset(Numbers(str(value)) for value in grid_values(numbers))


def grid_values(parameter: Parameter) -> tuple[Value, ...]:
    """What a grid tries of one parameter: `n` numbers evenly between the bounds, all choices, and off where it can be.

    On a logarithmic scale evenly means by equal factors. Whole numbers are rounded, and each is tried once.
    """
    match parameter:
        case Fixed():
            return (parameter.value,)
        case ChoiceParameter():
            return parameter.values
        case IntParameter():
            return tuple(dict.fromkeys(round(number) for number in _between(parameter)))
        case FloatParameter():
            off = [0.0] if parameter.zero > 0 else []
            return tuple(dict.fromkeys([*off, *_between(parameter)]))


def _between(parameter: IntParameter | FloatParameter) -> list[float]:
    """`n` numbers from low to high, both among them exactly; a single one lies in the middle."""
    spaced = np.geomspace if parameter.log else np.linspace
    if parameter.n == 1:
        return [float(spaced(parameter.low, parameter.high, 3)[1])]
    inner = spaced(parameter.low, parameter.high, parameter.n)[1:-1]
    return [parameter.low, *map(float, inner), parameter.high]


def _default(name: str, parameter: Parameter) -> Value:
    if isinstance(parameter, Fixed):
        return parameter.value
    if parameter.default is not None:
        return parameter.default
    wanted: Any = getattr(DEFAULT_POINT, name)
    match parameter:
        case ChoiceParameter():
            return _nearest_choice(parameter.values, wanted)
        case IntParameter():
            return int(min(max(wanted, parameter.low), parameter.high))
        case FloatParameter():
            off = wanted == 0 and parameter.zero > 0
            return 0.0 if off else float(min(max(wanted, parameter.low), parameter.high))


def _nearest_choice(values: tuple[Value, ...], wanted: Any) -> Value:
    """The wanted value if it is there, else the nearest number, else the first: files list what they trust first."""
    if wanted in values:
        return values[values.index(wanted)]
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return min(numbers, key=lambda number: abs(number - wanted), default=values[0])


def _allows(parameter: Parameter, value: Any) -> bool:
    match parameter:
        case Fixed():
            return bool(value == parameter.value)
        case ChoiceParameter():
            return value in parameter.values
        case IntParameter():
            return bool(parameter.low <= value <= parameter.high)
        case FloatParameter():
            return bool(parameter.low <= value <= parameter.high or (value == 0 and parameter.zero > 0))
