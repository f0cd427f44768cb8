"""Runs of every shape that a report may be asked for, and names that it must bear."""

from __future__ import annotations

from typing import Any

from examples import ACCURACY, RMSE
from ffsearch.search.training.protocol import Ended

SHAPES: dict[str, dict[str, Any]] = {
    "forty": {"n_trials": 40},
    "none yet": {"n_trials": 0, "is_finished": False},
    "one": {"n_trials": 1, "only": Ended.STOPPED},
    "two": {"n_trials": 2, "only": Ended.COMPLETED},
    "one diverged": {"n_trials": 1, "only": Ended.DIVERGED},
    "all failed": {"n_trials": 5, "only": Ended.FAILED},
    "all pruned": {"n_trials": 5, "only": Ended.PRUNED},
    "out of time": {"n_trials": 3, "only": Ended.BUDGET},
    "unfinished": {"n_trials": 12, "is_finished": False},
    "maximised": {"n_trials": 20, "objective": ACCURACY},
    "regression": {"n_trials": 20, "objective": RMSE},
    "no columns": {"n_trials": 3, "columns": None, "notices": []},
    "evidence": {"n_trials": 30, "evidence": True},
    "evidence of numbers": {"n_trials": 20, "evidence": True, "objective": RMSE},
    "evidence, maximised": {"n_trials": 20, "evidence": True, "objective": ACCURACY},
}

HOSTILE = [
    "<script>window.hacked = 1</script>",
    "</style><script>window.hacked = 2</script>",
    "\"'><img src=x onerror=window.hacked=3>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;already&gt;&amp;",
    "עמודה \u202eright-to-left\u202c",
    "🦊 family 👩‍👩‍👧‍👦",
    "x" * 10_000,
    "nul \x00 bell \x07 half \ud83e",
    "$\\frac{1}{2}$ %s {0} {name}",
]
