"""What a run says of its own answer: finalists, baselines, effects, the sealed test and the verdict."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ffsearch
from ffsearch.reports.html import build_page
from ffsearch.search.cli import invoke
from ffsearch.search.evidence.decision import VerdictCode
from ffsearch.search.folder.reader import StoredRun
from ffsearch.search.observer import Observer, Repeated
from ffsearch.search.steps import judging, refitting
from ffsearch.search.steps.budget import Reserve
from ffsearch.search.steps.changes import AT_OTHER_RATES
from ffsearch.search.steps.fewer_columns import FIRST_WITHOUT
from ffsearch.search.steps.replay import replay, replay_lines
from ffsearch.search.steps.weighing import ON_FEWER_ROWS
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding
from ffsearch.search.wording.language import PLAIN

SETTINGS = {
    "search.trials": 3,
    "search.sampler": "random",
    "search.pruner": "none",
    "train.max_epochs": 4,
    "train.patience": 2,
    "space": {
        "depth": 1,
        "width": {"type": "int", "low": 4, "high": 32},
        "dropout": {"type": "float", "low": 0.05, "high": 0.2, "zero": 0.5},
        "learning_rate": {"type": "float", "low": 0.01, "high": 0.05, "log": True},
    },
    "evidence": {"finalists": 2, "repeats": 3, "effects": 3},
}


def a_table(n_rows: int = 200) -> pd.DataFrame:
    """Two columns that tell the class, a category that does not."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, n_rows))
    kind = rng.choice(["x", "y"], size=n_rows)
    return pd.DataFrame(
        {"a": a, "b": b, "kind": kind, "y": np.where(a + b + 0.5 * rng.normal(size=n_rows) > 0, "t", "f")}
    )


def a_run(out: Path, data: str | pd.DataFrame, /, observer: Observer | None = None, **changes: Any) -> ffsearch.Run:
    finish = changes.pop("finish", False)
    overrides = SETTINGS | changes
    return ffsearch.run(
        "tabular", data=data, target="y", overrides=overrides, out=out, observer=observer, finish=finish, report=False
    )


def lines_of(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "table.csv"
    a_table().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> ffsearch.Run:
    return a_run(tmp_path_factory.mktemp("run") / "run", str(table))


def test_the_winner_is_one_of_the_finalists_and_is_refitted_as_its_repeats_were(run: ffsearch.Run) -> None:
    winner = run.finalists[run.finalists["is_winner"]]
    assert run.best is not None
    assert set(winner["trial"]) == {run.best["trial"]}
    assert list(winner["repeat"]) == [1, 2, 3]
    assert run.summary["refit"]["updates"] == np.median(winner["n_updates"])
    assert 0 in set(run.finalists["trial"])
    assert set(run.finalists.groupby("trial").size()) == {3}  # two stay, so that the spread of seeds is known


def test_three_numbers_stand_side_by_side(run: ffsearch.Run) -> None:
    evidence = run.summary["evidence"]
    assert evidence["naive"]["value"] == pytest.approx(run.trials["value"].min())
    for name in ("corrected", "test"):
        assert evidence[name]["low"] <= evidence[name]["value"] <= evidence[name]["high"]
    best = run.trials.loc[run.trials["value"].idxmin(), "trial"]
    again = run.finalists.loc[run.finalists["trial"] == best, "value"].mean()
    assert evidence["optimism"] == pytest.approx(again - evidence["naive"]["value"], abs=1e-5)
    assert evidence["test"]["openings"] == len(lines_of(run.path, "test opened")) == 1


def test_what_the_refits_rows_are_worth_was_learnt_in_the_same_repeats(run: ffsearch.Run) -> None:
    rows = run.summary["evidence"]["corrected"]["rows"]
    n_refit = run.summary["refit"]["n_rows"]
    assert (rows["n_less"], rows["n_repeat"], rows["n_refit"]) == (n_refit * 0.4, n_refit * 0.8, n_refit)
    assert rows["value"] >= 0
    less = [line for line in lines_of(run.path, "repeat") if ON_FEWER_ROWS <= line["trial"] < AT_OTHER_RATES]
    assert [line["repeat"] for line in less] == [1, 2, 3]
    winner = run.finalists[run.finalists["is_winner"]]["value"].to_numpy()
    lost = np.mean([line["value"] for line in less] - winner)
    assert rows["difference"] == pytest.approx(lost, abs=1e-6)
    assert set(run.finalists["trial"]) <= set(run.trials["trial"])


def test_baselines_answer_the_same_rows(run: ffsearch.Run) -> None:
    told = {one["name"]: one for one in run.summary["baselines"]}
    assert list(told) == ["dummy", "linear", "boosting"]
    assert told["linear"]["test"]["value"] < told["dummy"]["test"]["value"]
    test = run.summary["evidence"]["test"]["value"]
    for one in told.values():
        assert one["network_gain"]["value"] == pytest.approx(one["test"]["value"] - test, abs=1e-5)
    assert set(run.baselines["model"]) == {"network", "dummy", "linear", "boosting"}
    assert run.baselines.groupby("model").size().tolist() == [4, 4, 4, 4]


def test_effects_are_of_networks_that_differ_in_one_thing(run: ffsearch.Run) -> None:
    assert [one["change"] for one in run.summary["effects"]][-1] == "narrower"
    assert {one["factor"] for one in run.summary["effects"]} == {"width", "dropout"}
    assert set(run.partners["repeat"]) == {4, 5, 6}
    assert run.partners.loc[run.partners["factor"] == "", "trial"].unique().tolist() == [run.summary["best"]["trial"]]


def test_a_deeper_and_a_wider_network_have_the_best_of_three_learning_rates(table: Path, tmp_path: Path) -> None:
    shape = {"depth": {"type": "int", "low": 2, "high": 8}, "width": {"type": "int", "low": 16, "high": 96}}
    space = SETTINGS["space"] | shape
    found = a_run(tmp_path / "run", str(table), **{"space": space, "search.trials": 2})
    own = {one["change"]: one for one in found.summary["effects"] if one["against"] == "winner"}
    tried = [line for line in lines_of(found.path, "repeat") if AT_OTHER_RATES <= line["trial"] < FIRST_WITHOUT]
    assert {line["repeat"] for line in tried} == {1}
    assert "learning_rate" not in own["narrower"]
    tuned = own.keys() & {"deeper", "wider"}  # as far as the space has them
    assert tuned
    for change in tuned:
        rates = own[change]["rates"]
        assert len(rates) >= 2
        number = found.partners[found.partners["change"] == change]["trial"].iloc[0]
        met = next(line["point"] for line in lines_of(found.path, "repeat") if line["trial"] == number)
        of_change = {
            line["point"]["learning_rate"]: line["value"]
            for line in tried
            if line["point"] | {"learning_rate": 0.0} == met | {"learning_rate": 0.0}
        }
        assert sorted(of_change) == pytest.approx(rates)
        assert own[change]["learning_rate"] == min(of_change, key=lambda rate: of_change[rate])


def test_the_verdict_is_told_everywhere(run: ffsearch.Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.verdict is not None
    assert run.verdict["code"] in set(VerdictCode)
    assert invoke(["verdict", str(run.path)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert re.sub(r" \[FFS6\d\d\]", "", told) == run.verdict["text"]
    assert invoke(["verdict", str(run.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == run.verdict
    assert invoke(["show", str(run.path)]) == 0
    shown = capsys.readouterr().out
    assert "corrected      log loss" in shown
    assert told in " ".join(shown.split())
    card = (run.path / "model" / "card.md").read_text()
    page = build_page(run)
    for score in (run.summary["evidence"]["test"], run.summary["evidence"]["corrected"]):
        for number in (PLAIN.score(score[end]) for end in ("value", "low", "high")):
            assert all(number in told for told in (shown, card, page)), number
    assert "log loss, corrected" in card
    assert "sealed test, linear model" in card


def test_classes_have_a_reliability_curve_a_confusion_matrix_and_slices(run: ffsearch.Run) -> None:
    summary = run.summary
    n_test = summary["data"]["n_test"]
    assert sum(one["n_rows"] for one in summary["calibration"]["bins"]) == n_test
    assert summary["calibration"]["temperature"]["loss_after"] <= summary["calibration"]["temperature"]["loss_before"]
    assert np.sum(summary["errors"]["confusion"]) == n_test


def test_a_regression_without_a_sealed_test_has_evidence_too(tmp_path: Path) -> None:
    frame = a_table().assign(y=lambda rows: rows["a"] + 0.1 * rows["b"])
    run = a_run(
        tmp_path / "run", frame, **{"data.test": None, "evidence": {"finalists": 1, "repeats": 2, "effects": 0}}
    )
    assert run.summary["evidence"]["corrected"]["method"] == "repeats"
    assert "test" not in run.summary["evidence"]
    assert run.verdict is not None
    assert "sealed" in run.verdict["text"]


def test_nothing_before_the_opening_depends_on_the_sealed_rows(run: ffsearch.Run, tmp_path: Path) -> None:
    """Their features become nonsense: what was trained, chosen and corrected must come out the same, the test not."""
    planted = a_table()
    sealed = np.load(run.path / "splits.npz")["test"]
    planted.loc[sealed, "a"] = -1e6 * planted.loc[sealed, "a"]
    planted.loc[sealed, "kind"] = "never seen"
    marked = a_run(tmp_path / "run", planted)
    timeless = [name for name in run.finalists if not name.endswith(("_s", "_at"))]
    pd.testing.assert_frame_equal(run.finalists[timeless], marked.finalists[timeless])
    pd.testing.assert_frame_equal(run.partners[timeless[3:]], marked.partners[timeless[3:]])
    valid = [one.baselines[one.baselines["part"] == "valid"] for one in (run, marked)]
    pd.testing.assert_frame_equal(*valid)
    for name in ("naive", "corrected", "optimism", "repeats"):
        assert run.summary["evidence"][name] == marked.summary["evidence"][name]
    for name in ("best", "refit", "effects"):
        assert run.summary[name] == marked.summary[name]
    assert run.summary["evidence"]["test"] != marked.summary["evidence"]["test"]


class Impatient(Observer):
    """Gives up when so many networks were trained again."""

    def __init__(self, n_networks: int) -> None:
        self.n_left = n_networks

    def repeated(self, repeated: Repeated) -> None:
        self.n_left -= 1
        if not self.n_left:
            raise KeyboardInterrupt


def test_interrupted_evidence_goes_on_and_nothing_is_trained_twice(run: ffsearch.Run, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt, match="3 trials and 5 repeats are safe"):
        a_run(tmp_path / "run", a_table(), observer=Impatient(5))
    resumed = a_run(tmp_path / "run", a_table())
    trained = [(line["trial"], line["repeat"]) for line in lines_of(resumed.path, "repeat")]
    assert len(trained) == len(set(trained)) == len(lines_of(run.path, "repeat"))
    for name in ("naive", "corrected", "repeats"):
        assert resumed.summary["evidence"][name] == run.summary["evidence"][name]
    assert resumed.summary["effects"] == run.summary["effects"]
    assert resumed.summary["verdict"] == run.summary["verdict"]
    assert resumed.summary["evidence"]["test"]["openings"] == 1


@pytest.fixture
def copy(run: ffsearch.Run, tmp_path: Path) -> Path:
    """The finished run, to go on with."""
    return Path(shutil.copytree(run.path, tmp_path / "run"))


def test_a_run_goes_on_with_other_evidence_and_each_opening_counts(run: ffsearch.Run, table: Path, copy: Path) -> None:
    before = (copy / "summary.json").read_bytes()
    a_run(copy, str(table))
    assert (copy / "summary.json").read_bytes() == before
    less = a_run(copy, str(table), evidence={"finalists": 1, "repeats": 2, "effects": 0, "baselines": ["linear"]})
    assert list(less.trials["value"]) == list(run.trials["value"])
    assert [one["name"] for one in less.summary["baselines"]] == ["dummy", "linear"]
    assert less.partners.empty
    assert less.summary["evidence"]["test"]["openings"] == 2
    none = a_run(copy, str(table), evidence="none")
    assert none.verdict is None
    assert none.finalists.empty
    assert "corrected" not in none.summary["evidence"]
    assert invoke(["verdict", str(none.path)]) == 2


def test_when_time_is_short_the_search_decides_and_says_so(
    table: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = copy / "log.jsonl"
    kept = [line for line in log.read_text().splitlines() if json.loads(line)["kind"] not in ("repeat", "finished")]
    log.write_text("\n".join(kept) + "\n")
    monkeypatch.setattr(Reserve, "seconds", lambda *_: 1e9)
    short = a_run(copy, str(table), finish=True, **{"search.budget": "1000s"})
    assert short.summary["best"]["trial"] == short.summary["evidence"]["naive"]["trial"]
    told = short.summary["evidence"]["notices"][0]
    assert told["code"] == "FFS501"
    assert told["text"].startswith("Time was too short to train the finalists again")
    assert short.summary["evidence"]["corrected"]["method"] == "search"
    assert short.verdict is not None


def test_baselines_that_the_budget_has_no_time_for_are_left_out_and_it_is_said(
    table: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = copy / "log.jsonl"
    kept = [line for line in log.read_text().splitlines() if json.loads(line)["kind"] != "finished"]
    log.write_text("\n".join(kept) + "\n")
    monkeypatch.setattr(judging, "split_seconds", lambda *_: 1e9)
    short = a_run(copy, str(table), finish=True, **{"search.budget": "1000s"})
    assert [one["name"] for one in short.summary["baselines"]] == ["dummy"]
    told = [one["text"] for one in short.summary["evidence"]["notices"] if one["code"] == "FFS513"]
    assert told == [f"Baseline {name}: time was too short for it." for name in ("linear model", "boosted trees")]
    assert short.verdict is not None


def test_steps_that_take_minutes_say_so_as_they_begin(table: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = copy / "log.jsonl"
    kept = [line for line in log.read_text().splitlines() if json.loads(line)["kind"] != "finished"]
    log.write_text("\n".join(kept) + "\n")
    monkeypatch.setattr(
        judging, "seconds_of_baseline", lambda _, name, __: {"linear": 119.0, "boosting": 300.0}.get(name, 0)
    )
    monkeypatch.setattr(refitting, "MANY_INPUTS", 1)
    told: list[Finding] = []

    class Told(Observer):
        def noted(self, finding: Finding) -> None:
            told.append(finding)

    a_run(copy, str(table), finish=True, observer=Told())
    said_of = [(one.form, one.values["n"]) for one in told if one.code is Code.STEP_LONG]
    assert said_of == [("model", 0), ("baseline", 5)]


# --- replay ----------------------------------------------------------------------------------------------------------


def test_a_trial_comes_out_again_as_recorded(run: ffsearch.Run) -> None:
    replayed = replay(run.path, 1)
    assert replayed.is_same
    assert replayed.difference == 0
    assert replay_lines(run, replayed)[-1].startswith("the same")


def test_another_seed_is_no_replay(run: ffsearch.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    text = run.space_text.replace("seed: 0", "seed: 1")
    monkeypatch.setattr(StoredRun, "space_text", text)
    replayed = replay(run.path, 1)
    assert not replayed.is_same
    assert replayed.first_epoch == 1
    assert replay_lines(run, replayed)[-2].startswith("NOT the same: from epoch 1 on")


def test_a_replay_needs_the_very_table(run: ffsearch.Run, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    a_table(180).to_csv(other, index=False)
    with pytest.raises(ffsearch.RunError, match=r"is not the table .* was made from.*--data"):
        replay(run.path, 1, data=str(other))
    with pytest.raises(ffsearch.RunError, match=r"has no trial 7; it has 0 to 2"):
        replay(run.path, 7)
