"""The model card: everything a reader needs, and no text from the data that is read as Markdown or HTML."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from examples import FACTS, a_record, opened
from ffsearch.search.folder.reader import load
from ffsearch.search.folder.results import SealedTest
from ffsearch.search.folder.summary import RefitFacts, build_summary
from ffsearch.search.serving.card import _plain, card_text, write_card
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import found
from ffsearch.search.wording.language import kept

HOSTILE = 'a|b <script>alert(1)</script> [x](http://evil) ![p](//q) `c` **d** www.evil.org\n# "e" &amp; $f$ \u202e'
METRICS = {"log_loss": 0.4, "accuracy": 0.9, "roc_auc": math.nan}
TEST = SealedTest(value=0.4, low=0.3, high=0.5, metrics=METRICS, openings=1)
REFIT = RefitFacts(updates=120, epochs=4.5, n_rows=142)


def html(text: str) -> str:
    return MarkdownIt("gfm-like", {"linkify": False}).render(text)


def a_run(path: Path, *, test: SealedTest | None = TEST, n_columns: int = 2, ignore: Sequence[str] = ()) -> Path:
    with opened(path) as folder:
        folder.start(FACTS)
        folder.add(a_record(0, value=0.35))
        columns = [{"name": HOSTILE, "kind": "number", "reason": HOSTILE, "n_missing": 7, "used": True}]
        columns += [
            {"name": f"c{n}", "kind": "id", "reason": "names rows", "n_missing": 0, "used": n % 2 == 0}
            for n in range(1, n_columns)
        ]
        notices = [HOSTILE, kept(found(Code.LABEL_ZERO)), kept(found(Code.NUMBER_BINS, n=8))]
        folder.write_data(columns=columns, notices=notices, ignore=ignore)
        folder.finish(build_summary(FACTS, folder.records, wall_s=3.0, refit=REFIT, test=test))
    return path


def test_it_says_what_why_how_good_and_how_made(tmp_path: Path) -> None:
    a_run(tmp_path / "run")
    (tmp_path / "run" / "model").mkdir()
    path = write_card(tmp_path / "run")
    assert path == tmp_path / "run" / "model" / "card.md"
    text = path.read_text(encoding="utf-8")
    titles = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert titles == [
        "What it is", "What it learnt from", "How good it is", "Limits", "How it was made", "How to use it",
    ]  # fmt: skip
    for told in (
        "predicts target (several classes)", "probabilities of 3 classes", "178 rows", "ab" * 32,
        "142 rows were learnt from", "columns not used: c1", "0.4000, 95 % between 0.3000 and 0.5000",
        "on 36 rows that chose nothing", "among 1: it flatters",
        "120 updates (4.5 epochs)", "seed 0", "ffsearch run space.yaml", "kind: search", "ffsearch predict model.keras",
    ):  # fmt: skip
        assert told in text
    assert "roc auc" not in text


def test_a_second_opening_and_no_test_part_are_told(tmp_path: Path) -> None:
    again = SealedTest(value=0.4, low=0.3, high=0.5, metrics={}, openings=2)
    assert "were opened 2 times" in card_text(load(a_run(tmp_path / "again", test=again)))
    none = card_text(load(a_run(tmp_path / "none", test=None)))
    assert "No rows were sealed" in none
    assert "sealed test" not in none


def test_it_tells_what_was_noticed_unless_it_is_silenced(tmp_path: Path) -> None:
    for name, ignore in (("all", ()), ("some", ("FFS107",))):
        told = card_text(load(a_run(tmp_path / name, ignore=ignore)))
        assert ("- noticed: Label 10 is the digit 0, as in SVHN, and is called 0. \\[FFS107\\]" in told) is not bool(
            ignore
        )
        assert "- noticed: Numbers are spread over up to 8 bins each" in told


def test_many_columns_are_cut_with_their_number(tmp_path: Path) -> None:
    text = card_text(load(a_run(tmp_path / "run", n_columns=400)))
    assert "and 100 more" in text
    assert text.count("| names rows |") == 99


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    run = load(a_run(tmp_path / "run"))
    page = html(card_text(run))
    assert not re.findall(r"<(?:script|a|img|em|strong)\b", page)
    assert "alert(1)" in page
    cells = re.findall(r"<tr>\s*((?:<td>.*?</td>\s*)+)</tr>", page, flags=re.DOTALL)
    assert {row.count("<td>") for row in cells} == {3, 4}
    assert "\u202e" not in page


def test_a_space_with_fences_does_not_break_out(tmp_path: Path) -> None:
    run = load(a_run(tmp_path / "run"))
    (tmp_path / "run" / "space.yaml").write_text("kind: search\nx: '```\n\n# out\n````'\n")
    page = html(card_text(run))
    assert "<h1>out</h1>" not in page
    assert page.count("<h1>") == 1


@settings(max_examples=200)
@given(st.text(max_size=40))
def test_any_text_in_a_table_cell_is_one_cell_and_no_markup(text: str) -> None:
    page = html(f"| a | b |\n|---|---|\n| x{_plain(text)}y | z |\n")
    assert page.count("<td>") == 2
    assert set(re.findall(r"</?(\w+)", page)) == {"table", "thead", "tbody", "tr", "th", "td"}


def test_the_numbers_are_those_of_the_summary(tmp_path: Path) -> None:
    path = a_run(tmp_path / "run")
    summary = json.loads((path / "summary.json").read_text())
    assert f"{summary['best']['valid']:.4g}" in card_text(load(path))


def test_it_needs_a_place_to_be_written(tmp_path: Path) -> None:
    a_run(tmp_path / "run")
    (tmp_path / "run" / "model").touch()
    with pytest.raises(RuntimeError, match="card"):
        write_card(tmp_path / "run")
