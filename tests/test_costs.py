"""What training is thought to cost."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from ffsearch.search.base.memory import container_limits, machine_memory
from ffsearch.search.training.costs import memory_for_lanes, update_seconds


def test_costs_grow_with_width_depth_columns_and_rows() -> None:
    widths = [update_seconds((width,) * 3, n_features=20, batch_size=256) for width in (32, 64, 128, 256)]
    depths = [update_seconds((64,) * depth, n_features=20, batch_size=256) for depth in (1, 2, 4)]
    columns = [update_seconds((64,), n_features=n, batch_size=256) for n in (10, 100, 1_000)]
    rows = [update_seconds((64,), n_features=20, batch_size=n) for n in (32, 256)]
    for costs in (widths, depths, columns, rows):
        assert costs == sorted(costs)
        assert costs[0] > 0


def test_the_machine_has_memory() -> None:
    assert 2**28 < machine_memory() <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("of_process", "limits", "smallest"),
    [
        ("0::/", {"memory.max": "3000000000\n"}, 3_000_000_000),  # a container that sees its own group as the root
        ("0::/a/b", {"a/b/memory.max": "max\n", "a/memory.max": "1000000000\n"}, 1_000_000_000),  # the one above counts
        ("0::/a/b", {"a/b/memory.max": "max\n"}, None),
        ("0::/", {}, None),
        ("5:cpu,cpuacct:/x\n4:memory:/x\n0::/", {"memory/x/memory.limit_in_bytes": "2000000000\n"}, 2_000_000_000),
        # a container of the first version that is told the path its group has outside
        ("4:memory:/docker/1f2e", {"memory/memory.limit_in_bytes": "2000000000\n"}, 2_000_000_000),
        ("4:memory:/", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, 9223372036854771712),  # none set
        ("", {}, None),
    ],
)
def test_a_container_counts_with_its_smallest_limit(
    tmp_path: Path, of_process: str, limits: dict[str, str], smallest: int | None
) -> None:
    (tmp_path / "cgroup").write_text(of_process, encoding="utf-8")
    for name, content in limits.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert min(container_limits(tmp_path, tmp_path / "cgroup"), default=None) == smallest


def test_a_system_without_control_groups_has_no_limit(tmp_path: Path) -> None:
    assert not list(container_limits(tmp_path, tmp_path / "nowhere"))


def test_a_container_that_allows_less_than_the_machine_has_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ffsearch.search.base.memory.container_limits", lambda: iter([2**40 * 1000, 2**29]))
    assert machine_memory() == 2**29
    assert memory_for_lanes() == 2**28
