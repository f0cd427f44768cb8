"""A space in KerasTuner's words, and the readable names under which its own tuners search it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras_tuner

from ffsearch.search.engines.stretch import Stretched, lowest
from ffsearch.search.network.points import Parameters, Searched, default_point
from ffsearch.search.network.topology import Point
from ffsearch.spaces.parameters import ChoiceParameter, FloatParameter, IntParameter, Value

__all__ = ["KerasTunerSpace", "with_values"]


class KerasTunerSpace(Stretched):
    """The searched parameters of a space as KerasTuner's hyperparameters; arguments and errors are `Stretched`'s.

    What KerasTuner gives back is not always inside its own bounds, nor of the type it was given: a logarithmic whole
    number can be one above the highest, and a choice of booleans comes back as 0 or 1. `point` mends both.
    """

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._defaults = self.params(default_point(parameters))
        self.hyperparameters = keras_tuner.HyperParameters()
        self.register(self.hyperparameters)

    def register(self, hyperparameters: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Name every searched parameter to KerasTuner, and learn the values it has for them now."""
        return {
            name: _registered(hyperparameters, name, parameter, default=self._defaults[name])
            for name, parameter in self.searched.items()
        }

    def point(self, params: Mapping[str, Any]) -> Point:
        """The point that KerasTuner's values mean; names of its own, `tuner/...`, are left out."""
        return super().point({name: _inside(parameter, params[name]) for name, parameter in self.searched.items()})


def with_values(hyperparameters: keras_tuner.HyperParameters, values: Mapping[str, Any]) -> keras_tuner.HyperParameters:
    """A copy that holds these values."""
    copied = hyperparameters.copy()
    copied.values = dict(values)
    return copied


def _registered(hyperparameters: keras_tuner.HyperParameters, name: str, parameter: Searched, *, default: Any) -> Any:
    match parameter:
        case IntParameter():
            scale = "log" if parameter.log else "linear"
            return hyperparameters.Int(name, parameter.low, parameter.high, sampling=scale, default=default)
        case FloatParameter():
            scale = "log" if parameter.log else "linear"
            low = lowest(name, parameter)
            return hyperparameters.Float(name, low, parameter.high, sampling=scale, default=default)
        case ChoiceParameter():
            values = _of_one_type(parameter.values)
            return hyperparameters.Choice(name, values, default=values[parameter.values.index(default)])


def _of_one_type(values: tuple[Value, ...]) -> list[Any]:
    """A choice's values as KerasTuner takes them, which refuses whole numbers beside others: [0, 0.1]."""
    return [float(value) if isinstance(value, int) else value for value in values] if _mixed(values) else list(values)


def _mixed(values: tuple[Value, ...]) -> bool:
    return len({type(value) for value in values}) > 1


def _inside(parameter: Searched, param: Any) -> Any:
    match parameter:
        case IntParameter():
            return min(max(int(param), parameter.low), parameter.high)
        case FloatParameter():
            return min(float(param), parameter.high)
        case ChoiceParameter():
            return next(value for value in parameter.values if value == param)
