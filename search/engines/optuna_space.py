"""A space in Optuna's words: one distribution a parameter, which every sampler can model."""

from __future__ import annotations

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from ffsearch.search.engines.stretch import Stretched, lowest
from ffsearch.search.network.points import Parameters, Searched
from ffsearch.spaces.parameters import ChoiceParameter, FloatParameter, IntParameter

__all__ = ["OptunaSpace"]


class OptunaSpace(Stretched):
    """The searched parameters of a space as Optuna distributions; arguments and errors are those of `Stretched`."""

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self.distributions = {name: _distribution(name, parameter) for name, parameter in self.searched.items()}


def _distribution(name: str, parameter: Searched) -> BaseDistribution:
    match parameter:
        case IntParameter():
            return IntDistribution(parameter.low, parameter.high, log=parameter.log)
        case FloatParameter():
            return FloatDistribution(lowest(name, parameter), parameter.high, log=parameter.log)
        case ChoiceParameter():
            return CategoricalDistribution([v for v in parameter.values if not isinstance(v, tuple)])
