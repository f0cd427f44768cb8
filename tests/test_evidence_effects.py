"""What mattered: importances of a search whose truth is known, partners of a winner, and what they are worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import ACCURACY, LOSS, a_record
from ffsearch.search.base.objective import Objective
from ffsearch.search.data.features.problem import Problem, Split
from ffsearch.search.evidence.effects import EffectFinding, Partner, at_rates, partners, weigh_effects
from ffsearch.search.evidence.importance import parameter_importances
from ffsearch.search.network.heads import Head, Loss, Task
from ffsearch.search.network.points import Parameters, contains
from ffsearch.search.network.topology import Activation, Point, n_params
from ffsearch.search.steps.effort import affordable_partners
from ffsearch.spaces.parameters import ChoiceParameter, Fixed, FloatParameter, IntParameter

SPACE: Parameters = {
    "depth": IntParameter(type="int", low=1, high=6),
    "width": IntParameter(type="int", low=16, high=512, log=True),
    "activation": ChoiceParameter(type="choice", values=("relu", "tanh", "selu")),
    "batch_norm": ChoiceParameter(type="choice", values=(True, False)),
    "dropout": FloatParameter(type="float", low=0.05, high=0.5, zero=0.4),
    "l2": FloatParameter(type="float", low=1e-6, high=1e-2, log=True, zero=0.4),
    "learning_rate": FloatParameter(type="float", low=1e-4, high=1e-2, log=True),
}
SIZE = {"n_features": 10, "n_outputs": 1}


def drawn(rng: np.random.Generator) -> Point:
    return Point(
        depth=int(rng.integers(1, 7)),
        width=int(rng.integers(16, 513)),
        activation=[Activation.RELU, Activation.TANH, Activation.SELU][rng.integers(3)],
        batch_norm=bool(rng.integers(2)),
        dropout=float(rng.choice([0.0, rng.uniform(0.05, 0.5)])),
        l2=float(rng.choice([0.0, 10 ** rng.uniform(-6, -2)])),
        learning_rate=float(10 ** rng.uniform(-4, -2)),
    )


# --- importances -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", [LOSS, ACCURACY])
def test_what_decides_is_found(objective: Objective, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ffsearch.search.evidence.importance.N_RESAMPLES", 20)
    monkeypatch.setattr("ffsearch.search.evidence.importance.N_SHUFFLES", 20)
    rng = np.random.default_rng(0)
    points = [drawn(rng) for _ in range(80)]
    sign = objective.sign
    values = [sign * ((np.log10(point.learning_rate) + 3) ** 2 + 0.02 * rng.normal()) for point in points]
    told = [a_record(trial, value=float(value), point=points[trial]) for trial, value in enumerate(values)]
    found = parameter_importances(told, SPACE, objective=objective, rng=rng)
    assert found[0].parameter == "learning_rate"
    assert found[0].is_shown
    assert found[0].low <= found[0].value
    assert {one.parameter for one in found} == set(SPACE)
    assert sum(one.value for one in found) == pytest.approx(1)
    assert sum(one.is_shown for one in found) <= 3


def test_few_trials_say_nothing() -> None:
    told = [a_record(trial) for trial in range(14)]
    assert parameter_importances(told, SPACE, objective=LOSS, rng=np.random.default_rng(0)) == ()


# --- partners --------------------------------------------------------------------------------------------------------


def changes(winner: Point, space: Parameters = SPACE) -> dict[tuple[str, str], Point]:
    return {(one.factor, one.change): one.point for one in partners(winner, space, **SIZE)}


def test_deeper_and_wider_have_equal_size() -> None:
    winner = Point(depth=2, width=64)
    found = changes(winner)
    deeper, wider = found["depth", "deeper"], found["width", "wider"]
    assert (deeper.depth, deeper.width, wider.depth) == (4, 64, 2)
    assert n_params(wider, **SIZE) == pytest.approx(n_params(deeper, **SIZE), rel=0.05)
    assert found["depth", "shallower"].depth == 1
    assert found["width", "narrower"].width == 32


def test_a_limit_on_parameters_holds_for_partners_too() -> None:
    winner = Point(depth=2, width=64)
    largest = n_params(winner, **SIZE)
    found = {
        one.change for one in partners(winner, SPACE, **SIZE, max_params=largest) if one.factor in ("depth", "width")
    }
    assert found == {"shallower", "narrower"}


def test_regularisers_are_switched() -> None:
    found = changes(Point(depth=2, width=64, dropout=0.2, batch_norm=True))
    assert found["dropout", "off"].dropout == 0
    assert found["batch_norm", "off"].batch_norm is False
    assert found["l2", "0.0001"].l2 == pytest.approx(1e-4)
    assert changes(Point(depth=2, width=64))["batch_norm", "on"].batch_norm is True
    assert {change for factor, change in found if factor == "activation"} == {
        "tanh",
        "selu",
    }  # one of each other family


def test_what_the_space_does_not_search_is_not_asked() -> None:
    space = {
        "depth": Fixed(value=2),
        "width": IntParameter(type="int", low=16, high=64),
        "dropout": FloatParameter(type="float", low=0.05, high=0.5),  # never off
        "l2": ChoiceParameter(type="choice", values=(0.0, 0.001, 0.01)),
    }
    found = changes(Point(depth=2, width=64, dropout=0.2), space)
    assert set(found) == {("width", "narrower"), ("l2", "0.01")}


def test_widths_of_a_list_have_no_partners_of_shape() -> None:
    space = {"widths": Fixed(value=(8, 4)), "l2": SPACE["l2"]}
    found = changes(Point(depth=2, width=8, widths=(8, 4), l2=1e-3), space)
    assert set(found) == {("l2", "off")}


@settings(deadline=None)  # other work on the machine must not fail it
@given(seed=st.integers(0, 10_000))
def test_partners_lie_in_the_space_and_differ_in_one_thing(seed: int) -> None:
    winner = drawn(np.random.default_rng(seed))
    for one in partners(winner, SPACE, **SIZE):
        assert contains(SPACE, one.point)
        different = [name for name, value in one.point.as_dict().items() if value != winner.as_dict()[name]]
        assert different == [one.factor]


def test_deeper_and_wider_are_tried_at_three_learning_rates_as_far_as_the_space_has_them() -> None:
    found = {one.change: one for one in partners(Point(depth=2, width=64, learning_rate=1e-3), SPACE, **SIZE)}
    for change in ("deeper", "wider"):
        at = at_rates(found[change], SPACE)
        assert [one.point.learning_rate for one in at] == pytest.approx([1e-3, 1e-3 / 3, 3e-3])
        assert at[0].rates == pytest.approx((1e-3 / 3, 1e-3, 3e-3))
        assert {replace(one.point, learning_rate=1e-3) for one in at} == {found[change].point}
    assert at_rates(found["narrower"], SPACE) == (found["narrower"],)
    fixed = SPACE | {"learning_rate": Fixed(value=1e-3)}
    assert at_rates(found["deeper"], fixed) == (found["deeper"],)
    edge = replace(found["deeper"], point=replace(found["deeper"].point, learning_rate=9e-3))
    assert len(at_rates(edge, SPACE)) == 2


# --- weighing --------------------------------------------------------------------------------------------------------


def partner(factor: str, change: str) -> Partner:
    return Partner(factor=factor, change=change, point=Point(depth=1, width=4))


def test_effects_are_found_and_chance_is_not() -> None:
    rng = np.random.default_rng(0)
    splits = rng.normal(size=6)
    winner = 1 + splits + 0.01 * rng.normal(size=6)
    changed = [partner("depth", "deeper"), partner("width", "wider"), partner("l2", "off"), partner("dropout", "off")]
    scores = 1 + splits + 0.01 * rng.normal(size=(4, 6)) + np.array([-0.3, 0.0, 0.3, 0.0])[:, None]
    scores[3, 2] = np.nan
    found = weigh_effects(winner, changed, scores, objective=LOSS, test_to_train=0.25)
    assert [one.finding for one in found] == [
        EffectFinding.BETTER,
        EffectFinding.NOT_SHOWN,
        EffectFinding.WORSE,
        EffectFinding.DIVERGED,
        EffectFinding.BETTER,
    ]
    assert (found[4].change, found[4].against) == ("deeper", "wider")
    assert found[0].value == pytest.approx(0.3, abs=0.03)
    turned = weigh_effects(-winner, changed, -scores, objective=ACCURACY, test_to_train=0.25)
    assert [one.finding for one in turned] == [one.finding for one in found]


@pytest.mark.parametrize("spread_of_spreads", [0.0, 0.7])
def test_three_repeats_show_what_is_there_and_rarely_what_is_not(spread_of_spreads: float) -> None:
    """By itself each has two degrees of freedom, and twelve are asked about; all spreads together are enough."""
    rng = np.random.default_rng(0)
    changed = [partner("l2", str(number)) for number in range(12)]
    effect = np.where(np.arange(12) == 0, -6.0, 0.0)[:, None]
    n_false, n_found = 0, 0
    for _ in range(60):
        noise = np.exp(spread_of_spreads * rng.normal(size=(12, 1))) * rng.normal(size=(12, 3))
        found = weigh_effects(np.zeros(3), changed, effect + noise, objective=LOSS, test_to_train=0.0)
        n_false += any(one.finding is not EffectFinding.NOT_SHOWN for one in found[1:])
        n_found += found[0].finding is EffectFinding.BETTER
    assert n_false <= 9
    assert n_found >= 45


def test_the_changes_most_asked_for_are_afforded_first() -> None:
    rows = np.zeros((100_000, 10), np.float32)
    truth = np.zeros((100_000, 1), np.float32)
    head = Head(task=Task.REGRESSION, loss=Loss.MSE, n_outputs=1, target_names=("y",))
    problem = Problem(head=head, splits=(Split(x_train=rows, y_train=truth, x_valid=rows, y_valid=truth),))
    winner = Point(depth=2, width=64, dropout=0.2)
    possible = partners(winner, SPACE, **SIZE)
    asked = {"parameters": SPACE, "n_repeats": 2, "n_epochs": 20, "problem": problem, "batch_size": 64}
    few, are_tuned = affordable_partners(winner, possible, searched=[], **asked)
    many, all_tuned = affordable_partners(winner, possible, searched=[(winner, 20)] * 10_000, **asked)
    assert few == possible[: len(few)]
    assert [one.change for one in few[:2]] == ["deeper", "wider"]
    assert len(few) < len(many) == len(possible)
    assert (are_tuned, all_tuned) == (False, True)
    one_rate = asked | {"parameters": SPACE | {"learning_rate": Fixed(value=winner.learning_rate)}}
    searched = [(winner, 20)] * 500
    some, _ = affordable_partners(winner, possible, searched=searched, **asked)
    more, _ = affordable_partners(winner, possible, searched=searched, **one_rate)
    assert 2 <= len(some) < len(more)  # what further learning rates cost is counted, too


def test_no_partners_have_no_effects() -> None:
    assert weigh_effects(np.ones(3), [], np.ones((0, 3)), objective=LOSS, test_to_train=0.25) == ()
