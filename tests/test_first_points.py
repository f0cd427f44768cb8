"""What a search begins with, and points it never tries: warm starts and a limit on the size of networks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.engines import SPACE, ask, drive, told
from examples import ACCURACY, LOSS
from ffsearch.errors import RunError, SpaceError
from ffsearch.search.base.objective import Objective
from ffsearch.search.engines import choose
from ffsearch.search.engines.choose import N_WARM, first_points, make_engine
from ffsearch.search.engines.keras_tuner_engine import KerasTunerEngine
from ffsearch.search.engines.optuna_engine import OptunaEngine
from ffsearch.search.folder.log import LineKind
from ffsearch.search.folder.summary import DataFacts, RunFacts, SearchFacts
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.network.points import contains, default_point
from ffsearch.search.network.topology import Point, describe, n_params
from ffsearch.search.training.protocol import Curve, Ended
from ffsearch.spaces.loader import load_space
from ffsearch.spaces.schema import SearchSpace
from ffsearch.spaces.writer import space_identity

SIZE = {"n_features": 30, "n_outputs": 1}


def space(**search: Any) -> SearchSpace:
    return load_space("tabular", overrides={f"search.{key}": value for key, value in search.items()})


def engine_for(asked: SearchSpace) -> Any:
    return make_engine(asked, objective=LOSS, max_epochs=20, first_rung=3, size=partial(n_params, **SIZE))


SAMPLERS = [
    *(("optuna", sampler) for sampler in ("tpe", "random", "cmaes", "qmc", "grid")),
    *(("keras-tuner", sampler) for sampler in ("random", "hyperband", "grid")),
]


@pytest.mark.parametrize(("engine", "sampler"), SAMPLERS)
def test_no_network_is_larger_than_the_limit(engine: str, sampler: str) -> None:
    pruner = "none" if sampler == "hyperband" else "asha"
    asked = space(engine=engine, sampler=sampler, pruner=pruner, max_params=5_000)
    # The sampler is told that larger is better: it comes to the limit from below.
    history = drive(engine_for(asked), n_trials=20, result=lambda p: told(p, value=-n_params(p.point, **SIZE)))
    sizes = [n_params(each.point, **SIZE) for each in history]
    assert max(sizes) <= 5_000
    assert all(contains(asked.parameters, each.point) for each in history)
    if sampler != "hyperband":  # whose best go on as trials of their own
        assert len({each.point.identity for each in history}) == 20


def test_the_default_is_made_narrower_where_it_is_too_large() -> None:
    (default,) = first_points(space(), allows=lambda point: n_params(point, **SIZE) <= 5_000)
    usual = default_point(space().parameters)
    assert default.depth == usual.depth
    assert default.width < usual.width
    wider = Point.from_dict(default.as_dict() | {"width": default.width + 1})
    assert n_params(default, **SIZE) <= 5_000 < n_params(wider, **SIZE)


def test_a_limit_below_every_network_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"search\.max_params: no network of the space has 20 parameters or fewer"):
        engine_for(space(max_params=20))


@pytest.mark.parametrize("engine", [OptunaEngine, KerasTunerEngine])
def test_a_limit_that_hardly_any_network_keeps_is_refused(engine: type[Any]) -> None:
    nothing = engine(SPACE, sampler="random", seed=0, objective=LOSS, allows=lambda point: False)
    ask(nothing)  # what is given at the start is not drawn
    with pytest.raises(SpaceError, match=r"max_params: 64 points drawn in a row are too large"):
        nothing.ask()


# --- warm start --------------------------------------------------------------------------------------------------

KNOWN = [Point(depth=2, width=16 + trial, batch_norm=True, learning_rate=1e-3) for trial in range(8)]


def test_the_best_points_of_an_earlier_run_come_after_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = Point(depth=2, width=4, learning_rate=1e-3)
    monkeypatch.setattr(choose, "_best_points", lambda path: [outside, *KNOWN])
    asked = space(warm_start="runs/x")
    engine, restored = engine_for(asked), engine_for(asked)
    history = drive(engine, n_trials=N_WARM + 3)
    assert [each.point for each in history[1 : N_WARM + 1]] == KNOWN[:N_WARM]
    assert history[N_WARM + 1].point not in KNOWN
    restored.restore(history[:3])
    assert [ask(restored).point for _ in range(3)] == [each.point for each in history[3:6]]


def record(trial: int, point: Point, *, value: float | None, ended: Ended = Ended.STOPPED) -> TrialRecord:
    nothing = np.empty(0, np.float32)
    return TrialRecord(
        trial=trial,
        point=point,
        topology=describe(point, **SIZE),
        n_params=n_params(point, **SIZE),
        value=value,
        valid_loss=value,
        metrics={},
        ended=ended,
        best_epoch=1,
        n_epochs=1,
        n_updates=1,
        train_s=1.0,
        compile_s=0.0,
        seed=(0, 2, trial),
        curve=Curve(train_loss=nothing, valid_loss=nothing, penalty=nothing),
    )


@pytest.mark.parametrize(("objective", "best"), [(LOSS, [3, 0, 2, 1]), (ACCURACY, [2, 0, 3, 1])])
def test_points_of_a_run_come_best_mean_first_each_once(tmp_path: Path, objective: Objective, best: list[int]) -> None:
    with RunFolder.open(tmp_path / "run", space_yaml="", identity={}) as folder:
        folder.note(LineKind.STARTED, facts=facts(objective).as_dict())
        folder.add(record(0, KNOWN[0], value=0.5))
        folder.add(record(1, KNOWN[1], value=0.1 if objective.is_lower_better else 0.9, ended=Ended.PRUNED))
        folder.add(record(2, KNOWN[2], value=0.7))
        folder.add(record(3, KNOWN[3], value=0.3))
        folder.add(record(4, KNOWN[4], value=None, ended=Ended.DIVERGED))
        folder.add(replace(record(5, KNOWN[0], value=0.2), repeat_of=0))  # a lucky seed: the mean counts
    assert choose._best_points(str(tmp_path / "run")) == [KNOWN[trial] for trial in best]


def facts(objective: Objective) -> RunFacts:
    data = DataFacts(
        source="x", target=("y",), n_rows=9, n_features=30, n_classes=2, sha256="", n_train=5, n_valid=2, n_test=2
    )
    search = SearchFacts(engine="optuna", sampler="tpe", pruner="asha", trainer="keras", seed=0)
    return RunFacts(kind="search", name="x", task="binary", objective=objective, data=data, search=search)


def test_an_earlier_run_outside_the_space_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "_best_points", lambda path: [Point(depth=2, width=4)])
    with pytest.raises(SpaceError, match=r"search\.warm_start: none of the trials of runs/x .* lies in this space"):
        engine_for(space(warm_start="runs/x"))


def test_an_earlier_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"nowhere does not exist"):
        engine_for(space(warm_start=str(tmp_path / "nowhere")))


def test_keys_that_came_later_leave_the_identity_of_older_runs_alone() -> None:
    assert space_identity(space()) == space_identity(
        space(max_params=None, warm_start=None, max_seconds_per_trial=None, concurrency=4)
    )
    assert space_identity(space()) != space_identity(space(max_params=5_000))
