"""What training is thought to cost."""

from __future__ import annotations

from ffsearch.search.training.costs import machine_memory, update_seconds


def test_costs_grow_with_width_depth_columns_and_rows() -> None:
    widths = [update_seconds((width,) * 3, n_features=20, batch_size=256) for width in (32, 64, 128, 256)]
    depths = [update_seconds((64,) * depth, n_features=20, batch_size=256) for depth in (1, 2, 4)]
    columns = [update_seconds((64,), n_features=n, batch_size=256) for n in (10, 100, 1_000)]
    rows = [update_seconds((64,), n_features=20, batch_size=n) for n in (32, 256)]
    for costs in (widths, depths, columns, rows):
        assert costs == sorted(costs)
        assert costs[0] > 0


def test_the_machine_has_memory() -> None:
    assert machine_memory() > 2**28
