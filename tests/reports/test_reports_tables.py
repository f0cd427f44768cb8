from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from examples import ACCURACY, LOSS, RMSE
from ffsearch.reports import listings, tables
from ffsearch.reports.curves import MAX_CURVE_POINTS, MAX_FAINT_CURVES, learning_curves
from ffsearch.reports.pictures import learning_picture
from ffsearch.reports.plots import score_range
from ffsearch.reports.style import measure
from ffsearch.reports.tables import Layers, ParameterSlice, ShownObjective
from ffsearch.search.base.objective import Objective
from ffsearch.search.training.protocol import Ended
from ffsearch.search.wording.language import ENGLISH

SHOWN = ShownObjective(name="log_loss", direction="minimize")


def test_a_topology_line_tells_its_layers() -> None:
    line = "13 -> 256-128 -> 3 relu bn dropout=.15 (36k parameters)"
    assert tables.layers(line) == Layers(n_inputs=13, hidden=(256, 128), n_outputs=3)
    assert tables.layers(None) is None
    assert tables.layers("no topology") is None


def test_what_a_sampler_was_told_of_a_diverged_trial_is_no_score(make_run: Any) -> None:
    run = make_run(6, only=Ended.DIVERGED)
    run.trials["value"] = 0.7
    assert tables.history(run)["value"].isna().all()
    assert tables.best_trial(run) is None
    assert learning_curves(run) is None
    assert tables.slices(run) == []


def test_a_pruned_trial_never_wins_over_a_trained_one(make_run: Any) -> None:
    run = make_run(8, only=Ended.STOPPED)
    pruned = int(run.trials["trial"].iloc[2])
    run.trials.loc[run.trials["trial"] == pruned, ["ended", "value"]] = ["pruned", 1e-3]
    history = tables.history(run)
    assert tables.best_trial(run) != pruned
    assert history["best_so_far"].min() > 1e-3
    assert tables.ranked(run)["trial"].iloc[0] == tables.best_trial(run)


def test_a_trial_that_was_pruned_between_folds_says_after_how_many(make_run: Any) -> None:
    run = make_run(1, only=Ended.PRUNED)
    by_epochs = f"pruned at {run.trials['n_epochs'][0]}"
    assert by_epochs in [cell.text for cell in listings.trial_table(run, ENGLISH).rows[0]]
    run.trials["n_folds_judged"] = 4
    assert "pruned after 4 folds" in [cell.text for cell in listings.trial_table(run, ENGLISH).rows[0]]
    del run.trials["n_folds_judged"]  # a run of before the column
    assert by_epochs in [cell.text for cell in listings.trial_table(run, ENGLISH).rows[0]]


@pytest.mark.parametrize(("objective", "falls"), [(LOSS, True), (ACCURACY, False)])
def test_the_best_so_far_goes_one_way(make_run: Any, objective: Objective, falls: bool) -> None:  # noqa: FBT001
    history = tables.history(make_run(40, objective=objective))
    steps = history["best_so_far"].dropna().diff().dropna()
    assert (steps <= 0).all() if falls else (steps >= 0).all()
    assert history["is_best"].sum() == 1


def test_ranked_begins_with_the_winner_and_ends_with_what_has_no_score(make_run: Any) -> None:
    ranked = tables.ranked(make_run(40))
    scored = ranked["value"].notna()
    assert scored.iloc[0]
    assert not scored.iloc[-1]
    assert ranked["value"].iloc[1:][scored.iloc[1:]].is_monotonic_increasing


def test_curves_are_the_winners_whole_and_a_bounded_sample_of_the_rest(make_run: Any) -> None:
    run = make_run(200)
    curves = learning_curves(run)
    assert curves is not None
    assert curves.trial == run.summary["best"]["trial"]
    assert len(curves.best) == (run.curves["trial"] == curves.trial).sum()
    assert len(curves.others) == MAX_FAINT_CURVES
    assert all(len(one.epochs) == len(one.losses) <= MAX_CURVE_POINTS for one in curves.others)


def test_a_winner_that_was_trained_again_shows_the_repeat_in_the_middle(make_run: Any) -> None:
    run = make_run(20)
    trial = run.summary["best"]["trial"]
    best = {1: 30, 2: 4, 3: 12}  # by repeat, the epoch of its lowest loss
    rows = [
        {"trial": trial, "repeat": repeat, "epoch": epoch, "train_loss": 0.1, "valid_loss": abs(epoch - lowest) + 1.0}
        for repeat, lowest in best.items()
        for epoch in range(1, 40)
    ]
    rows += [{"trial": trial, "repeat": 4, "epoch": 1, "train_loss": np.nan, "valid_loss": np.nan}]  # it diverged
    object.__setattr__(run, "repeat_curves", pd.DataFrame(rows))
    curves = learning_curves(run)
    assert curves is not None
    assert (curves.repeat, curves.best_epoch, len(curves.best), len(curves.repeats)) == (3, 12, 39, 2)
    assert {one.trial for one in curves.repeats} == {trial}
    caption = learning_picture(run, ENGLISH)
    assert caption is not None
    assert "trained again" in caption.caption
    assert "2 other repeats" in caption.caption


def test_slices_know_their_scale_their_off_and_their_order(make_run: Any) -> None:
    slices = {part.name: part for part in tables.slices(make_run(60))}
    assert list(slices) == ["depth", "width", "activation", "dropout", "batch_norm", "l1", "l2", "learning_rate"]
    assert [name for name, part in slices.items() if part.log] == ["width", "l1", "l2", "learning_rate"]
    assert [name for name, part in slices.items() if part.has_off] == ["dropout", "l1", "l2"]
    assert [name for name, part in slices.items() if not part.is_number] == ["activation", "batch_norm"]
    assert all(part.frame["is_best"].sum() == 1 for part in slices.values())


@pytest.mark.parametrize("text", ["", "just words", "a: [1, 2", "space: 3", "space: {depth: 2}"])
def test_slices_do_without_a_readable_space(make_run: Any, text: str) -> None:
    slices = tables.slices(make_run(20, space_text=text))
    assert {part.name for part in slices} >= {"depth", "activation", "dropout"}
    assert not any(part.log for part in slices)


def test_groups_of_a_slice_hold_every_trial_once() -> None:
    x = [0.0] * 5 + list(np.geomspace(1e-6, 1e-3, 20))
    frame = pd.DataFrame(
        {"trial": range(25), "x": x, "value": np.linspace(0.1, 0.9, 25), "is_best": [True] + [False] * 24}
    )
    part = ParameterSlice(name="l2", is_number=True, log=True, has_off=True, frame=frame)
    groups = tables.slice_groups(part, LOSS)
    assert groups["n"].sum() == 25
    assert groups.iloc[0][["low", "high", "n"]].tolist() == [0, 0, 5]
    assert groups["low"].is_monotonic_increasing
    assert groups["best"].iloc[0] == pytest.approx(0.1)


def test_time_is_shared_by_what_trained_side_by_side(make_run: Any) -> None:
    run = make_run(3)
    run.summary["search"].update(wall_s=10.0, train_s=40.0, compile_s=4.0)
    assert tables.time_parts(run) == pytest.approx({"compile": 1.0, "train": 9.0, "rest": 0.0})
    run.summary["search"].update(wall_s=0.0)
    assert tables.time_parts(run) == {}


def test_scores_come_with_intervals_where_they_have_them(make_run: Any) -> None:
    scores = tables.scores(make_run(10))
    assert [score.name for score in scores] == ["naive", "test"]
    assert (scores[1].low, scores[1].high) == (0.0614, 0.1272)
    assert scores[0].low is None


def test_a_score_is_in_the_unit_of_one_target_and_standardised_over_several(make_run: Any) -> None:
    run = make_run(3, objective=RMSE)
    assert measure(tables.objective(run), ENGLISH) == "RMSE (unit of malignant)"
    run.summary["data"]["target"] = ["a", "b"]
    assert measure(tables.objective(run), ENGLISH) == "RMSE (standard deviations of the targets)"
    assert measure(tables.objective(make_run(3)), ENGLISH) == "log loss (nats)"
    assert measure(tables.objective(make_run(3, objective=ACCURACY)), ENGLISH) == "accuracy"


def test_the_target_is_named_by_the_summary(make_run: Any) -> None:
    run = make_run(1)
    assert tables.target(run) == "malignant"
    run.summary["data"]["target"] = ["a", "b"]
    assert tables.target(run) == "a, b"


def test_a_score_axis_is_not_squeezed_by_the_worst_trial() -> None:
    values = pd.Series([0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17, 0.18, 0.19, 40.0, math.nan])
    shown = score_range(values, SHOWN)
    assert shown is not None
    assert shown.limits[1] < 0.3
    assert shown.has_beyond
    assert shown.has_unscored
    placed = shown.place(values)
    assert placed.iloc[-1] == placed.iloc[-2] == shown.lane
    assert placed.iloc[:10].tolist() == values.iloc[:10].tolist()


def test_a_score_axis_of_a_maximised_score_has_its_lane_below() -> None:
    shown = score_range(pd.Series([0.9, 0.8, math.nan]), ShownObjective(name="accuracy", direction="maximize"))
    assert shown is not None
    assert shown.lane is not None
    assert shown.limits[0] < shown.lane < 0.8 < 0.9 < shown.limits[1]


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5], [0.0], [-1.0, -1.0]])
def test_a_score_axis_of_equal_scores_has_room(values: list[float]) -> None:
    shown = score_range(pd.Series(values), SHOWN)
    assert shown is not None
    assert shown.limits[0] < values[0] < shown.limits[1]


def test_no_score_no_axis() -> None:
    assert score_range(pd.Series([math.nan]), SHOWN) is None
