"""One dimension a parameter, whatever the point, and how values of a space go there and back.

A float that may be off has no category beside it: its range is stretched below `low`, and what falls there means off.

        off              on                 log or linear scale; the stretch takes a share `zero` of the whole,
    |--------|---------------------|        so a uniform draw is off with exactly that chance
   lowest   low                  high

All of the stretch means the same network, so its values are moved to its middle: what an engine is told of a point can
then be rebuilt from the point alone.
"""

from __future__ import annotations

import math
from typing import Any, Final

from ffsearch.errors import SpaceError
from ffsearch.search.network.points import Parameters, Searched, point_from_values, searched
from ffsearch.search.network.topology import Point
from ffsearch.spaces.parameters import ChoiceParameter, Fixed, FloatParameter, IntParameter

__all__ = ["Stretched", "lowest"]

SMALLEST: Final = 1e-280
"""choice: a stretch that ends above it stays clear of float64's smallest numbers, also in products of two."""


class Stretched:
    """The searched parameters of a space, floats stretched.

    Args:
        parameters: The space.

    Raises:
        SpaceError: If a `zero` is so near 1 that the stretch of a logarithmic range leaves the floating-point numbers.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.searched = searched(parameters)
        self._fixed = {name: parameter.value for name, parameter in parameters.items() if isinstance(parameter, Fixed)}
        for name, parameter in self.searched.items():
            if isinstance(parameter, FloatParameter):
                lowest(name, parameter)

    def off_words(self) -> str:
        """What a reader of the parameters must know: below which value each of them means off."""
        can_be_off = {n: p for n, p in self.searched.items() if isinstance(p, FloatParameter) and p.zero > 0}
        return ", ".join(f"{name} below {parameter.low:g} means off" for name, parameter in can_be_off.items())

    @property
    def n_points(self) -> float:
        """How many points there are; infinite with a float among them."""
        return math.prod(map(_n_values, self.searched.values()))

    def point(self, params: dict[str, Any]) -> Point:
        """The point that an engine's parameters mean."""
        values = {name: _decoded(parameter, params[name]) for name, parameter in self.searched.items()}
        return point_from_values(self._fixed | values)

    def params(self, point: Point) -> dict[str, Any]:
        """An engine's parameters for a point; `snapped` ones, so that both directions agree."""
        return {name: self._encoded(name, getattr(point, name)) for name in self.searched}

    def snapped(self, name: str, param: Any) -> Any:
        """A drawn parameter, moved to the middle of the stretch if it lies there."""
        return self._encoded(name, _decoded(self.searched[name], param))

    def _encoded(self, name: str, value: Any) -> Any:
        parameter = self.searched[name]
        if isinstance(parameter, FloatParameter) and value < parameter.low:
            return _off(name, parameter)
        return str(value) if isinstance(value, str) else value


def lowest(name: str, parameter: FloatParameter) -> float:
    """Where the stretch begins; `low` itself where the parameter cannot be off.

    Raises:
        SpaceError: If that is no floating-point number.
    """
    ratio = parameter.zero / (1 - parameter.zero)
    if not parameter.log:
        return parameter.low - ratio * (parameter.high - parameter.low)
    begin = float(parameter.low * (parameter.low / parameter.high) ** ratio)
    if begin < SMALLEST:
        raise SpaceError(
            f"space.{name}.zero: {parameter.zero} is too near 1 for a range from {parameter.low} to {parameter.high}. "
            "Give it a smaller zero, a higher low, or write 0 to switch it off for good."
        )
    return begin


def _off(name: str, parameter: FloatParameter) -> float:
    """The middle of the stretch, on the parameter's scale."""
    begin = lowest(name, parameter)
    return math.sqrt(begin * parameter.low) if parameter.log else (begin + parameter.low) / 2


def _decoded(parameter: Searched, param: Any) -> Any:
    """The value that a sampler's number stands for: numbers below the range's `low` mean that the parameter is off."""
    return 0.0 if isinstance(parameter, FloatParameter) and param < parameter.low else param


def _n_values(parameter: Searched) -> float:
    match parameter:
        case IntParameter():
            return parameter.high - parameter.low + 1
        case FloatParameter():
            return math.inf
        case ChoiceParameter():
            return len(parameter.values)
