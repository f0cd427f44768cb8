"""The main job as a user of the library sees it, on small tables of every task."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ffsearch
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.observer import Began, Observer, Phase
from ffsearch.search.serving.packaged import load_packaged
from ffsearch.search.training.protocol import Ended
from ffsearch.search.wording.finding import Finding
from ffsearch.search.wording.language import PLAIN

QUICK = {
    "search.trials": 3,
    "train.trainer": "population",
    "train.max_epochs": 4,
    "data.valid": {"holdout": 0.2},  # folds, which so few rows would have, are trained one by one: five times as long
    "space.width": {"type": "int", "low": 8, "high": 16},
    "space.depth": {"type": "int", "low": 1, "high": 2},
    "evidence": "none",
}


def a_table(task: str, n_rows: int = 120) -> pd.DataFrame:
    """Numbers with gaps, a category, and a target that depends on both."""
    generator = np.random.default_rng(5)
    size, shape = generator.normal(size=n_rows), generator.choice(["round", "square", "flat"], size=n_rows)
    signal = size + (shape == "round")
    targets = {
        "binary": np.where(signal > 0, "yes", "no"),
        "multiclass": np.digitize(signal, [-0.5, 0.7]).astype(str),
        "regression": 100.0 + 10.0 * signal + generator.normal(size=n_rows),
    }
    frame = pd.DataFrame({"size": size, "shape": shape, "other": generator.normal(size=n_rows), "y": targets[task]})
    frame.loc[frame.index % 11 == 0, "other"] = np.nan
    return frame


def quick_run(folder: Path, frame: pd.DataFrame, /, **options: Any) -> ffsearch.Run:
    overrides: Mapping[str, Any] = QUICK | options.pop("overrides", {})
    return ffsearch.run("tabular", data=frame, target="y", overrides=overrides, out=folder, report=False, **options)


class Watching(Observer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.records: list[TrialRecord] = []

    def began(self, began: Began) -> None:
        self.heard.append(f"began {began.n_told} of {began.n_trials}")

    def phase(self, phase: Phase, *, n_networks: int = 0) -> None:
        self.heard.append(str(phase))

    def ended(self, record: TrialRecord, best: TrialRecord | None) -> None:
        self.records.append(record)

    def noted(self, finding: Finding) -> None:
        self.heard.append(PLAIN.says(finding))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_task_from_a_frame_to_a_model_that_takes_raw_rows(task: str, tmp_path: Path) -> None:
    frame = a_table(task)
    run = quick_run(tmp_path / "run", frame)
    summary = run.summary
    assert summary["task"] == task
    assert summary["search"]["n_trials"] == len(run.trials) == 3
    assert summary["evidence"]["test"]["openings"] == 1
    assert (
        summary["evidence"]["test"]["low"]
        <= summary["evidence"]["test"]["value"]
        <= summary["evidence"]["test"]["high"]
    )
    assert summary["best"]["valid"] == pytest.approx(run.trials["value"][run.trials["ended"] != "pruned"].min())
    predictions = load_packaged(run.path / "model" / "model.keras").predict(frame.drop(columns="y").head(7))
    assert len(predictions) == 7
    expected = ["y"] if task == "regression" else ["prediction", *(f"p({label})" for label in sorted(set(frame["y"])))]
    assert list(predictions.columns) == expected


def test_the_same_space_and_seed_give_the_same_trials_and_values(tmp_path: Path) -> None:
    frame = a_table("binary")
    once, again = (quick_run(tmp_path / name, frame) for name in ("once", "again"))
    other = quick_run(tmp_path / "other", frame, overrides={"search.seed": 1})
    same = ["trial", "topology", "value", "ended", "best_epoch", "seed"]
    pd.testing.assert_frame_equal(once.trials[same], again.trials[same])
    pd.testing.assert_frame_equal(once.curves, again.curves)
    assert once.summary["evidence"] == again.summary["evidence"]
    assert list(once.trials["value"]) != list(other.trials["value"])


def test_a_finished_run_is_shown_without_what_is_silenced_later_and_else_not_written(tmp_path: Path) -> None:
    frame = a_table("binary").assign(copy=lambda table: table["y"])
    run = quick_run(tmp_path / "run", frame)
    card = run.path / "model" / "card.md"
    text = card.read_text(encoding="utf-8") + "meant for students\n"
    assert "FFS301" in text.partition("noticed: ")[2]
    card.write_text(text, encoding="utf-8")
    quick_run(tmp_path / "run", frame)
    assert card.read_text(encoding="utf-8") == text
    quick_run(tmp_path / "run", frame, overrides={"ignore": ["FFS301"]})
    assert "noticed: " not in card.read_text(encoding="utf-8")


def test_a_finished_run_is_left_alone_and_more_trials_go_on_with_it(tmp_path: Path) -> None:
    frame, watching = a_table("binary"), Watching()
    values = list(quick_run(tmp_path / "run", frame).trials["value"])
    before = (tmp_path / "run" / "summary.json").read_bytes()
    quick_run(tmp_path / "run", frame, observer=watching)
    assert watching.heard == [f"{tmp_path / 'run'} is finished. More --trials go on with it; --fresh starts anew."]
    assert (tmp_path / "run" / "summary.json").read_bytes() == before
    longer = quick_run(tmp_path / "run", frame, overrides={"search.trials": 5}, observer=watching)
    assert "began 3 of 5" in watching.heard
    assert list(longer.trials["value"][:3]) == values
    assert longer.summary["evidence"]["test"]["openings"] == 2


def test_another_space_or_table_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    frame = a_table("binary")
    quick_run(tmp_path / "run", frame)
    with pytest.raises(ffsearch.RunError, match=r"(?s)not the same space.*fresh=True .*out="):
        quick_run(tmp_path / "run", frame, overrides={"train.patience": 2})
    with pytest.raises(ffsearch.RunError, match=r"(?s)not the same data.*fresh=True .*out="):
        quick_run(tmp_path / "run", frame.iloc[:100])
    quick_run(tmp_path / "run", frame.iloc[:100], fresh=True)
    assert ffsearch.load(tmp_path / "run.1").summary["data"]["n_rows"] == 120
    assert ffsearch.load(tmp_path / "run").summary["data"]["n_rows"] == 100


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    class Impatient(Watching):
        def ended(self, record: TrialRecord, best: TrialRecord | None) -> None:
            if record.trial == 1:
                raise KeyboardInterrupt

    frame = a_table("binary")
    one_by_one = {"train.trainer": "keras"}
    with pytest.raises(KeyboardInterrupt, match=r"2 trials are safe in .*finish=True"):
        quick_run(tmp_path / "run", frame, overrides=one_by_one, observer=Impatient())
    stopped = ffsearch.load(tmp_path / "run")
    assert not stopped.is_finished
    assert len(stopped.trials) == 2
    resumed, undisturbed = (quick_run(tmp_path / name, frame, overrides=one_by_one) for name in ("run", "undisturbed"))
    assert list(resumed.trials["value"]) == list(undisturbed.trials["value"])
    assert resumed.best == undisturbed.best


def test_finish_asks_for_no_more_trials(tmp_path: Path) -> None:
    class Impatient(Watching):
        def ended(self, record: TrialRecord, best: TrialRecord | None) -> None:
            raise KeyboardInterrupt

    frame = a_table("regression")
    with pytest.raises(KeyboardInterrupt, match="1 trial is safe"):
        quick_run(tmp_path / "run", frame, observer=Impatient())
    finished = quick_run(tmp_path / "run", frame, finish=True)
    assert finished.summary["search"]["n_trials"] == 1
    assert (tmp_path / "run" / "model" / "model.keras").exists()


def test_finish_with_nothing_told_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ffsearch.TrainingError, match="No trial was told"):
        quick_run(tmp_path / "run", a_table("binary"), finish=True)


def test_over_folds_a_trial_scores_the_mean_and_the_refit_takes_the_median(tmp_path: Path) -> None:
    watching = Watching()
    quick_run(
        tmp_path / "run",
        a_table("binary"),
        overrides={"data.valid": {"folds": 3}, "search.pruner": "none"},
        observer=watching,
    )
    assert [len(record.notes["folds"]) for record in watching.records] == [3, 3, 3]
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    winner = watching.records[summary["best"]["trial"]]
    assert summary["refit"]["updates"] == sorted(fold["n_updates"] for fold in winner.notes["folds"])[1]


def test_trials_that_lose_every_fold_are_spared_the_rest(tmp_path: Path) -> None:
    run = quick_run(
        tmp_path / "run", a_table("binary"),
        overrides={
            "data.valid": {"folds": 8}, "search.pruner": "wilcoxon", "search.sampler": "random", "search.trials": 8,
            "train.trainer": "population",
        },
    )  # fmt: skip
    spared = [record for record in run.records if record.ended is Ended.PRUNED]
    assert spared
    for record in spared:
        assert 4 <= len(record.notes["folds"]) < 8
        assert record.why == f"pruned after {len(record.notes['folds'])} folds"


def test_nothing_before_the_opening_depends_on_the_sealed_rows(tmp_path: Path) -> None:
    """Their features are replaced by nonsense; everything up to the refit must come out the same, the test must not."""
    frame = a_table("binary")
    honest = quick_run(tmp_path / "honest", frame)
    sealed = np.load(tmp_path / "honest" / "splits.npz")["test"]
    planted = frame.copy()
    planted.loc[sealed, "size"] = -planted.loc[sealed, "size"] * 1e6
    planted.loc[sealed, "shape"] = "never seen"
    planted.loc[sealed, "other"] = 3.14
    marked = quick_run(tmp_path / "marked", planted)
    pd.testing.assert_frame_equal(honest.curves, marked.curves)
    assert list(honest.trials["value"]) == list(marked.trials["value"])
    assert honest.summary["refit"] == marked.summary["refit"]
    probe = frame.drop(columns="y").head(30)
    predictions = [load_packaged(run.path / "model" / "model.keras").predictions(probe) for run in (honest, marked)]
    np.testing.assert_array_equal(*predictions)
    assert honest.summary["evidence"]["test"] != marked.summary["evidence"]["test"]


def test_trials_that_all_diverge_end_in_a_clear_error(tmp_path: Path) -> None:
    overrides = {"space.learning_rate": 1e30, "train.optimizer": "sgd"}
    with pytest.raises(ffsearch.TrainingError, match=r"None of 3 trials .* 3 diverged\. Try smaller learning rates"):
        quick_run(tmp_path / "run", a_table("regression"), overrides=overrides)
    run = ffsearch.load(tmp_path / "run")
    assert list(run.trials["ended"]) == ["diverged"] * 3
    assert all(math.isnan(value) for value in run.trials["value"])


def test_trained_together_or_one_at_a_time_the_same_points_score_alike(tmp_path: Path) -> None:
    """Three trials are proposed before the first ends in one case and after one another in the other: random points."""
    overrides = {"search.sampler": "random", "search.pruner": "none", "space.dropout": 0.0}
    runs = [
        quick_run(tmp_path / trainer, a_table("multiclass"), overrides=overrides | {"train.trainer": trainer})
        for trainer in ("keras", "population")
    ]
    assert [run.summary["search"]["trainer"] for run in runs] == ["keras", "population"]
    together, apart = (run.trials.set_index("trial") for run in runs)
    assert list(together["topology"]) == list(apart["topology"])
    np.testing.assert_allclose(together["value"], apart["value"], rtol=1e-4)
    again = quick_run(tmp_path / "again", a_table("multiclass"), overrides=overrides | {"train.trainer": "population"})
    assert list(again.trials["value"]) == list(runs[1].trials["value"])


def test_a_budget_is_kept_with_refit_and_all(tmp_path: Path) -> None:
    watching = Watching()
    run = quick_run(
        tmp_path / "run",
        a_table("binary"),
        overrides={"search.trials": 500, "search.budget": "25s", "train.max_epochs": 100},
        observer=watching,
    )
    assert run.is_finished
    assert 1 <= len(watching.records) < 500
    assert run.summary["search"]["wall_s"] <= 25
