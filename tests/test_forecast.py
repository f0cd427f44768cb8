"""The time left, against runs that were recorded on two busy cores: believable from a tenth on, and never jumpy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import a_record
from ffsearch.search.capacity.pace import Pace
from ffsearch.search.capacity.setup import planned
from ffsearch.search.console.forecast import Forecast, Steady
from ffsearch.search.network.defaults import batch_size_for
from ffsearch.search.observer import Phase, Workload
from ffsearch.search.steps.inputs import requested

RECORDED = Path(__file__).parent / "data" / "progress"
SEARCHES = ("adult", "california", "letter")


class Look(NamedTuple):
    """What a person would have seen at a moment, in seconds."""

    at: float
    left: float | None


def played(name: str) -> tuple[float, list[tuple[float, Callable[[Forecast], object]]]]:
    """When a recorded search ended, and what the forecast is told at which moment.

    The recordings are of whole commands, with every network's epochs a few seconds apart; that of letter was broken off
    where it asked for columns, and ends there.
    """
    run: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text())
    work = Workload(**run["work"])
    told: list[tuple[float, Callable[[Forecast], object]]] = [
        (run["began"], lambda to: to.began(work, n_left=run["n_left"], budget_s=run["budget_s"]))
    ]
    return run["end"], told + [(at, _call(at, kind, values)) for at, kind, *values in run["events"]]


def _call(at: float, kind: str, values: list[Any]) -> Callable[[Forecast], object]:
    match kind, values:
        case "phase", [phase, n_networks]:
            return lambda to: to.phase(Phase(phase), now=at, n_networks=n_networks)
        case "started", [trial, fold, epoch_s]:
            return lambda to: to.started((trial, fold), epoch_s=epoch_s)
        case "epoch", [trial, fold, n_epochs, core_s, loss]:
            return lambda to: to.epoch((trial, fold), now=at, n_epochs=n_epochs, core_s=core_s, loss=loss)
        case "trial", [trial, core_s, n_epochs, is_whole]:
            return lambda to: to.trial(trial, core_s=core_s, n_epochs=n_epochs, is_whole=bool(is_whole))
        case "repeated", [trial, fold, core_s, n_epochs, n_done]:
            return lambda to: to.repeated((trial, fold), core_s=core_s, n_epochs=n_epochs, n_done=n_done)
    raise ValueError(kind)


def study() -> tuple[float, list[tuple[float, Callable[[Forecast], object]]]]:
    """The same of a recorded capacity study of the shipped space, through its own pace."""
    run: dict[str, Any] = json.loads((RECORDED / "capacity.json").read_text())
    inputs, plan = planned(requested("capacity"))
    now = [run["began"]]
    updates = inputs.space.capacity.updates
    assert updates is not None
    batch_size = batch_size_for(run["n_train"])
    pace = Pace(
        plan, n_features=inputs.prepared.n_features, batch_size=batch_size, n_updates=updates, clock=lambda: now[0]
    )
    work = Workload(n_train=run["n_train"], batch_size=batch_size, study_s=pace.all_s)
    told: list[tuple[float, Callable[[Forecast], object]]] = [
        (run["began"], lambda to: to.began(work, n_left=0, budget_s=None)),
        *((at, _call(at, "phase", [name, 0])) for at, name in run["phases"]),
    ]
    losses: dict[Any, float | None] = {}
    wanted = list(plan.first_trainings())
    pace.add(wanted, told=())
    for at, number, loss in run["networks"]:
        training = plan.training(number)
        if training not in wanted:
            wanted = [training] if training.is_longer else plan.more_trainings(losses)
            if training.is_longer:
                wanted = [plan.training(later) for _, later, _ in run["networks"] if plan.training(later).is_longer]
            pace.add(wanted, told=())
        losses |= {} if training.is_longer else {training: loss}
        now[0] = at
        pace.count(training)
        left_s = pace.now(a_record(0)).left_s
        told.append((at, lambda to, left_s=left_s: to.study(left_s=left_s)))  # type: ignore[misc]
    return run["end"], sorted(told, key=lambda one: one[0])


def looks(told: list[tuple[float, Callable[[Forecast], object]]], end: float, *, every: float = 0.5) -> Iterator[Look]:
    """What is shown, twice a second."""
    forecast, steady, waiting = Forecast(0.0), Steady(), iter([*told, (end + every, lambda _: None)])
    at, (next_at, tell) = 0.0, next(waiting)
    while at < end:
        while next_at <= at:
            tell(forecast)
            next_at, tell = next(waiting)
        yield Look(at, steady.follow(forecast.left_s(at), gone_s=forecast.gone_s(at)))
        at += every


@pytest.fixture(scope="module", params=[*SEARCHES, "capacity"])
def seen(request: pytest.FixtureRequest) -> tuple[float, list[Look]]:
    end, told = study() if request.param == "capacity" else played(request.param)
    return end, list(looks(told, end))


def test_the_whole_is_within_a_factor_of_two_from_a_tenth_on(seen: tuple[float, list[Look]]) -> None:
    end, shown = seen
    late = [look for look in shown if look.at >= 0.1 * end and look.left is not None]
    assert [look for look in late if not end / 2 <= look.at + (look.left or 0.0) <= 2 * end] == []


def test_a_time_left_is_shown_for_most_of_the_run(seen: tuple[float, list[Look]]) -> None:
    end, shown = seen
    assert min(look.at for look in shown if look.left is not None) < 0.2 * end


def test_it_is_never_below_nothing_and_does_not_rise_by_a_third_twice(seen: tuple[float, list[Look]]) -> None:
    _, shown = seen
    lowest, rises = float("inf"), 0
    for left in (look.left for look in shown if look.left is not None):
        assert left >= 0
        lowest = min(lowest, left)
        if left > 4 / 3 * lowest and left - lowest > 1:  # a second is no rise
            lowest, rises = left, rises + 1
    assert rises <= 1


@pytest.mark.parametrize("name", SEARCHES)
def test_with_a_budget_no_more_than_that_is_said_to_be_left(name: str) -> None:
    end, told = played(name)
    forecast, budget_s = Forecast(0.0), 0.6 * end
    for at, tell in told:
        tell(forecast)
        forecast._budget_s = budget_s
        left_s = forecast.left_s(at)
        assert left_s is None or left_s <= max(0.0, budget_s - at)


def test_as_many_trials_as_there_is_time_for_take_all_of_it() -> None:
    forecast = Forecast(0.0)
    forecast.began(Workload(n_train=100, batch_size=10), n_left=None, budget_s=60.0)
    forecast.phase(Phase.SEARCH, now=2.0)
    assert forecast.left_s(20.0) == 40.0
    assert forecast.left_s(70.0) == 0.0


@given(
    forecasts=st.lists(st.one_of(st.none(), st.floats(0, 1e6)), min_size=1, max_size=40),
    steps=st.lists(st.floats(0, 100), min_size=40, max_size=40),
)
@settings(deadline=None)
def test_what_is_shown_stays_between_nothing_and_the_forecasts(
    forecasts: list[float | None], steps: list[float]
) -> None:
    steady, gone_s, most = Steady(), 0.0, 0.0
    for left_s, step in zip(forecasts, steps, strict=False):
        gone_s += step
        most = max(most, left_s or 0.0)
        shown = steady.follow(left_s, gone_s=gone_s)
        assert shown is None or 0 <= shown <= most
