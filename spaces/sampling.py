"""Which sampler belongs to which engine, and what else of `search:` goes with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ffsearch.spaces.faults import Fault, one_of

__all__ = ["CONCURRENCY", "SAMPLERS", "sampling_faults"]

SAMPLERS: Final[Mapping[str, tuple[str, ...]]] = {
    "optuna": ("tpe", "random", "gp", "cmaes", "qmc", "grid", "nsga2"),
    "keras-tuner": ("bayesian", "hyperband", "random", "grid"),
}
"""Samplers by engine."""

CONCURRENCY: Final = 4
"""Networks that are in training at a time.

choice: twice the cores of a small machine, so that none waits for another's epoch to be recorded, and few enough that a
sampler learns from what it is told; a constant, so that the order of results is the same on every machine.
"""

_OWN_ROUNDS: Final = "hyperband"
"""The sampler that itself says how long a trial is trained."""


def sampling_faults(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[Fault]:
    """A sampler of the other engine, a pruner beside a sampler that has its own rounds.

    Args:
        given: The section `search:`, unchecked.
        defaults: What its keys are when they are left out.

    Yields:
        Faults with paths relative to the section.
    """
    engine, sampler, pruner = (_stated(given, defaults, key) for key in ("engine", "sampler", "pruner"))
    legal = SAMPLERS.get(engine)
    if legal is None:
        return
    if sampler not in legal and any(sampler in samplers for samplers in SAMPLERS.values()):
        owners = one_of([name for name, samplers in SAMPLERS.items() if sampler in samplers])
        left_out = "" if "sampler" in given else ", the default,"
        yield Fault(
            path=("sampler",),
            text=f"{sampler}{left_out} is a sampler of engine {owners}, not of {engine}. "
            f"Legal with {engine}: {', '.join(legal)}.",
        )
    elif sampler == _OWN_ROUNDS and pruner != "none":
        left_out = "" if "pruner" in given else ", the default,"
        yield Fault(
            path=("pruner",),
            text=f"{pruner}{left_out} does not go with sampler hyperband, which ends trials in rounds of its own. "
            "Write pruner: none, or take another sampler.",
        )


def _stated(given: Mapping[str, Any], defaults: Mapping[str, Any], key: str) -> str:
    value = given.get(key, defaults[key])
    return value if isinstance(value, str) else ""
