"""What the least useful third of the columns costs or brings: asked of rows that chose neither columns nor winner."""

from __future__ import annotations

import html
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ffsearch
from ffsearch.reports.html import build_page
from ffsearch.search.evidence.columns import least_useful
from ffsearch.search.folder.log import LineKind
from ffsearch.search.folder.results import ColumnImportance, Estimate, Way
from ffsearch.search.steps.fewer_columns import FIRST_WITHOUT


def of(worth: float, *columns: str) -> ColumnImportance:
    network = Estimate(value=worth, low=worth - 0.1, high=worth + 0.1)
    return ColumnImportance(columns=columns, network=network, chance=0.1, is_useful=worth > 0.1, others={})


def test_columns_that_go_together_count_for_what_they_are_worth_together() -> None:
    importances = [of(3, "a", "copy"), of(2, "b"), of(1, "c"), of(0.2, "a"), of(0.1, "copy"), of(0, "d")]
    assert least_useful(["a", "b", "c", "copy", "d", "e"], importances) == ("e", "d")
    assert least_useful(["b", "c"], [of(2, "b"), of(1, "c")]) == ()


def a_table(n_rows: int = 300) -> pd.DataFrame:
    """Two columns that count, four of noise, one of them in words, and one that nobody is to use."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(n_rows, 5)), columns=["a", "b", "noise 1", "noise 2", "noise 3"])
    frame["noise 4"] = rng.choice(["x", "y"], n_rows)
    frame["y"] = 2 * frame["a"] + frame["b"] + 0.3 * rng.normal(size=n_rows)
    frame["not me"] = frame["y"]
    return frame


def a_run(out: Path, effects: Any) -> ffsearch.Run:
    return ffsearch.run(
        a_table(), target="y", trials=2, out=out, report=False,
        evidence={"finalists": 1, "repeats": 2, "effects": effects, "baselines": [], "layers": False},
        overrides={
            "train.max_epochs": 40, "data.drop": ["not me"],
            "space": {
                "depth": {"type": "int", "low": 1, "high": 2}, "width": {"type": "int", "low": 4, "high": 64},
                "learning_rate": 0.02,
            },
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ffsearch.Run:
    return a_run(tmp_path_factory.mktemp("fewer") / "run", 3)


def test_the_winner_is_trained_again_without_them(run: ffsearch.Run) -> None:
    columns = run.results.columns
    assert columns is not None
    assert len(columns.least) == 2
    assert all(name.startswith("noise") for name in columns.least)
    gain = columns.without_least
    assert gain is not None
    assert gain.low < gain.value < gain.high
    assert abs(gain.value) < 0.3  # noise neither costs nor brings much
    lines = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    repeats = [line for line in lines if line["kind"] == LineKind.REPEAT]
    without = [line for line in repeats if line["trial"] >= FIRST_WITHOUT]
    assert len(without) == 3
    winner = next(line for line in repeats if line["trial"] == run.best["trial"])
    n_gone = sum(3 if name == "noise 4" else 1 for name in columns.least)  # slots of two words, and of any other
    assert winner["n_params"] - without[0]["n_params"] == run.best["point"]["width"] * n_gone


@pytest.mark.parametrize(("lang", "words"), [("en", "without the least useful third"), ("pt-BR", "sem o terço menos")])
def test_it_stands_among_what_would_help_with_a_command_that_can_be_pasted(
    run: ffsearch.Run, lang: str, words: str
) -> None:
    (fewer,) = [one for one in run.results.helps if one.way is Way.FEWER]
    assert run.results.columns is not None
    assert fewer.gain == run.results.columns.without_least
    section = html.unescape(build_page(run, lang=lang).split('id="help"')[1].split("</section>")[0])
    assert words in section
    command = next(part for part in section.split("<") if "--set" in part and "data.drop" in part).split(">")[-1]
    setting = shlex.split(command)[4]
    assert json.loads(setting.removeprefix("data.drop=")) == ["not me", *run.results.columns.least]


def test_where_nothing_was_changed_of_the_winner_it_says_how_to_ask(tmp_path: Path) -> None:
    (fewer,) = [one for one in a_run(tmp_path / "run", 0).results.helps if one.way is Way.FEWER]
    assert fewer.gain is None
    assert fewer.setting.startswith("data.drop=[")
