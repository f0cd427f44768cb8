from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from examples import RMSE
from ffsearch.errors import RunError
from ffsearch.reports.compare import comparison, comparison_headline, names_of
from ffsearch.reports.html import write_comparison
from ffsearch.search.folder.results import Estimate
from ffsearch.search.training.protocol import Ended
from ffsearch.search.wording.language import ENGLISH, LANGUAGES


@pytest.fixture
def runs(make_run: Any) -> list[Any]:
    """Two runs of one table, of which the second is better beyond its interval, and one of another metric."""
    first, second = make_run(12), make_run(8, evidence=True)
    second.summary.update(name="evidence")
    second.summary["evidence"]["test"] = first.summary["evidence"]["test"] | {"value": 0.03, "low": 0.02, "high": 0.05}
    third = make_run(6, objective=RMSE, space_text="search: {seed: 1}")
    third.summary.update(name="numbers")
    return [first, second, third]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_runs_stand_side_by_side(runs: list[Any], tmp_path: Path, lang: str) -> None:
    path = write_comparison(runs, tmp_path / "page.html", lang=lang)
    page = html.unescape(path.read_text(encoding="utf-8"))
    assert {"tabular", "evidence", "numbers"} <= set(re.findall(r"<bdi class=\"clamp\">(\w+)</bdi>", page))
    assert f'lang="{lang}"' in page
    again = write_comparison(runs, tmp_path / "again.html", lang=lang)
    assert again.read_bytes() == path.read_bytes()


def test_scores_share_an_axis_where_they_share_table_and_metric(runs: list[Any]) -> None:
    sections = {section.key: section for section in comparison(runs, ENGLISH, {})}
    assert [key for key in sections if key.startswith("scores")] == ["scores-0", "scores-1"]
    assert sections["scores-0"].texts == [
        "The sealed test of evidence is better than that of tabular: their intervals do not overlap."
    ]
    assert sections["scores-1"].texts == []


def test_the_headline_says_which_run_is_better_if_one_is_shown_to_be(runs: list[Any]) -> None:
    assert comparison_headline(runs, ENGLISH, {}) == "3 runs side by side"  # of several metrics
    assert comparison_headline(runs[:2], ENGLISH, {}) == "evidence is better than tabular"
    runs[1].summary["evidence"]["test"] |= {"high": 0.07}
    assert comparison_headline(runs[:2], ENGLISH, {}) == "No run is shown to be better"


def test_what_is_known_row_by_row_decides_before_what_stands_side_by_side(runs: list[Any]) -> None:
    pair = runs[:2]
    pair[1].summary["evidence"]["test"] |= {"high": 0.07}  # side by side nothing is shown
    shown = {(0, 1): Estimate(value=-0.02, low=-0.03, high=-0.01)}
    assert comparison_headline(pair, ENGLISH, shown) == "evidence is better than tabular"
    section = next(one for one in comparison(pair, ENGLISH, shown) if one.key == "scores-0")
    assert section.texts == [
        "On the same 114 sealed rows evidence is better than tabular by 0.020 in log loss (0.010 to 0.030)."
    ]
    level = {(0, 1): Estimate(value=-0.02, low=-0.05, high=0.01)}
    assert comparison_headline(pair, ENGLISH, level) == "No run is shown to be better"
    section = next(one for one in comparison(pair, ENGLISH, level) if one.key == "scores-0")
    assert section.texts[0].startswith(
        "On the same 114 sealed rows no difference between evidence and tabular is shown"
    )


def test_overlapping_intervals_settle_nothing(runs: list[Any]) -> None:
    runs[1].summary["evidence"]["test"] |= {"high": 0.07}
    section = next(one for one in comparison(runs, ENGLISH, {}) if one.key == "scores-0")
    assert section.texts[0].startswith(
        "No run is shown to be better than another: the intervals of evidence and tabular"
    )


def test_what_differs_is_listed_and_nothing_else(runs: list[Any]) -> None:
    table = next(one for one in comparison(runs, ENGLISH, {}) if one.key == "differences").blocks[0].table
    assert table is not None
    settings = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert settings["search.seed"] == ["0", "0", "1"]
    assert settings["search.trials"] == ["40", "40", "–"]
    same = next((one for one in comparison(runs[:2], ENGLISH, {}) if one.key == "differences"), None)
    assert same is None


def test_runs_of_one_name_are_told_apart(make_run: Any) -> None:
    runs = [make_run(2, path=Path(path)) for path in ("runs/a", "runs/b")]
    assert names_of(runs) == ["a", "b"]
    runs = [make_run(2, path=Path(path)) for path in ("one/a", "two/a")]
    assert names_of(runs) == ["one/a", "two/a"]
    assert names_of([runs[0], runs[0]]) == ["one/a (1)", "one/a (2)"]


def test_unfinished_and_unscored_runs_can_be_compared(make_run: Any, tmp_path: Path) -> None:
    runs = [make_run(4, is_finished=False), make_run(3, only=Ended.DIVERGED), make_run(0, is_finished=False)]
    page = write_comparison(runs, tmp_path).read_text(encoding="utf-8")
    assert "not finished" in page
    assert (tmp_path / "comparison.html").exists()


def test_one_run_is_no_comparison(make_run: Any) -> None:
    with pytest.raises(RunError, match="1 run was given, and a comparison needs two or more"):
        write_comparison([make_run(2)])
