"""The report as text, in Markdown: for mails, theses and programs. The same bytes for the same run folder.

It says what the page says, in the same order: sentences with the codes of findings, numbers, tables. A figure is told
in the words of those who do not see it, with its numbers as a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ffsearch.reports.documents import Report, compared, printable, put, read, reported
from ffsearch.reports.listings import Cell, ShownTable
from ffsearch.reports.parts import Block, Fact, Section
from ffsearch.reports.pictures import Picture
from ffsearch.reports.tables import RunLike
from ffsearch.search.folder.doubted import doubted
from ffsearch.search.wording.finding import Finding
from ffsearch.search.wording.language import Language, language

__all__ = ["COMPARISON_TEXT", "REPORT_TEXT", "build_text", "set_text", "write_text", "write_text_comparison"]

REPORT_TEXT: Final = "report.md"
COMPARISON_TEXT: Final = "comparison.md"
"""Names of the files where none are given."""

MAX_ROWS: Final = 40
"""Rows of a table that are set where a page folds them away or sorts them. choice: a screen; the run folder has all."""

_ANYWHERE: Final = re.compile(
    r"[\\`*\[\]<>|~$]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])|&(?=#?\w+;)|!(?=\[)|(?<=[wW]{3})\.|//"
)
"""Signs that Markdown reads in a line, and those by which its readers find addresses; within a word `_` is one."""

_IN_FRONT: Final = re.compile(r"^(#{1,6}(?=\s|$)|[+-](?=\s|$)|\d+(?=[.)](?:\s|$))|[=-]+$)")
"""What would make a heading, a list or a rule of a line."""

_MARKS: Final = dict.fromkeys((*range(0x200E, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x061C))
"""Signs that turn the direction of what follows: a page keeps them within a name, a text cannot."""


def write_text(run: str | Path | RunLike, out: str | Path | None = None, *, lang: str = "en") -> Path:
    """Write a run's report as text.

    Args:
        run: A run folder or a run that was read from one, finished or not.
        out: Where it goes: a file, or a folder that is there; by default into the run folder.
        lang: Language of the text.

    Returns:
        The file.

    Raises:
        RunError: If the run cannot be read or the text not be written.
        FFSearchError: If the report does not speak the language.
    """
    [one] = read([run])
    return put(build_text(one, lang=lang), Path(out) if out is not None else one.path, name=REPORT_TEXT, lang=lang)


def write_text_comparison(
    runs: Sequence[str | Path | RunLike], out: str | Path | None = None, *, lang: str = "en"
) -> Path:
    """Write several runs side by side as text; see `html.write_comparison`."""
    t, known = language(lang), read(runs)
    with doubted(*known):
        text = set_text(compared(known, t), t)
    return put(text, Path(out) if out is not None else known[0].path.parent, name=COMPARISON_TEXT, lang=lang)


def build_text(run: RunLike, *, lang: str = "en") -> str:
    """A run's report as Markdown.

    Raises:
        FFSearchError: If the report does not speak the language.
    """
    t = language(lang)
    with doubted(run):
        return set_text(reported(run, t), t)


def set_text(report: Report, t: Language) -> str:
    """A report as Markdown, as GitHub's readers take it: paragraphs apart by an empty line."""
    parts = [f"# {_line(report.headline)}", f"{_line(t('page.eyebrow'))} · {_line(report.name)}"]
    if not report.is_finished:
        parts.append(f"**{_line(t('page.unfinished'))}**")
    for section in report.sections:
        parts += [f"## {_line(section.title)}", *_section(section, t)]
    parts += ["---", _line(t("page.footer_text", version=report.version))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(section: Section, t: Language) -> Iterator[str]:
    yield _line(section.lead)
    if section.topology:
        yield _code(section.topology)
    yield from map(_line, section.texts)
    yield _facts(section.facts)
    for picture in section.pictures:
        yield from _picture(picture, t)
    yield _facts(section.minor_facts)
    yield _list(f"{_line(label)}: {_line(text)}" for label, text in section.entries)
    for block in section.blocks:
        yield from _block(block, t)


def _block(block: Block, t: Language) -> Iterator[str]:
    if block.title:
        yield f"### {_line(block.title)}"
    text = _line(block.text)
    said = f"**{text}**" if block.is_caution and text else text
    yield said
    for picture in block.pictures:
        yield from _picture(picture, t)
    if block.code:
        yield _fenced(block.code)
    yield _list([*map(_line, block.points), *(_finding(finding, t) for finding in block.findings)])
    if block.table is not None:
        yield from _table(block.table, t, n_most=block.n_printed or MAX_ROWS)


def _picture(picture: Picture, t: Language) -> Iterator[str]:
    """What a figure shows, what it tells, and its numbers."""
    yield f"*{_line(picture.caption)}*"
    yield _line(picture.alt)
    if picture.table is not None:
        yield from _table(picture.table, t, n_most=MAX_ROWS)


def _facts(facts: Sequence[Fact]) -> str:
    return _list(
        f"{_line(fact.label)}: **{_line(fact.value)}**" + (f" ({_line(fact.note)})" if fact.note else "")
        for fact in facts
    )


def _finding(finding: Finding, t: Language) -> str:
    return f"{_line(t.says(finding))} ({finding.code})"


def _table(table: ShownTable, t: Language, *, n_most: int) -> Iterator[str]:
    """The first rows of a table, numbers to the right; and how many there are, if these are not all."""
    if not table.rows:
        return
    rule = ["---:" if place in table.numbers else "---" for place in range(len(table.heads))]
    rows = [list(map(_line, table.heads)), rule, *(list(map(_cell, row)) for row in table.rows[:n_most])]
    yield "\n".join(f"| {' | '.join(row)} |" for row in rows)
    if len(table.rows) > n_most:
        yield _line(t("page.more_rows", n=t.count(n_most), total=t.count(len(table.rows))))


def _cell(cell: Cell) -> str:
    return _line(cell.text) + (f" ({_line(cell.note)})" if cell.note else "")


def _list(items: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


# --- signs that mean something ---------------------------------------------------------------------------------------


def _line(text: str) -> str:
    """A text on one line that reads as it stands, whatever signs its names hold."""
    plain = " ".join(printable(text).translate(_MARKS).split())
    escaped = _ANYWHERE.sub(lambda sign: f"\\{sign[0]}", plain)
    return _IN_FRONT.sub(_begun, escaped)


def _begun(found: re.Match[str]) -> str:
    """What begins a line, so that it begins nothing: of a number its point is what does."""
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"


def _code(text: str) -> str:
    """A line of code, between more signs than it holds one after the other."""
    plain = " ".join(printable(text).translate(_MARKS).split())
    fence = "`" * (_longest_run(plain) + 1)
    return f"{fence} {plain} {fence}" if "`" in plain else f"`{plain}`"


def _fenced(text: str) -> str:
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}\n{printable(text).translate(_MARKS).strip(chr(10))}\n{fence}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
