"""The report as text: what the page says, in Markdown that reads as it stands."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffsearch.errors import FFSearchError
from ffsearch.reports.documents import printable
from ffsearch.reports.html import build_page
from ffsearch.reports.markdown import _line, build_text, write_text, write_text_comparison
from ffsearch.search.cli import invoke
from ffsearch.search.wording.language import LANGUAGES
from report_shapes import HOSTILE, SHAPES

TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Signs that turn the direction of what follows."""

_MEANING = re.compile(r"(?<!\\)(?:\\\\)*([`*\[\]<>|~$])")


def tables_of(text: str) -> list[list[list[str]]]:
    """The tables of a text, cells as they are written."""
    found: list[list[list[str]]] = [[]]
    for line in text.split("\n"):
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def _plain(text: str) -> str:
    """What of a text can be shown in a line: no control characters, none that turn the direction."""
    return "".join(sign for sign in printable(text) if sign not in TURNING)


def plain(text: str) -> str:
    """A text as its reader sees it: signs that only stand for themselves without their escapes."""
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", text)


@pytest.mark.parametrize("lang", list(LANGUAGES))
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_run_makes_a_sound_text(make_run: Any, shape: str, lang: str) -> None:
    run = make_run(**SHAPES[shape])
    text = build_text(run, lang=lang)
    assert text.startswith("# ")
    assert text.endswith("\n")
    assert "\n\n\n" not in text
    for table in tables_of(text):
        assert len({len(row) for row in table}) == 1  # every row has as many cells as the heading
        assert all(set(cell) <= set("-:") for cell in table[1])
    assert build_text(replace(make_run(**SHAPES[shape]), path=run.path), lang=lang) == text  # commands name the folder


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_it_says_what_the_page_says_with_the_codes(make_run: Any, lang: str) -> None:
    run = make_run(30, evidence=True)
    text, page = plain(build_text(run, lang=lang)), html.unescape(build_page(run, lang=lang))
    headings = re.findall(r"<h[23][^>]*>([^<]+)</h[23]>", page)
    assert [heading for heading in headings if f"# {heading}\n" not in text] == []
    codes = re.findall(r"<small>(FFS\d+)</small>", page)
    assert codes
    assert [code for code in codes if f"({code})" not in text] == []
    values = re.findall(r'<dd class="value">([^<]+)</dd>', page)
    assert [value for value in values if f"**{value}**" not in text] == []


def test_nothing_is_drawn_for_a_text(make_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a figure was drawn")

    monkeypatch.setattr("ffsearch.reports.pictures.inline", refuse)
    assert "ROC" in build_text(make_run(30, evidence=True)) or build_text(make_run(30, evidence=True))


@pytest.mark.parametrize("name", [*HOSTILE, "a | b", "*bold* _em_ `code`", "# no heading", "1. no list", "two\nlines"])
def test_hostile_names_stay_names(make_run: Any, name: str) -> None:
    columns = [{"name": name, "kind": "number", "used": True, "reason": name, "n_missing": 0, "n_levels": 3}]
    text = build_text(make_run(8, columns=columns))
    for table in tables_of(text):
        assert len({len(row) for row in table}) == 1
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert "<script" not in outside.replace("\\<script", "")
    assert "\u202e" not in text
    assert all(sign.isprintable() or sign in "\n\u200d" for sign in text)


@given(st.text(max_size=60))
def test_a_line_reads_as_it_stands(text: str) -> None:
    line = _line(text)
    assert "\n" not in line
    assert not _MEANING.search(line)
    assert not re.match(r"(#{1,6}|[-+]|\d+[.)])(\s|$)", line)


@given(st.one_of(st.text(max_size=40), st.text(alphabet="ab *_`[]()<>|~\\$&#;!+-=.1):/\"'{}@^", max_size=30)))
def test_a_reader_of_markdown_shows_what_was_written(text: str) -> None:
    reader = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable(["table", "strikethrough"])
    line, shown = _line(text), html.escape(" ".join(_plain(text).split()), quote=False).replace('"', "&quot;")
    assert reader.render(line) == (f"<p>{shown}</p>\n" if shown else "")
    table = reader.render(f"| a |\n|---|\n| {line} |\n")
    assert f"<td>{shown}</td>" in table


@pytest.mark.parametrize(
    ("given_text", "line"),
    [
        ("log_loss of a_b", "log_loss of a_b"),
        ("_x_", r"\_x\_"),
        ("a|b", r"a\|b"),
        ("- 3", r"\- 3"),
        ("-0.5", "-0.5"),
        ("12. of", r"12\. of"),
        ("12.5", "12.5"),
        ("&lt; & Co", r"\&lt; & Co"),
        (r"C:\x", r"C:\\x"),
        ("$5 to $6", r"\$5 to \$6"),
        ("http://www.x", r"http:\//www\.x"),
    ],
)
def test_signs_are_escaped_where_they_would_mean_something(given_text: str, line: str) -> None:
    assert _line(given_text) == line


def test_it_is_written_where_it_is_wanted(make_run: Any, run_folder: Path, tmp_path: Path) -> None:
    assert write_text(run_folder) == run_folder / "report.md"
    assert write_text(run_folder, tmp_path / "other.md", lang="pt-BR").read_text(encoding="utf-8").startswith("# ")
    both = write_text_comparison([run_folder, run_folder], tmp_path)
    assert both.name == "comparison.md"
    assert tables_of(both.read_text(encoding="utf-8"))
    with pytest.raises(FFSearchError, match="does not speak 'fr'"):
        build_text(make_run(2), lang="fr")


def test_the_command_writes_prints_and_refuses(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["report", str(run_folder), "--format", "md", "--out", str(tmp_path / "a.md")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "a.md")
    written = (tmp_path / "a.md").read_text(encoding="utf-8")
    assert invoke(["report", str(run_folder), "--format", "md", "--out", "-"]) == 0
    assert capsys.readouterr().out == written
    assert invoke(["report", str(run_folder), str(run_folder), "--compare", "--format", "md", "--out", "-"]) == 0
    assert capsys.readouterr().out.startswith("# ")
    assert invoke(["report", str(run_folder), "--format", "md", "--open"]) == 2
    assert "--format md writes a text" in capsys.readouterr().err
    assert invoke(["report", str(run_folder), "--format", "md", "--mlflow", str(tmp_path)]) == 2
    assert "neither --compare, --format" in capsys.readouterr().err
