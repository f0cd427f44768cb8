"""Which networks share a lane: ladders, slots, memory, and what is left to the reference trainer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffsearch.search.data.problem import Problem, Split
from ffsearch.search.heads import Head, Loss, Task
from ffsearch.search.seeds import Purpose, child
from ffsearch.search.topology import Point, layer_sizes
from ffsearch.search.training.planner import (
    MAX_DEPTH,
    MAX_WIDTH,
    Crowd,
    LaneShape,
    Planner,
    compile_seconds,
    dynamic_update_seconds,
    ladder,
    pays_to_compile,
    update_seconds,
)
from ffsearch.search.training.protocol import Job

HEAD = Head(task=Task.REGRESSION, loss=Loss.MSE, n_outputs=1, target_names=("y",))


def a_problem(n_train: int = 8_000, n_features: int = 20) -> Problem:
    """Rows of zeros: the planner looks at their number alone."""

    def rows(n: int, width: int) -> np.ndarray:
        return np.zeros((n, width), np.float32)

    split = Split(
        x_train=rows(n_train, n_features), y_train=rows(n_train, 1), x_valid=rows(500, n_features), y_valid=rows(500, 1)
    )
    return Problem(head=HEAD, splits=(split,))


def a_shape(
    point: Point,
    *,
    n_train: int = 8_000,
    batch_size: int = 256,
    memory: int = 2**33,
    compiled: bool | None = True,
) -> LaneShape | None:
    planner = Planner(a_problem(n_train), batch_size=batch_size, memory_bytes=memory, compiled=compiled)
    return planner.shape(Job(trial=0, point=point, seed=child(0, Purpose.TRIAL, 0)))


def test_a_crowd_has_lanes_of_its_own_width_with_a_slot_for_each() -> None:
    def shape(n_updates: int, **point: int) -> LaneShape | None:
        planner = Planner(
            a_problem(), batch_size=64, memory_bytes=2**33, crowd=Crowd(n_together=5, n_updates=n_updates)
        )
        return planner.shape(Job(trial=0, point=Point(**point), seed=child(0, Purpose.TRIAL, 0)))

    short, long = shape(100, depth=3, width=37), shape(1_000_000, depth=3, width=37)
    assert short is not None
    assert long is not None
    assert (short.units, short.n_slots, short.compiled) == ((37, 37, 37), 5, False)
    assert (long.units, long.n_slots, long.compiled) == ((37, 37, 37), 5, True)
    assert shape(100, depth=1, width=MAX_WIDTH + 1) is not None
    assert shape(100, depth=MAX_DEPTH + 1, width=8) is None


@given(depth=st.integers(1, MAX_DEPTH), width=st.integers(4, MAX_WIDTH), taper=st.floats(0.3, 1.0), small=st.booleans())
def test_a_lane_holds_its_network(*, depth: int, width: int, taper: float, small: bool) -> None:
    point = Point(depth=depth, width=width, taper=taper)
    shape = a_shape(point, n_train=300 if small else 8_000)
    assert shape is not None
    assert len(shape.units) == depth
    assert all(units >= needed for units, needed in zip(shape.units, layer_sizes(point), strict=True))
    assert all(units % 16 == 0 for units in shape.units)
    assert shape.n_slots in (1, 2, 4, 8)


def test_points_of_a_kind_share_a_lane_whatever_they_are_trained_with() -> None:
    one = a_shape(Point(depth=3, width=121, dropout=0.5, batch_norm=True, learning_rate=0.1))
    assert one == a_shape(Point(depth=3, width=127, l2=0.1))
    assert one != a_shape(Point(depth=2, width=121))
    assert one != a_shape(Point(depth=3, width=121, activity_l2=0.1))


def test_narrow_lanes_have_more_slots() -> None:
    slots = [shape.n_slots for width in (16, 64, 256) if (shape := a_shape(Point(depth=2, width=width)))]
    assert slots == sorted(slots, reverse=True)
    assert slots[-1] == 1


def test_a_steep_taper_is_padded_layer_by_layer_a_flat_one_evenly() -> None:
    steep, flat = a_shape(Point(depth=3, width=512, taper=0.25)), a_shape(Point(depth=3, width=256, taper=0.9))
    assert steep is not None
    assert flat is not None
    assert steep.units == (512, 128, 32)
    assert flat.units == (256, 256, 256)


@pytest.mark.parametrize("point", [Point(depth=1, width=MAX_WIDTH + 1), Point(depth=MAX_DEPTH + 1, width=16)])
def test_what_is_too_wide_or_too_deep_goes_to_the_reference(point: Point) -> None:
    assert a_shape(point) is None


def test_a_lane_that_would_not_fit_is_made_smaller_then_left_to_the_reference() -> None:
    point = Point(depth=4, width=16)
    whole = a_shape(point)
    assert whole is not None
    planner = Planner(a_problem(), batch_size=256, compiled=True)
    half = replace(whole, n_slots=whole.n_slots // 2)
    assert planner.peak_bytes(half) < planner.peak_bytes(whole)
    assert a_shape(point, memory=planner.peak_bytes(half)) == half
    assert a_shape(point, memory=planner.table_bytes()) is None


@pytest.mark.parametrize("n_rows", [100, 1_000, 8_000, 100_000])
def test_a_ladder_rises_to_the_widest_lane(n_rows: int) -> None:
    rungs = ladder(n_features=20, n_rows=n_rows, batch_size=min(n_rows, 256))
    assert list(rungs) == sorted(set(rungs))
    assert rungs[-1] == MAX_WIDTH


def test_the_dynamic_graph_takes_networks_as_they_are_one_a_lane() -> None:
    shape = a_shape(Point(depth=2, width=37, taper=0.5), compiled=False)
    assert shape is not None
    assert (shape.units, shape.n_slots, shape.compiled) == ((37, 18), 1, False)


def kinds(n_train: int) -> list[bool]:
    """Whether lanes are compiled, of networks ever wider and deeper."""
    points = [Point(depth=depth, width=width) for depth in (1, 3, 6) for width in (16, 64, 256)]
    shapes = [a_shape(point, n_train=n_train, batch_size=min(256, n_train), compiled=None) for point in points]
    return [shape.compiled for shape in shapes if shape is not None]


def test_a_small_table_compiles_nothing_common_a_large_one_everything() -> None:
    assert not any(kinds(400))
    assert all(kinds(200_000))
    assert kinds(8_000).count(True) < kinds(40_000).count(True)


def test_what_pays_on_a_table_pays_on_a_larger_one() -> None:
    for depth in (1, 3, 6):
        pays = [
            pays_to_compile(depth, 256, rungs=(64, 256, 1024), n_features=20, n_rows=n, batch_size=256)
            for n in (300, 3_000, 30_000, 300_000)
        ]
        assert pays == sorted(pays)


def test_costs_grow_with_the_network() -> None:
    assert compile_seconds(6) > compile_seconds(1)
    for seconds in (update_seconds, dynamic_update_seconds):
        costs = [seconds((width,) * 3, n_features=20, batch_size=256) for width in (32, 64, 128, 256)]
        assert costs == sorted(costs)
