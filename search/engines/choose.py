"""The engine a space asks for, and the points it begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ffsearch.errors import SpaceError
from ffsearch.search.base.objective import Objective
from ffsearch.search.base.quiet import native_stderr_held_back
from ffsearch.search.engines.asking import Common
from ffsearch.search.engines.protocol import Engine
from ffsearch.search.folder.ranking import standings
from ffsearch.search.folder.reader import load
from ffsearch.search.network.points import Parameters, contains, default_point
from ffsearch.search.network.topology import Point
from ffsearch.spaces.parameters import ChoiceParameter, IntParameter
from ffsearch.spaces.schema import MAX_TRIALS, SearchSpace

if TYPE_CHECKING:
    from ffsearch.search.engines.shared_study import SharedStudy

__all__ = ["N_WARM", "first_points", "make_engine"]

N_WARM: Final = 5
"""Points taken from an earlier run. choice: half of the trials a sampler draws at random before it begins to model."""

Allows = Callable[[Point], bool]


def make_engine(
    space: SearchSpace,
    *,
    objective: Objective,
    max_epochs: int,
    first_rung: int,
    size: Callable[[Point], int],
    shared: Callable[[], SharedStudy] | None = None,
) -> Engine:
    """The engine, nothing told yet; only the library that it needs is loaded.

    Args:
        space: What was asked for.
        objective: What the values told are.
        max_epochs: Most epochs of a trial.
        first_rung: Epochs before a trial is judged.
        size: Parameters of a point's network.
        shared: Opens the study that other drivers work on too, once all else is checked; None: the search is this
            process's alone.

    Raises:
        SpaceError: If it needs a library that is not installed, or more trials, or cannot search with others, or the
            space has no point it may try.
        RunError: If the run to start from cannot be read, or the shared study not be opened.
    """
    search = space.search

    def allows(point: Point) -> bool:
        return search.max_params is None or size(point) <= search.max_params

    common = Common(
        seed=search.seed,
        objective=objective,
        given=first_points(space, allows=allows),
        allows=allows,
        first_rung=first_rung,
        max_epochs=max_epochs,
    )
    if shared is not None:
        return _shared_engine(space, shared, common)
    if search.engine == "optuna":
        from ffsearch.search.engines.optuna_engine import OptunaEngine

        return OptunaEngine(space.parameters, sampler=search.sampler, pruner=search.pruner, size=size, **common)
    with native_stderr_held_back():  # KerasTuner loads TensorFlow
        from ffsearch.search.engines.keras_tuner_engine import KerasTunerEngine

    engine = KerasTunerEngine(space.parameters, sampler=search.sampler, pruner=search.pruner, **common)
    engine.check_trials(search.n_trials or MAX_TRIALS)
    return engine


def _shared_engine(space: SearchSpace, shared: Callable[[], SharedStudy], common: Common) -> Engine:
    from ffsearch.search.engines.shared import SharedEngine, check_shared

    search = space.search
    check_shared(engine=search.engine, sampler=search.sampler)
    return SharedEngine(
        space.parameters,
        study=shared(),
        n_trials=search.n_trials or MAX_TRIALS,
        sampler=search.sampler,
        pruner=search.pruner,
        **common,
    )


def first_points(space: SearchSpace, *, allows: Allows) -> list[Point]:
    """The default point, made narrower where it is too large, and the best points of the run to start from.

    Args:
        space: What was asked for.
        allows: Whether a point is small enough.

    Raises:
        SpaceError: If no network of the space is small enough, or no point of the earlier run lies in the space.
        RunError: If the earlier run cannot be read.
    """
    parameters, earlier = space.parameters, space.search.warm_start
    default = next((point for point in _smaller(default_point(parameters), parameters) if allows(point)), None)
    if default is None:
        raise SpaceError(
            f"search.max_params: no network of the space has {space.search.max_params} parameters or fewer. Raise it, "
            "or lower space.width.low and space.depth.low."
        )
    if earlier is None:
        return [default]
    warm = [point for point in _best_points(earlier) if contains(parameters, point) and allows(point)]
    if not warm:
        raise SpaceError(
            f"search.warm_start: none of the trials of {earlier} that have a value lies in this space. Widen the space "
            "to hold its best ones (ffsearch show names them), or leave warm_start out."
        )
    new = [point for point in warm if point.identity != default.identity]
    return [default, *new[:N_WARM]]


def _smaller(point: Point, parameters: Parameters) -> Iterator[Point]:
    """A point, then the same narrower and narrower, then with fewer layers too, as far as the space goes."""
    for depth in _down_from(point.depth, parameters, "depth"):
        for width in _down_from(point.width, parameters, "width"):
            yield replace(point, depth=depth, width=width)


def _down_from(value: int, parameters: Parameters, name: str) -> list[int]:
    """A value and the smaller ones that a parameter may have, largest first; the value alone where it is fixed."""
    parameter = parameters.get(name)
    match parameter:
        case IntParameter():
            return list(range(value, parameter.low - 1, -1))
        case ChoiceParameter():
            return sorted((one for one in parameter.values if isinstance(one, int) and one <= value), reverse=True)
        case _:
            return [value]


def _best_points(path: str) -> list[Point]:
    """Each point of a run once, the best first."""
    run = load(path)
    return [one.record.point for one in standings(run.records, objective=run.results.objective)]
