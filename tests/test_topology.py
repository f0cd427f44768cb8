"""Points, layer sizes, and parameter counts against Keras' own."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ffsearch.search.network.heads import Head, Loss, Task
from ffsearch.search.network.model import build_network
from ffsearch.search.network.topology import MIN_WIDTH, Activation, Point, describe, layer_sizes, n_params

POINTS = st.builds(
    Point,
    depth=st.integers(1, 6),
    width=st.integers(4, 64),
    taper=st.sampled_from([0.3, 0.5, 0.8, 1.0, 1.3]),
    activation=st.sampled_from(Activation),
    dropout=st.sampled_from([0.0, 0.2]),
    batch_norm=st.booleans(),
    l2=st.sampled_from([0.0, 1e-4]),
    activity_l1=st.sampled_from([0.0, 1e-4]),
)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(point=POINTS, n_features=st.integers(1, 40), n_outputs=st.integers(1, 12))
def test_parameters_are_counted_as_keras_counts_them(point: Point, n_features: int, n_outputs: int) -> None:
    head = Head(
        task=Task.REGRESSION, loss=Loss.MSE, n_outputs=n_outputs, target_names=tuple(f"t{i}" for i in range(n_outputs))
    )
    model = build_network(point, head=head, n_features=n_features, seed=np.random.SeedSequence(0))
    assert model.count_params() == n_params(point, n_features=n_features, n_outputs=n_outputs)
    keras.backend.clear_session(free_memory=False)


@given(point=POINTS)
def test_no_layer_is_narrower_than_the_least_width(point: Point) -> None:
    sizes = layer_sizes(point)
    assert len(sizes) == point.depth
    assert sizes[0] == max(MIN_WIDTH, point.width)
    assert min(sizes) >= MIN_WIDTH


def test_a_list_of_widths_is_taken_as_it_is() -> None:
    point = Point(depth=3, width=256, widths=(256, 128, 2), taper=0.1)
    assert layer_sizes(point) == (256, 128, 2)
    assert describe(point, n_features=13, n_outputs=3).startswith("13 -> 256-128-2 -> 3 relu (")


@given(point=POINTS)
def test_a_point_survives_json(point: Point) -> None:
    assert Point.from_dict(json.loads(json.dumps(point.as_dict()))) == point


def test_unknown_names_and_activations_are_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        Point.from_dict({"depth": 1, "width": 8, "colour": "red"})
    with pytest.raises(ValueError, match="gelu"):
        Point.from_dict({"depth": 1, "width": 8, "activation": "gelu"})


def test_the_taper_of_a_single_layer_makes_no_other_network() -> None:
    assert Point(depth=1, width=32, taper=0.5).identity == Point(depth=1, width=32).identity
    assert Point(depth=2, width=32, taper=0.5).identity != Point(depth=2, width=32).identity
    assert Point(depth=2, width=32, widths=(32, 32)).identity == Point(depth=2, width=32).identity


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(Point) if f.name not in {"widths", "taper"}])
def test_every_other_field_makes_another_network(name: str) -> None:
    point = Point(depth=2, width=32, taper=0.5)
    changed: Any = {"depth": 3, "width": 40, "activation": Activation.ELU, "batch_norm": True}.get(name, 0.25)
    assert dataclasses.replace(point, **{name: changed}).identity != point.identity
