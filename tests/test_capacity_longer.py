"""Whether longer training would change the order of a study: what is told of it, and that it tunes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ffsearch.search.capacity.longer import order_of
from ffsearch.search.folder.reader import StoredRun
from ffsearch.search.folder.study_results import OrderKind
from ffsearch.search.run import run
from ffsearch.search.wording.codes import Code
from test_capacity_study import TINY, Interrupting, assert_same_study

MARGIN = 0.02


@pytest.mark.parametrize(
    ("now", "then", "order"),
    [
        ([0.05, 0.06, 0.05], [0.09, 0.11, 0.10], OrderKind.SAME),  # ahead before and after
        ([0.01, -0.01, 0.00], [0.01, 0.02, 0.01], OrderKind.SAME),  # level before and after
        ([-0.05, -0.06, -0.05], [0.05, 0.06, 0.04], OrderKind.OTHER),
        ([0.01, 0.00, 0.01], [0.05, 0.04, 0.05], OrderKind.OTHER),  # level, then ahead
        ([-0.03, -0.02, -0.04], [0.40, -0.30, 0.02], OrderKind.UNCLEAR),  # one seed makes it
    ],
)
def test_an_order_is_another_where_the_change_is_shown(now: list[float], then: list[float], order: OrderKind) -> None:
    assert order_of(np.array(then), np.array(now), margin=MARGIN) is order


def test_where_nothing_changes_hardly_any_study_is_told_so() -> None:
    rng = np.random.default_rng(0)
    gains = rng.normal(0.02, 0.01, size=(2, 2000, 5))  # at the margin, where every second order differs by chance
    told = [order_of(then, now, margin=MARGIN) for then, now in zip(*gains, strict=True)]
    assert told.count(OrderKind.OTHER) <= 0.05 * len(told)
    assert told.count(OrderKind.UNCLEAR) > 0.2 * len(told)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    """A study that trains two cells three times as long."""
    return run("capacity", overrides=TINY | {"capacity.longer": 3}, out=tmp_path_factory.mktemp("longer") / "run")


def test_two_cells_of_one_budget_are_trained_longer_and_it_is_told(finished: StoredRun) -> None:
    frame, told = finished.capacity, finished.summary["capacity"]["longer"]
    longer, usual = frame[frame["is_longer"]], frame[~frame["is_longer"]]
    assert sorted(longer["depth"]) == [1, 1, 2, 2]  # two seeds each
    assert set(longer["budget"]) == {told["budget"]}
    trials = finished.trials.set_index("trial")
    epochs = trials["n_epochs"] * trials["evaluate_every"] if "evaluate_every" in trials else trials["n_epochs"]
    assert set(epochs[longer["trial"]]) == {3 * epochs[usual["trial"]].iloc[0]}
    means = [
        of.groupby("depth")["valid"].mean()
        for of in (usual[usual["is_chosen"] & (usual["budget"] == told["budget"])], longer)
    ]
    for name, mean in zip(("whole", "longer"), means, strict=True):
        assert told[name]["value"] == pytest.approx(mean[1] - mean[2])
    said = {one["code"]: one for one in finished.summary["verdict"]["sentences"]}
    assert said[Code.TRAINED_LONGER]["form"] == told["later"]
    assert said[Code.AT_HALF]["form"] == told["at_half"]


def test_what_was_trained_longer_tunes_and_compares_nothing(finished: StoredRun, tmp_path: Any) -> None:
    without = run("capacity", overrides=TINY | {"capacity.longer": 1}, out=tmp_path / "run")
    assert "longer" not in without.summary["capacity"]
    assert not without.capacity["is_longer"].any()
    for key in ("cells", "means", "singles"):
        assert without.summary["capacity"][key] == finished.summary["capacity"][key]
    assert without.best == finished.best
    assert without.verdict is not None
    assert Code.TRAINED_LONGER not in {one["code"] for one in without.verdict["sentences"]}


def test_half_of_the_updates_is_read_off_the_curves(finished: StoredRun) -> None:
    cell = finished.summary["capacity"]["cells"][0]
    chosen = finished.capacity.query("is_chosen and depth == @cell['depth'] and budget == @cell['budget']")
    curves = finished.curves.set_index("trial")
    halves = []
    for _, row in chosen.iterrows():
        losses = curves.loc[row["trial"], "valid_loss"].to_numpy()
        halves.append(row["valid"] * np.sqrt(losses[: len(losses) // 2].min() / losses.min()))
    assert cell["valid_at_half"] == pytest.approx(np.mean(halves), rel=1e-4)


def test_a_study_that_is_interrupted_there_goes_on_to_the_same_end(finished: StoredRun, tmp_path: Any) -> None:
    n_before = int((~finished.capacity["is_longer"]).sum())
    overrides = TINY | {"capacity.longer": 3}
    with pytest.raises(KeyboardInterrupt, match="The same command goes on"):
        run("capacity", overrides=overrides, out=tmp_path / "run", observer=Interrupting(n_before + 1))
    assert_same_study(run("capacity", overrides=overrides, out=tmp_path / "run"), finished)


def test_an_objective_that_curves_do_not_tell_has_no_half(tmp_path: Any) -> None:
    done = run("capacity", overrides=TINY | {"capacity.objective": "mae"}, out=tmp_path / "run")
    told = done.summary["capacity"]
    assert told["longer"]["half"] is None
    assert "valid_at_half" not in told["cells"][0]
    assert told["longer"]["later"] in set(OrderKind)
