"""Cells, learning rates and the numbers of trainings: the pure arithmetic of a capacity study."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.capacity.plan import Plan, Training, Widened, make_plan
from ffsearch.search.capacity.rates import MAX_MORE, RateGrid
from ffsearch.search.capacity.widths import TOLERANCE, Fit, Misfit, Why, fit, with_widths
from ffsearch.search.folder.study_results import StudyLine
from ffsearch.search.network.heads import Head, Task, default_loss
from ffsearch.search.network.model import build_network
from ffsearch.search.network.topology import MIN_WIDTH, Activation, Convolutions, Point, describe, layer_sizes, n_params
from ffsearch.search.wording.language import PLAIN
from ffsearch.spaces.capacity import CONVOLUTION_PRESETS, PRESETS, CapacitySpace, CapacitySpec
from ffsearch.spaces.schema import DataSpec

GRID = RateGrid(low=1e-4, high=1e-2, n=5)


def fitted(
    budget: int, *, depth: int, n_features: int = 20, n_outputs: int = 3, like: Point | None = None
) -> Fit | Misfit:
    def count(point: Point) -> int:
        return n_params(point, n_features=n_features, n_outputs=n_outputs)

    return fit(budget, with_widths(like or Point(depth=1, width=1), depth), count)


def settled(**capacity: object) -> CapacitySpec:
    spec = CapacitySpec.model_validate(capacity)
    return CapacitySpace(data=DataSpec(source="a.csv"), capacity=spec).settled().capacity


def a_plan(**capacity: object) -> Plan:
    return make_plan(settled(**capacity), n_features=20, n_outputs=3)


# --- widths ----------------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(
    budget=st.integers(1, 5_000_000),
    depth=st.integers(1, 16),
    n_features=st.integers(1, 1000),
    n_outputs=st.integers(1, 20),
    batch_norm=st.booleans(),
    activation=st.sampled_from([Activation.RELU, Activation.PRELU]),
    residual=st.booleans(),
)
def test_a_budget_is_met_to_two_percent_or_it_is_said_why_not(
    *,
    budget: int,
    depth: int,
    n_features: int,
    n_outputs: int,
    batch_norm: bool,
    activation: Activation,
    residual: bool,
) -> None:
    like = Point(depth=1, width=1, batch_norm=batch_norm, activation=activation, residual=residual)
    found = fitted(budget, depth=depth, n_features=n_features, n_outputs=n_outputs, like=like)
    if isinstance(found, Misfit):
        assert found.below is None or found.below < budget * (1 - TOLERANCE)
        assert found.above is None or found.above > budget * (1 + TOLERANCE)
        assert (found.why is Why.TOO_SMALL) == (found.below is None)
        return
    assert abs(found.n_params - budget) <= TOLERANCE * budget
    widths = layer_sizes(found.point)
    assert len(widths) == depth == found.point.depth
    assert min(widths) >= MIN_WIDTH
    assert max(widths) - min(widths) <= 1
    assert found.n_params == n_params(found.point, n_features=n_features, n_outputs=n_outputs)
    if residual:
        assert list(widths) == sorted(widths)


@settings(max_examples=200, deadline=None)
@given(budget=st.integers(1_000, 1_000_000), depth=st.integers(2, 8), n_features=st.integers(1, 20))
def test_ordinary_tables_have_all_cells(budget: int, depth: int, n_features: int) -> None:
    assert isinstance(fitted(budget, depth=depth, n_features=n_features, n_outputs=1), Fit)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_parameters_are_those_that_keras_counts(*, batch_norm: bool) -> None:
    like = Point(depth=1, width=1, batch_norm=batch_norm)
    found = fitted(3_000, depth=3, n_features=10, n_outputs=2, like=like)
    assert isinstance(found, Fit)
    head = Head(
        task=Task.MULTICLASS, loss=default_loss(Task.MULTICLASS), n_outputs=2, target_names=("y",), labels=("a", "b")
    )
    model = build_network(found.point, head=head, n_features=10, seed=child(0, Purpose.TRIAL, 0))
    assert model.count_params() == found.n_params


def test_cells_that_cannot_be_say_why() -> None:
    assert fitted(100, depth=8) == Misfit(why=Why.TOO_SMALL, below=None, above=239)
    coarse = fitted(10_000, depth=1, n_features=784, n_outputs=10)
    assert coarse == Misfit(why=Why.TOO_COARSE, below=9_550, above=10_345)
    assert isinstance(fitted(9_550, depth=1, n_features=784, n_outputs=10), Fit)
    large = fitted(10_000_000, depth=1, n_features=1, n_outputs=1)
    assert isinstance(large, Misfit)
    assert large.why is Why.TOO_LARGE


# --- learning rates --------------------------------------------------------------------------------------------------


def test_the_grid_is_even_as_factors_and_goes_on_alike() -> None:
    assert [GRID.rate(place) for place in (-1, *GRID.places, 5)] == [
        3.16e-5, 1e-4, 3.16e-4, 1e-3, 3.16e-3, 1e-2, 3.16e-2,
    ]  # fmt: skip
    assert GRID.all_places == (0, 1, 2, 3, 4, -1, 5, -2, 6)


@pytest.mark.parametrize(("by_depth", "times"), [(0.0, (1, 1, 1)), (0.5, (1, 0.7071, 0.5)), (1.5, (1, 0.3536, 0.125))])
def test_rates_fall_with_a_power_of_the_depth(by_depth: float, times: tuple[float, ...]) -> None:
    rates = {"low": 1e-3, "high": 1e-2, "n": 3, "by_depth": by_depth}
    plan = a_plan(depths=[2, 4, 8], budgets=[3000], learning_rates=rates)
    for place in plan.rates.all_places:
        known = [plan.job(Training(place, cell, 0)).point.learning_rate for cell in range(3)]
        assert known == pytest.approx([plan.rates.rate(place) * each for each in times], rel=5e-3)  # three digits


@settings(deadline=None)  # other work on the machine must not fail it
@given(best=st.integers(-10, 20))
def test_a_cell_is_given_rates_until_its_best_has_neighbours_or_the_grid_ends(best: int) -> None:
    scores = {place: [abs(place - best) * 1.0] for place in GRID.places}
    while (place := GRID.more(scores)) is not None:
        assert place not in scores
        assert place in GRID.all_places
        scores[place] = [abs(place - best) * 1.0]
    assert GRID.at_edge(scores) == (not -MAX_MORE < best < GRID.n - 1 + MAX_MORE)
    if not GRID.at_edge(scores):
        assert GRID.best(scores) == best


def test_a_rate_at_which_a_seed_diverged_is_beaten_by_any_at_which_none_did() -> None:
    assert GRID.best({0: [9.0, 9.0], 1: [0.1, None], 2: [None, None]}) == 0
    assert GRID.best({1: [0.1, None], 2: [None, None]}) == 1
    assert GRID.best({1: [None], 2: [None]}) == 1


# --- the plan --------------------------------------------------------------------------------------------------------


def test_every_training_has_a_number_of_its_own() -> None:
    plan = a_plan(depths=[1, 3], budgets=[500, 1000], seeds=3)
    trainings = [
        Training(place, cell, seed)
        for place in plan.rates.all_places
        for cell in range(len(plan.cells))
        for seed in range(3)
    ]
    assert [plan.number(training) for training in trainings] == list(range(len(trainings)))
    assert [plan.training(plan.number(training)) for training in trainings] == trainings
    assert sorted(map(plan.number, plan.first_trainings())) == list(range(5 * 4 * 3))


def test_seeds_are_alike_in_all_cells_and_rates() -> None:
    plan = a_plan(depths=[1, 3], budgets=[500], seeds=2)
    jobs = {training: plan.job(training) for training in plan.first_trainings()}
    for training, job in jobs.items():
        assert job.seed.spawn_key == jobs[Training(0, 0, training.seed)].seed.spawn_key
        assert job.fold == training.seed
        assert job.point.depth == (1, 3)[training.cell]
        assert job.point.learning_rate == plan.rates.rate(training.place)
    assert jobs[Training(0, 0, 0)].seed.spawn_key != jobs[Training(0, 0, 1)].seed.spawn_key


def test_only_the_cells_at_an_end_are_given_more() -> None:
    plan = a_plan(depths=[1, 3], budgets=[500], seeds=2)
    scores: dict[Training, float | None] = {
        training: abs(training.place - (2, 4)[training.cell]) for training in plan.first_trainings()
    }
    assert plan.more_trainings(scores) == [Training(5, 1, 0), Training(5, 1, 1)]
    scores[Training(5, 1, 0)] = 0.5  # half of a rate is no rate: the other seed is still wanted
    assert plan.more_trainings(scores) == [Training(5, 1, 0), Training(5, 1, 1)]
    scores[Training(5, 1, 1)] = 0.5
    assert plan.more_trainings(scores) == []


def test_cells_that_cannot_be_are_left_out_and_told() -> None:
    plan = a_plan(depths=[1, 8], budgets=[100, 3000])
    assert [(one.depth, one.budget) for one in plan.missing] == [(8, 100)]
    assert len(plan.cells) == 3
    assert PLAIN.says(plan.missing[0].finding) == (
        "8 layers with 100 parameters: the narrowest layers already have 239."
    )


@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize(("given", "presets"), [({}, PRESETS), ({"convolutions": {}}, CONVOLUTION_PRESETS)])
def test_presets_fill_what_is_left_out_and_nothing_else(
    preset: str, given: dict[str, object], presets: Mapping[str, Mapping[str, object]]
) -> None:
    capacity = {"depths": [4, 3], "learning_rates": {"n": 3}} | given
    space = CapacitySpace.model_validate(
        {"preset": preset, "data": {"source": "a.csv"}, "capacity": capacity}
    ).settled()
    spec = space.capacity
    assert (spec.depths, spec.learning_rates.n) == ((3, 4), 3)
    assert (spec.budgets, spec.seeds, spec.updates) == tuple(
        presets[preset][key] for key in ("budgets", "seeds", "updates")
    )
    assert space.settled() == space


# --- widths in place of budgets, shares of the training rows, convolutional networks ---------------------------------


def test_widths_are_the_budgets_of_the_shallowest_networks() -> None:
    plan = a_plan(depths=[1, 3], widths=[64, 16])
    assert plan.budgets == (16 * 21 + 3 * 17, 64 * 21 + 3 * 65)
    assert [layer_sizes(cell.point) for cell in plan.cells if cell.depth == 1] == [(16,), (64,)]
    assert all(abs(cell.n_params - cell.budget) <= TOLERANCE * cell.budget for cell in plan.cells)
    assert len(plan.cells) == 4


def test_every_share_of_the_training_rows_has_all_cells_in_one_order() -> None:
    plan = a_plan(depths=[1, 3], budgets=[500, 1000], train_sizes=[1.0, 0.25])
    assert plan.shares == (0.25, 1.0)
    assert [cell.size for cell in plan.cells] == [0] * 4 + [1] * 4
    assert plan.cells[plan.main] == plan.cells[4:]
    small, large = plan.cells[plan.of_size(0)], plan.cells[plan.of_size(1)]
    assert [(cell.line, cell.budget, cell.point) for cell in small] == [
        (cell.line, cell.budget, cell.point) for cell in large
    ]


IMAGE = (28, 28, 1)


def convolutional(**capacity: object) -> Plan:
    spec = settled(convolutions={}, budgets=[3_000, 10_000, 30_000], seeds=2, **capacity)
    return make_plan(spec, n_features=28 * 28, n_outputs=10, image=IMAGE)


def test_convolutional_networks_have_the_three_curves_of_the_book() -> None:
    plan = convolutional(depths=[3, 9])
    lines = list(dict.fromkeys(cell.line for cell in plan.cells))
    assert lines == [StudyLine(3, Widened.CHANNELS), StudyLine(3, Widened.UNITS), StudyLine(9, Widened.CHANNELS)]
    assert not plan.missing
    for cell in plan.cells:
        front = cell.point.convolutions
        assert front is not None
        assert len(front.channels) == cell.depth
        assert abs(cell.n_params - cell.budget) <= TOLERANCE * cell.budget
        if cell.widened is Widened.UNITS:
            assert set(front.channels) == {8}
        else:
            assert layer_sizes(cell.point) == (32,)


@settings(max_examples=200, deadline=None)
@given(
    budget=st.integers(2_000, 1_000_000),
    depth=st.integers(3, 12),
    side=st.integers(8, 64),
    colours=st.sampled_from([1, 3]),
)
def test_budgets_of_convolutional_networks_are_met_or_it_is_said_why_not(
    *, budget: int, depth: int, side: int, colours: int
) -> None:
    spec = settled(convolutions={}, depths=[3, depth] if depth > 3 else [3, 4], budgets=[budget])
    plan = make_plan(spec, n_features=side * side * colours, n_outputs=10, image=(side, side, colours))
    assert len(plan.cells) + len(plan.missing) == 3
    for cell in plan.cells:
        assert abs(cell.n_params - budget) <= TOLERANCE * budget
        front = cell.point.convolutions
        assert front is not None
        assert max(front.channels) - min(front.channels) <= 1


@pytest.mark.parametrize("activation", [Activation.RELU, Activation.PRELU])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(("image", "depth"), [((28, 28, 1), 3), ((9, 13, 3), 8)])
def test_parameters_of_convolutional_networks_are_those_that_keras_counts(
    *, activation: Activation, batch_norm: bool, image: tuple[int, int, int], depth: int
) -> None:
    front = Convolutions(image=image, channels=tuple(range(2, 2 + depth)))
    point = Point(depth=1, width=7, convolutions=front, batch_norm=batch_norm, activation=activation)
    n_features = image[0] * image[1] * image[2]
    head = Head(
        task=Task.MULTICLASS, loss=default_loss(Task.MULTICLASS), n_outputs=2, target_names=("y",), labels=("a", "b")
    )
    model = build_network(point, head=head, n_features=n_features, seed=child(0, Purpose.TRIAL, 0))
    assert model.count_params() == n_params(point, n_features=n_features, n_outputs=2)
    assert model.get_layer("flat").output.shape == (None, front.n_features)
    seen = [model.get_layer(f"conv_{number}").output.shape[1:] for number in range(depth)]
    assert [(height * width, channels) for height, width, channels in seen] == [
        (n_places, channels) for _, channels, n_places in front.layers
    ]


def test_a_point_of_a_study_is_written_and_read_and_others_are_as_they_were() -> None:
    point = Point(depth=1, width=7, residual=True, convolutions=Convolutions(image=IMAGE, channels=(2, 3, 4)))
    assert Point.from_dict(json.loads(json.dumps(point.as_dict()))) == point
    assert not {"residual", "convolutions"} & set(Point(depth=1, width=7).as_dict())
    assert describe(point, n_features=784, n_outputs=10) == (
        "28x28x1 -> conv 2-3-4 -> 7 -> 10 relu residual (528 parameters)"
    )
