"""Default points, what lies in a space, and the values of a grid."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffsearch.search.network.defaults import DEFAULT_POINT
from ffsearch.search.network.points import contains, default_point, grid_values, point_from_values, searched
from ffsearch.search.network.topology import Activation, Point
from ffsearch.spaces.loader import load_space
from ffsearch.spaces.parameters import ChoiceParameter, Fixed, FloatParameter, IntParameter, Parameter

ints = st.builds(
    lambda low, extra, log, n: IntParameter(low=low, high=low + extra, log=log, n=n),
    st.integers(1, 500), st.integers(1, 2000), st.booleans(), st.integers(1, 12),
)  # fmt: skip
floats = st.builds(
    lambda low, factor, log, zero, n: FloatParameter(low=low, high=low * factor, log=log, zero=zero, n=n),
    st.floats(1e-7, 1e-2), st.floats(1.5, 1e4), st.booleans(), st.sampled_from([0.0, 0.4]), st.integers(1, 12),
)  # fmt: skip


def test_the_shipped_space_starts_from_the_default_point() -> None:
    parameters = load_space("tabular").parameters
    assert default_point(parameters) == DEFAULT_POINT
    assert contains(parameters, DEFAULT_POINT)
    assert "taper" in parameters
    assert "taper" not in searched(parameters)


def test_what_a_space_leaves_out_is_off_and_of_the_default_size() -> None:
    assert default_point({}) == Point(depth=DEFAULT_POINT.depth, width=DEFAULT_POINT.width)


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("width", IntParameter(low=8, high=32), 32),
        ("width", IntParameter(low=300, high=400), 300),
        ("width", IntParameter(low=8, high=512, default=40), 40),
        ("width", ChoiceParameter(values=(32, 200, 1000)), 200),
        ("dropout", FloatParameter(low=0.2, high=0.5), 0.2),
        ("dropout", FloatParameter(low=0.2, high=0.5, zero=0.5), 0.2),
        ("dropout", FloatParameter(low=0.2, high=0.5, zero=0.5, default=0.0), 0.0),
        ("l2", FloatParameter(low=1e-6, high=1e-2, log=True, zero=0.4), 0.0),
        ("l2", FloatParameter(low=1e-6, high=1e-2, log=True), 1e-6),
        ("batch_norm", ChoiceParameter(values=(False,)), False),
        ("activation", ChoiceParameter(values=("tanh", "relu")), Activation.RELU),
        ("activation", ChoiceParameter(values=("tanh", "elu")), Activation.TANH),
        ("activation", Fixed(value="selu"), Activation.SELU),
    ],
)
def test_the_default_moves_to_the_nearest_legal_value(name: str, parameter: Parameter, value: object) -> None:
    point = default_point({name: parameter})
    assert getattr(point, name) == value
    assert contains({name: parameter}, point)


def test_widths_say_depth_and_width() -> None:
    point = default_point({"widths": Fixed(value=(64, 32))})
    assert (point.depth, point.width, point.widths) == (2, 64, (64, 32))
    assert contains({"widths": Fixed(value=(64, 32))}, point)
    assert not contains({"widths": Fixed(value=(64, 33))}, point)


SPACE: Mapping[str, Parameter] = {
    "depth": IntParameter(low=1, high=3),
    "width": Fixed(value=32),
    "dropout": FloatParameter(low=0.1, high=0.5, zero=0.3),
    "l2": FloatParameter(low=0.1, high=0.5),
    "batch_norm": ChoiceParameter(values=(True,)),
}


@pytest.mark.parametrize(
    ("values", "inside"),
    [
        ({}, True),
        ({"dropout": 0.0}, True),
        ({"dropout": 0.05}, False),
        ({"l2": 0.0}, False),
        ({"depth": 4}, False),
        ({"width": 33}, False),
        ({"batch_norm": False}, False),
        ({"l1": 0.1}, False),  # the space leaves l1 out, so it is off
    ],
)
def test_what_lies_in_a_space(values: Mapping[str, float], *, inside: bool) -> None:
    point = point_from_values({"depth": 2, "width": 32, "dropout": 0.2, "l2": 0.3, "batch_norm": True, **values})
    assert contains(SPACE, point) == inside


@given(ints)
def test_grids_of_whole_numbers_hold_both_ends_and_each_number_once(parameter: IntParameter) -> None:
    values = grid_values(parameter)
    assert len(set(values)) == len(values) <= parameter.n
    assert all(isinstance(value, int) and parameter.low <= value <= parameter.high for value in values)
    if parameter.n > 1:
        assert (values[0], values[-1]) == (parameter.low, parameter.high)


@given(floats)
def test_grids_of_numbers_hold_both_ends_and_off_where_it_can_be(parameter: FloatParameter) -> None:
    off, on = [v for v in grid_values(parameter) if v == 0], [v for v in grid_values(parameter) if v != 0]
    assert off == ([0.0] if parameter.zero else [])
    assert len(on) == parameter.n
    assert all(isinstance(value, float) and parameter.low <= value <= parameter.high for value in on)
    if parameter.n > 1:
        assert (on[0], on[-1]) == (parameter.low, parameter.high)


def test_grid_steps_are_factors_on_a_logarithmic_scale() -> None:
    assert grid_values(IntParameter(low=16, high=256, log=True, n=5)) == (16, 32, 64, 128, 256)
    assert grid_values(FloatParameter(low=1e-4, high=1e-2, log=True, n=3)) == pytest.approx((1e-4, 1e-3, 1e-2))
    assert grid_values(FloatParameter(low=1e-4, high=1e-2, log=True, n=1)) == pytest.approx((1e-3,))
    assert grid_values(IntParameter(low=1, high=6)) == (1, 2, 4, 5, 6)
    assert grid_values(ChoiceParameter(values=("relu", "elu"))) == ("relu", "elu")
    assert grid_values(Fixed(value=(3, 2))) == ((3, 2),)
