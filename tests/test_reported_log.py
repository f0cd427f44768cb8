"""Every row of the log of public reports is held by a test."""

from __future__ import annotations

import importlib

import reported

ELSEWHERE = {78: ("test_export", "test_every_task_in_every_format")}
"""Rows that tests of another subject hold already."""


def test_every_row_of_the_log_is_held() -> None:
    for module in ("columns", "rows", "tables"):
        importlib.import_module(f"test_reported_{module}")
    assert reported.HELD | set(ELSEWHERE) == set(range(1, reported.N_ROWS + 1))
    for module, test in ELSEWHERE.values():
        assert hasattr(importlib.import_module(module), test)
