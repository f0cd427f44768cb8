"""Denormal numbers in lanes, and arrays to which no references are counted."""

from __future__ import annotations

import platform
import sys
from typing import Any

import numba
import numpy as np
import pytest

from contracts.trainers import STOPPING, job, problem_for
from ffsearch.search.network.heads import Task
from ffsearch.search.network.topology import Point
from ffsearch.search.training.intrinsics import flush, restore, unowned
from ffsearch.search.training.lane_arrays import BIAS
from ffsearch.search.training.lanes import Lane, Settings, Tables

TINY = np.full(4, 2e-38, np.float32)
"""Half of it is denormal."""

has_switch = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64", "aarch64", "arm64"), reason="no switch on this processor"
)


@numba.njit  # type: ignore[untyped-decorator]
def flushed() -> int:
    return flush()


@numba.njit  # type: ignore[untyped-decorator]
def restored(state: int) -> None:
    restore(state)


@numba.njit  # type: ignore[untyped-decorator]
def total_of_unowned(array: Any) -> float:
    view, total = unowned(array), 0.0
    for i in range(view.shape[0]):
        for j in range(view.shape[1]):
            total += view[i, j]
            view[i, j] = 0
    return total


@has_switch
def test_denormal_numbers_are_zeros_until_they_are_restored() -> None:
    half = np.float32(0.5)
    assert (TINY * half != 0).all()
    found = flushed()
    try:
        product = TINY * half
    finally:
        restored(found)
    assert (product == 0).all()
    assert (TINY * half != 0).all()


@has_switch
def test_a_lane_computes_without_denormal_numbers_and_leaves_its_thread_as_it_was() -> None:
    """What Adam remembers of a unit that no row turns on fades; it must not end among numbers that take forever."""
    one = Lane(job(0, point=Point(depth=2, width=8)), Tables(problem_for(Task.REGRESSION)), Settings(stopping=STOPPING))
    one.train_epoch()
    network = one._network
    assert network is not None
    network.state.vectors[8 * BIAS : 8 * (BIAS + 1)] = -1e6  # no row turns a unit of the first layer on
    network.state.kernel_moments[:] = 2e-38
    one.train_epoch()
    moments = np.abs(network.state.kernel_moments)
    assert (moments == 0).any()
    assert not ((moments > 0) & (moments < np.finfo(np.float32).tiny)).any()
    assert (TINY * np.float32(0.5) != 0).all()


def test_an_unowned_array_is_the_same_memory_and_counts_nothing() -> None:
    array = np.arange(6.0).reshape(2, 3)
    before = sys.getrefcount(array)
    assert total_of_unowned(array) == 15
    assert not array.any()
    assert sys.getrefcount(array) == before
