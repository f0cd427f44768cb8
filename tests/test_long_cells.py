"""Cells and names without end: what is written as no number, date or time is not looked through place by place."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ffsearch.search.data.parsing import moments, units, written
from ffsearch.search.data.parsing.spelling import PLAIN
from ffsearch.search.data.prepare import prepare
from ffsearch.spaces.schema import DataSpec

LONG = 100_000
REPEATED = [" ", "1-", "1 ", "1,", "1.", "1/", "1:", "1d ", "Mon ", "(", "1e", "\N{EN DASH}", "a ", "<"]


@pytest.mark.parametrize("sign", REPEATED)
def test_a_long_cell_is_no_number_with_a_unit_no_date_and_no_time(sign: str) -> None:
    text = f"1{sign * LONG}2"
    assert math.isnan(written.amount(text, PLAIN.as_dict())[0])
    assert units.shape_of(text) is None
    assert math.isnan(moments.time_in(text)[0])
    assert math.isnan(moments.seconds_in(text, day_first=True, dots_day_first=True))


def test_a_long_number_is_one() -> None:
    assert written.amount("0." + "3" * LONG, PLAIN.as_dict()) == (pytest.approx(1 / 3), "")
    assert written.MOST_SIGNS == moments.MOST_SIGNS


@pytest.mark.parametrize("sign", [" ", "1-"])
def test_a_column_of_long_cells_is_read(sign: str, tmp_path: Path) -> None:
    """For minutes before: every blank was tried as the beginning of what stands behind a number."""
    rows = [f'"{k % 5}{sign * LONG}{k % 3}",{k},{"pq"[k % 2]}' for k in range(24)]
    (tmp_path / "t.csv").write_text("a,b,y\n" + "\n".join(rows) + "\n")
    prepared = prepare(DataSpec(source=str(tmp_path / "t.csv"), target="y", test=None), seed=0)
    assert {column.name for column in prepared.columns} >= {"b"}
