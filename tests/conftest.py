"""What all tests share: a quiet TensorFlow, and the switch for slow ones."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ["COLUMNS"] = "100"  # what is said is as wide as the terminal, and tests are not run in one
os.environ["LC_ALL"] = "C.UTF-8"  # commands speak the system's language, and tests know the English one
# Two test processes and OpenMP's threads, which spin while they wait, take ten times as long on small tables.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# The same code passes or fails the same tests; FFSEARCH_EXPLORE=1 draws other examples every time, to look for faults.
# Machines differ in speed, so no example has a deadline.
settings.register_profile("stated", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None)
settings.load_profile("explore" if os.environ.get("FFSEARCH_EXPLORE") else "stated")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="slow: run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)
