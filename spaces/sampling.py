"""Which sampler belongs to which engine, and what else of `search:` goes with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ffsearch.spaces.faults import Fault, one_of

__all__ = ["BY_FOLDS", "CONCURRENCY", "SAMPLERS", "fold_faults", "sampling_faults"]

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

BY_FOLDS: Final = "wilcoxon"
"""The pruner that compares trials fold by fold."""

FEWEST_FOLDS: Final = 5
"""Folds with which that pruner can save any: it takes four that are all worse to be sure."""

_OWN_ROUNDS: Final = "hyperband"
"""The sampler that decides how many epochs a trial is trained; a pruner beside it would decide it a second time."""


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


def fold_faults(raw: Mapping[str, Any], pruner: str) -> Iterator[Fault]:
    """A pruner that compares folds where there are too few.

    Args:
        raw: A whole space, unchecked.
        pruner: The one that stands where none is stated.

    Yields:
        A fault at the pruner.
    """
    search, data = (raw.get(key) for key in ("search", "data"))
    if _stated(search if isinstance(search, Mapping) else {}, {"pruner": pruner}, "pruner") != BY_FOLDS:
        return
    valid = data.get("valid") if isinstance(data, Mapping) else None
    folds = valid.get("folds") if isinstance(valid, Mapping) else None
    n_folds = folds if isinstance(folds, int) else 1
    if n_folds < FEWEST_FOLDS:
        has = "one pair of training and validation rows" if n_folds == 1 else f"{n_folds} folds"
        yield Fault(
            path=("search", "pruner"),
            text=f"{BY_FOLDS} compares trials fold by fold and is sure after four that are all worse; data.valid has "
            f"{has}. Write data.valid: {{folds: {FEWEST_FOLDS}}} or more, or take asha, hyperband, median, one_epoch "
            "or none.",
        )


def _stated(given: Mapping[str, Any], defaults: Mapping[str, Any], key: str) -> str:
    value = given.get(key, defaults[key])
    return value if isinstance(value, str) else ""
