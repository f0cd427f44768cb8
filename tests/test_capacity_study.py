"""A whole capacity study: what it leaves, that it goes on where it stopped, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import ffsearch
from ffsearch.errors import DataError, RunError, SpaceError
from ffsearch.reports.html import write_comparison
from ffsearch.search.capacity.networks import NetworkStore
from ffsearch.search.console.lines import closing_lines
from ffsearch.search.console.progress import JsonLines, PlainLines
from ffsearch.search.console.show import show_lines, verdict_lines
from ffsearch.search.folder.reader import StoredRun, load
from ffsearch.search.observer import Observer, StudyProgress
from ffsearch.search.run import run
from ffsearch.search.steps.replay import replay
from ffsearch.search.wording.codes import Code
from test_kill import kill_at_random

TINY: dict[str, Any] = {
    "data.source": "control:linear", "data.rows": 200, "capacity.depths": [1, 2], "capacity.budgets": [60, 200],
    "capacity.seeds": 2, "capacity.updates": 20, "capacity.learning_rates": {"low": 0.001, "high": 0.01, "n": 2},
}  # fmt: skip
N_FIRST = 2 * 2 * 2 * 2


class Interrupting(Observer):
    """Presses Ctrl-C after so many networks."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.seen: list[StudyProgress] = []

    def progressed(self, progress: StudyProgress) -> None:
        self.seen.append(progress)
        if len(self.seen) == self.after:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    """A study that came to its end without disturbance."""
    return run("capacity", overrides=TINY, out=tmp_path_factory.mktemp("study") / "run")


def test_every_training_is_a_row_and_every_cell_has_one_rate(finished: StoredRun) -> None:
    frame = finished.capacity
    assert len(frame) == len(finished.trials) >= N_FIRST
    assert frame.groupby(["depth", "budget", "seed"])["is_chosen"].sum().eq(1).all()
    chosen = frame[frame["is_chosen"]]
    assert chosen[["test", "train"]].notna().all().all()
    assert frame.loc[~frame["is_chosen"], "test"].isna().all()
    tuned = frame[~frame["is_longer"]]
    by_rate = tuned.groupby(["depth", "budget", "learning_rate"])["valid"].mean()
    for (depth, budget), rates in chosen.groupby(["depth", "budget"])["learning_rate"]:
        assert rates.nunique() == 1
        assert by_rate[depth, budget].idxmin() == rates.iloc[0]
    assert (abs(frame["n_params"] - frame["budget"]) <= 0.02 * frame["budget"]).all()


def test_every_network_has_made_as_many_updates_as_any_other(finished: StoredRun) -> None:
    protocol = finished.summary["capacity"]["protocol"]
    assert protocol["updates"] >= 20
    usual = finished.trials[~finished.capacity.set_index("trial")["is_longer"][finished.trials["trial"]].to_numpy()]
    assert set(usual["n_epochs"]) == {protocol["updates"] // protocol["evaluate_every"] // 4}
    assert (finished.trials["ended"] == "completed").all()


def test_the_summary_says_every_step(finished: StoredRun) -> None:
    summary = json.loads((finished.path / "summary.json").read_text())
    capacity = summary["capacity"]
    assert (summary["kind"], summary["schema"]) == ("capacity", 1)
    assert summary["verdict"]["code"] in {"deeper", "wider", "saturated", "either", "not_settled"}
    assert summary["verdict"]["sentences"][0]["code"] == Code[f"DEPTH_{summary['verdict']['code'].upper()}"]
    assert summary["verdict"]["text"] == " ".join(one["text"] for one in summary["verdict"]["sentences"])
    assert capacity["openings"] == 1
    assert [(cell["depth"], cell["budget"]) for cell in capacity["cells"]] == [(1, 60), (1, 200), (2, 60), (2, 200)]
    for cell in capacity["cells"]:
        assert cell["test"]["low"] < cell["test"]["value"] < cell["test"]["high"]
        rows = finished.capacity.query("is_chosen and depth == @cell['depth'] and budget == @cell['budget']")
        assert cell["test"]["value"] == pytest.approx(rows["test"].mean())
        assert cell["train"] == pytest.approx(rows["train"].mean())
    gain = capacity["cells"][0]["test"]["value"] - capacity["cells"][2]["test"]["value"]
    assert capacity["singles"][0]["value"] == pytest.approx(gain, rel=1e-4)
    assert capacity["naive"]["valid"] > 1
    assert capacity["disagreement"][0]["between"] > 0


def test_kept_networks_give_the_scores_that_are_told(finished: StoredRun) -> None:
    """From the weights on disk and nothing else: a network by hand, one hidden layer."""
    chosen = finished.capacity.query("is_chosen and depth == 1 and budget == 60 and seed == 0").iloc[0]
    w0, b0, w1, b1 = NetworkStore(finished.path).weights(int(chosen["trial"]))
    assert w0.size + b0.size + w1.size + b1.size == chosen["n_params"]
    arrays = np.load(finished.path / "answers.npz", allow_pickle=False)
    own = float(np.sqrt(arrays["terms"][0, 0].mean()))
    assert own == pytest.approx(chosen["test"], rel=1e-5)
    kept = {int(path.stem) for path in (finished.path / "networks").iterdir()}
    assert kept == set(finished.capacity.query("is_chosen")["trial"])


def test_it_reads_and_shows_as_any_run(finished: StoredRun) -> None:
    loaded = ffsearch.load(finished.path)
    assert loaded.is_finished
    assert loaded.best is not None
    assert loaded.verdict is not None
    assert len(loaded.curves) == len(loaded.trials) * loaded.trials["n_epochs"].iloc[0]
    text = "\n".join(show_lines(loaded, n_trials=3))
    assert "verdict" in text
    said = " ".join(verdict_lines(loaded))
    assert re.sub(r" \[FFS8\d\d\]", "", said) == loaded.summary["verdict"]["text"] == loaded.verdict["text"]
    assert said in " ".join(text.split())
    assert closing_lines(loaded.results, loaded.path)[-1].endswith("capacity.parquet")


def test_a_notebook_draws_it_and_shows_its_card(finished: StoredRun, tmp_path: Path) -> None:
    study = ffsearch.load(finished.path)
    for draw in (study.figures.score_by_depth, study.figures.score_by_size, study.figures.depth_gains):
        assert isinstance(draw(), Figure)
    assert isinstance(study.figures.map_of_scores(), Figure)
    assert isinstance(study.figures.map_of_rates(), Figure)
    card = study._repr_html_()
    assert "<svg" in card
    assert "finished" in card
    with pytest.raises(RunError, match="capacity studies have no place beside searches"):
        write_comparison([study, study])
    with pytest.raises(RunError, match="has no finalists"):
        study.figures.finalists()


def test_the_same_command_again_changes_nothing(finished: StoredRun) -> None:
    before = (finished.path / "log.jsonl").read_bytes()
    run("capacity", overrides=TINY, out=finished.path)
    assert (finished.path / "log.jsonl").read_bytes() == before


def test_an_interrupted_study_goes_on_to_the_same_end(
    finished: StoredRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for after in (3, 8):
        with pytest.raises(KeyboardInterrupt, match=r"networks? (are|is) safe in .*The same command goes on"):
            run("capacity", overrides=TINY, out=tmp_path / "run", observer=Interrupting(after))
    assert "not finished" in "\n".join(show_lines(ffsearch.load(tmp_path / "run"), n_trials=3))
    done = run("capacity", overrides=TINY, out=tmp_path / "run", observer=PlainLines())
    assert "of which 11 are told" in capsys.readouterr().out
    assert_same_study(done, finished)


def assert_same_study(one: StoredRun, other: StoredRun) -> None:
    """Two studies came to the same end; how long they took may differ."""
    left_out = ["train_s"]
    pd.testing.assert_frame_equal(one.capacity.drop(columns=left_out), other.capacity.drop(columns=left_out))
    assert one.summary["capacity"] | {"openings": 0} == other.summary["capacity"] | {"openings": 0}
    assert one.summary["verdict"] == other.summary["verdict"]


def test_classes_and_a_frame_from_python(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(120, 3)), columns=["a", "b", "c"])
    frame["y"] = np.where(frame["a"] + frame["b"] > 0, "yes", "no")
    frame["who"] = np.arange(120) // 4
    done = run(
        "capacity", data=frame, target="y", out=tmp_path / "run", observer=JsonLines(),
        overrides=TINY | {"data.source": "frame", "data.groups": "who", "capacity.objective": "accuracy"},
    )  # fmt: skip
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events.count("network") == len(done.capacity)
    assert events[0] == "began"
    assert events[-1] == "finished"
    shares = done.summary["capacity"]["disagreement"][0]
    assert shares["both_right"] + shares["wide_alone"] + shares["deep_alone"] + shares["neither"] == pytest.approx(1)
    assert done.capacity["test"].max() <= 1
    assert done.summary["objective"] == {"name": "accuracy", "direction": "maximize"}


def test_rates_that_fall_with_depth_are_those_trained_and_told(tmp_path: Path) -> None:
    done = run("capacity", overrides=TINY | {"capacity.learning_rates.by_depth": 1.0}, out=tmp_path / "run")
    asked = {depth: {0.001 / depth, 0.01 / depth} for depth in done.capacity["depth"].unique()}
    for depth, rates in asked.items():
        tried = set(done.capacity.loc[done.capacity["depth"] == depth, "learning_rate"])
        assert {float(f"{rate:.3g}") for rate in rates} <= tried
    cells = done.summary["capacity"]["cells"]
    assert all(cell["learning_rate"] in set(done.capacity["learning_rate"]) for cell in cells)
    assert done.summary["capacity"]["protocol"]["rates_by_depth"] == 1.0


def test_networks_that_diverge_are_counted_and_stand_for_knowing_nothing(tmp_path: Path) -> None:
    rates = {"low": 1e20, "high": 1e24, "n": 2}
    done = run("capacity", overrides=TINY | {"capacity.learning_rates": rates}, out=tmp_path / "run")
    cell = done.summary["capacity"]["cells"][0]
    assert cell["n_diverged"] == 2
    assert cell["valid"] is None
    assert cell["test"]["value"] == pytest.approx(done.summary["capacity"]["naive"]["valid"], rel=0.3)


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({"capacity.budgets": [10]}, r"No parameter budget can be met to 2% by two depths.*: the narrowest layers"),
        ({"data.source": "control:tant"}, r"is it control:tent\?"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_written(
    overrides: dict[str, Any], text: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=text):
        run("capacity", overrides=TINY | overrides, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_study_cannot_end_early_and_knows_its_own_objectives(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="--finish ends a search early"):
        run("capacity", overrides=TINY, out=tmp_path / "run", finish=True)
    with pytest.raises(SpaceError, match=r"capacity.objective: 'accuracy' does not fit a regression task"):
        run("capacity", overrides=TINY | {"capacity.objective": "accuracy"}, out=tmp_path / "run")


def test_what_is_missing_on_disk_is_told(finished: StoredRun, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"training 3 is needed"):
        NetworkStore(tmp_path).weights(3)
    with pytest.raises(RunError, match=r"is no capacity study, or has not come to its end"):
        _ = StoredRun(tmp_path).capacity


COMMAND = [
    sys.executable, "-c", "from ffsearch.search.cli import main; main()", "run", "capacity", "--out", "run", "--quiet",
    *(part for path, value in TINY.items() for part in ("--set", f"{path}={json.dumps(value)}")),
    "--set", "capacity.updates=1000",
]  # fmt: skip


CONVOLUTIONAL = [
    "--set", f"data.source={json.dumps('control:house_numbers?digits=1&rows=1000')}", "--set", "data.target=null",
    "--set", "capacity.convolutions={}", "--set", "capacity.depths=[3, 5]", "--set", "capacity.budgets=[6000]",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], CONVOLUTIONAL])
def test_three_kills_change_nothing(more: list[str], tmp_path: Path) -> None:
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    killed.mkdir()
    undisturbed.mkdir()
    kill_at_random([*COMMAND, *more], killed, n_kills=3, longest_s=18.0)
    for folder in (killed, undisturbed):
        subprocess.run([*COMMAND, *more], cwd=folder, check=True)
    assert_same_study(ffsearch.load(killed / "run"), ffsearch.load(undisturbed / "run"))


# --- other networks and other rows ------------------------------------------------------------------------------------


def test_shares_of_the_training_rows_are_studied_with_as_many_updates(finished: StoredRun, tmp_path: Path) -> None:
    done = run("capacity", overrides=TINY | {"capacity.train_sizes": [0.25, 1.0]}, out=tmp_path / "run")
    capacity = done.summary["capacity"]
    assert [size["share"] for size in capacity["train_sizes"]] == [0.25, 1.0]
    assert [size["n_train"] for size in capacity["train_sizes"]] == [32, 128]
    assert capacity["train_sizes"][1]["cells"] == capacity["cells"]
    for cell, alone in zip(capacity["cells"], finished.summary["capacity"]["cells"], strict=True):
        for name in ("test", "everyday"):  # intervals: sums of other lengths
            assert cell[name] == pytest.approx(alone[name], rel=1e-5)
        assert cell | {name: alone[name] for name in ("test", "everyday")} == alone
    assert capacity["train_sizes"][1]["code"] == done.summary["verdict"]["code"] == finished.summary["verdict"]["code"]
    small, large = (done.capacity[done.capacity["train_size"] == share] for share in (0.25, 1.0))
    assert small["n_updates"].max() <= large["n_updates"].max() + 4
    best = finished.capacity.groupby(["depth", "budget", "learning_rate"])["valid"].mean()
    assert large.groupby(["depth", "budget", "learning_rate"])["valid"].mean().to_numpy() == pytest.approx(best)
    assert not np.allclose(small["valid"].iloc[:4], large["valid"].iloc[:4])


def images(path: Path) -> Path:
    """Bars across or along, of 8 x 8 pixels."""
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    x = rng.integers(0, 100, (80, 8, 8))
    for image, label, place in zip(x, labels, rng.integers(0, 8, 80), strict=True):
        image[(place, slice(None)) if label else (slice(None), place)] += 150
    np.savez(path, x=x.astype(np.uint8), y=labels)
    return path


SMALL: dict[str, Any] = {
    "capacity.seeds": 2, "capacity.updates": 4, "capacity.learning_rates": {"low": 0.001, "high": 0.01, "n": 2},
}  # fmt: skip


@pytest.mark.slow
def test_convolutional_networks_are_studied_and_go_on_after_ctrl_c(tmp_path: Path) -> None:
    overrides = SMALL | {"capacity.budgets": [2_000], "capacity.depths": [3, 4], "data.rows": None}
    given: dict[str, Any] = {"data": str(images(tmp_path / "bars.npz")), "overrides": overrides}
    with pytest.raises(KeyboardInterrupt, match="networks are safe"):
        run("capacity-convolutional", **given, out=tmp_path / "run", observer=Interrupting(5))
    done = run("capacity-convolutional", **given, out=tmp_path / "run")
    capacity = done.summary["capacity"]
    assert done.summary["search"]["trainer"] == "population"
    assert [(cell["depth"], cell["widened"]) for cell in capacity["cells"]] == [
        (3, "channels"), (3, "units"), (4, "channels"),
    ]  # fmt: skip
    assert [(one["depth"], one["reference"], one["widened"]) for one in capacity["means"]] == [
        (4, 3, "channels"), (4, 3, "units"),
    ]  # fmt: skip
    assert len(done.capacity) == done.capacity["trial"].nunique() >= 3 * 2 * 2
    assert done.capacity.query("is_chosen").groupby(["depth", "widened"]).size().eq(2).all()
    against = [one for one in done.summary["verdict"]["sentences"] if one["code"] == Code.DEPTH_AGAINST_WIDE]
    assert {one["form"] for one in against} == {"channels", "units"}
    assert_same_study(done, run("capacity-convolutional", **given, out=tmp_path / "workers", workers=2))
    assert "3 units" in "\n".join(show_lines(done, n_trials=3))
    assert done.trials["topology"].str.startswith("8x8x1 -> conv ").all()


@pytest.mark.slow
def test_residual_networks_are_studied(tmp_path: Path) -> None:
    overrides = TINY | SMALL | {"capacity.residual": True, "capacity.budgets": [1000]}
    done = run("capacity", overrides=overrides, out=tmp_path / "run")
    assert done.summary["capacity"]["protocol"]["residual"] is True
    assert done.summary["search"]["trainer"] == "population"
    assert done.trials["topology"].str.contains("residual").all()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("control:linear", "is a table, and capacity.convolutions asks for convolutional networks"),
        ("small.npz", "images of 6 x 6 pixels.*at least 8 x 8 are needed"),
    ],
)
def test_convolutional_networks_need_images_of_some_size(
    source: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("small.npz", x=np.zeros((40, 6, 6), np.uint8), y=np.arange(40) % 2)
    with pytest.raises(DataError, match=text):
        run("capacity-convolutional", data=source, out=tmp_path / "run")


def test_a_study_is_not_replayed(finished: StoredRun) -> None:
    with pytest.raises(RunError, match="is a capacity study, and only trials of searches are replayed"):
        replay(finished.path, 0)


def test_torn_files_of_a_study_are_named(finished: StoredRun, tmp_path: Path) -> None:
    (tmp_path / "networks").mkdir()
    for torn in (b"PK\x03\x04 and no more", b""):
        (tmp_path / "networks" / "3.npz").write_bytes(torn)
        with pytest.raises(RunError, match=r"3\.npz cannot be read .* the network of training 3 is needed"):
            NetworkStore(tmp_path).weights(3)
    shutil.copytree(finished.path, tmp_path / "run")
    (tmp_path / "run" / "capacity.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(RunError, match=r"capacity\.parquet cannot be read .* Restore it"):
        _ = load(tmp_path / "run").capacity
