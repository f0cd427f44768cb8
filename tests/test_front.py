"""The networks of a run that are worth their size."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ffsearch
from examples import ACCURACY, LOSS, a_finished_run
from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.pareto import pareto_front

ROWS = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=30)


def trials(rows: list[tuple[int, float]], **columns: list[object]) -> pd.DataFrame:
    n = len(rows)
    frame = pd.DataFrame({"trial": range(n), "n_params": [a for a, _ in rows], "value": [float(b) for _, b in rows]})
    frame["repeat_of"] = pd.Series([None] * n, dtype="Int64")
    return frame.assign(**{"ended": ["stopped"] * n, "topology": [f"t{k}" for k in range(n)], **columns})


@settings(deadline=None, max_examples=50)
@given(ROWS, st.sampled_from([LOSS, ACCURACY]))
def test_nothing_on_the_front_is_dominated_and_all_else_is(rows: list[tuple[int, int]], objective: Objective) -> None:
    sign = objective.sign
    front = pareto_front(trials(list(rows)), objective=objective)
    on_front = list(zip(front["n_params"], sign * front["value"], strict=True))
    assert on_front == sorted(set(on_front))
    for a, b in {(a, sign * b) for a, b in rows}:
        is_dominated = any(c <= a and sign * d <= b and (c, sign * d) != (a, b) for c, d in rows)
        assert is_dominated != ((a, b) in on_front)


def test_a_point_tried_twice_counts_by_its_mean_and_what_diverged_not_at_all() -> None:
    frame = trials([(10, 1.0), (5, 3.0), (10, 2.0), (1, 0.1)], ended=["stopped", "pruned", "stopped", "diverged"])
    frame["repeat_of"] = pd.Series([None, None, 0, None], dtype="Int64")
    front = pareto_front(frame, objective=LOSS)
    assert front["trial"].tolist() == [1, 0]
    assert front["value"].tolist() == [3.0, 1.5]
    assert front["n_seeds"].tolist() == [1, 2]
    assert front["ended"].tolist() == ["pruned", "stopped"]


def test_a_run_without_a_score_has_an_empty_front() -> None:
    front = pareto_front(trials([(3, 1.0)], ended=["failed"]), objective=LOSS)
    assert front.empty
    assert {"trial", "n_params", "value", "topology"} <= set(front.columns)


def test_a_loaded_run_knows_its_front(tmp_path: Path) -> None:
    run = ffsearch.load(a_finished_run(tmp_path / "runs" / "tabular"))
    assert run.front["n_params"].is_monotonic_increasing
    best = run.trials.loc[run.trials["ended"] != "pruned", "value"].min()
    assert run.front["value"].min() == pytest.approx(min(best, run.trials["value"].min()))
