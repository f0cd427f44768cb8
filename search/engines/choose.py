"""The engine a space asks for."""

from __future__ import annotations

from ffsearch.search.engines.protocol import Engine
from ffsearch.search.points import default_point
from ffsearch.spaces.schema import SearchSpace

__all__ = ["make_engine"]


def make_engine(space: SearchSpace, *, direction: str, max_epochs: int, first_rung: int) -> Engine:
    """The engine, nothing told yet; only the library that it needs is loaded.

    Args:
        space: What was asked for.
        direction: `minimize` or `maximize`, of the values told.
        max_epochs: Most epochs of a trial.
        first_rung: Epochs before a trial is judged.

    Raises:
        SpaceError: If it needs a library that is not installed, or more trials.
    """
    search, parameters = space.search, space.parameters
    default = default_point(parameters)
    if search.engine == "optuna":
        from ffsearch.search.engines.optuna_engine import OptunaEngine

        return OptunaEngine(
            parameters,
            sampler=search.sampler,
            pruner=search.pruner,
            seed=search.seed,
            direction=direction,
            default=default,
            first_rung=first_rung,
        )
    from ffsearch.search.engines.keras_tuner_engine import KerasTunerEngine

    engine = KerasTunerEngine(
        parameters,
        sampler=search.sampler,
        pruner=search.pruner,
        seed=search.seed,
        direction=direction,
        max_epochs=max_epochs,
        default=default,
        first_rung=first_rung,
    )
    engine.check_trials(search.trials)
    return engine
