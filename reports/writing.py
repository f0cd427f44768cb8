"""Which of the ways to set a report is wanted, for the command line: a page or a text, of one run or of several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from ffsearch.reports.compare import Pairs
from ffsearch.reports.documents import compared, put, read, reported
from ffsearch.reports.html import set_page
from ffsearch.reports.markdown import set_text
from ffsearch.reports.playground import playground_of
from ffsearch.search.folder.doubted import doubted
from ffsearch.search.folder.playground import PlaygroundRows
from ffsearch.search.wording.language import language

__all__ = ["report_of", "write"]

Way = Literal["html", "md"]


def report_of(
    runs: Sequence[Path],
    way: Way,
    *,
    compare: bool,
    lang: str,
    rows: PlaygroundRows | None = None,
    pairs: Pairs | None = None,
) -> str:
    """A report as it stands in its file.

    Args:
        runs: Run folders; without `compare` one.
        way: As a page, or as a text in Markdown.
        compare: Whether runs are set side by side.
        lang: Its language.
        rows: Of the one run's table, for a playground at the end of its page; None: it has none.
        pairs: What networks of compared runs gain over each other on the same sealed rows.

    Raises:
        RunError: If a run cannot be read or compared.
        FFSearchError: If the report does not speak the language.
    """
    t, known = language(lang), read(runs)
    with doubted(*known):
        report = compared(known, t, pairs) if compare else reported(known[0], t)
        if way == "md":
            return set_text(report, t)
        play = None if rows is None else playground_of(rows, n_sealed=known[0].results.data.n_test, t=t)
        return set_page(report, t, play=play)


def write(
    runs: Sequence[Path],
    way: Way,
    *,
    compare: bool,
    out: Path | None,
    lang: str,
    rows: PlaygroundRows | None = None,
    pairs: Pairs | None = None,
) -> Path:
    """Write a report; where nothing is said, into its run folder, a comparison beside the first of them.

    A page that carries rows has a name of its own there, so that nobody hands it on for the one that carries none.

    Raises:
        RunError: As `report_of`, or if it cannot be written.
    """
    place = out or (runs[0].parent if compare else runs[0])
    name = PLAYGROUND_PAGE if rows is not None else f"{_STEMS[compare]}.{way}"
    return put(report_of(runs, way, compare=compare, lang=lang, rows=rows, pairs=pairs), place, name=name, lang=lang)


PLAYGROUND_PAGE: Final = "playground.html"

_STEMS = {True: "comparison", False: "report"}
"""Names of the files where none are given."""
