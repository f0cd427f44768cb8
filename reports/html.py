"""The page: one HTML file that needs nothing else, the same bytes for the same run folder.

from ffsearch.reports.html import write_report
write_report("runs/tabular")
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from ffsearch.reports.compare import Pairs
from ffsearch.reports.documents import Report, compared, printable, put, read, reported
from ffsearch.reports.playground import Playground
from ffsearch.reports.tables import RunLike
from ffsearch.search.folder.doubted import doubted
from ffsearch.search.folder.reader import REPORT
from ffsearch.search.wording.language import Language, language

__all__ = ["COMPARISON", "build_page", "set_page", "write_comparison", "write_report"]

COMPARISON: Final = "comparison.html"
"""Names of the files where none are given."""

PLAYGROUND: Final = ("playground_drawing.js", "trainer.js", "training.js", "playground.js")
"""Scripts of the playground, each after those it stands on."""


def write_report(run: str | Path | RunLike, out: str | Path | None = None, *, lang: str = "en") -> Path:
    """Write a run's report.

    Args:
        run: A run folder or a run that was read from one, finished or not.
        out: Where the page goes: a file, or a folder that is there; by default into the run folder.
        lang: Language of the page.

    Returns:
        The file.

    Raises:
        RunError: If the run cannot be read or the page not be written.
        FFSearchError: If the report does not speak the language.
    """
    [one] = read([run])
    return put(build_page(one, lang=lang), Path(out) if out is not None else one.path, name=REPORT, lang=lang)


def write_comparison(
    runs: Sequence[str | Path | RunLike],
    out: str | Path | None = None,
    *,
    lang: str = "en",
    pairs: Pairs | None = None,
) -> Path:
    """Write a page of several runs side by side.

    Args:
        runs: Two or more.
        out: Where the page goes: a file, or a folder that is there; by default beside the first run folder.
        lang: Language of the page.
        pairs: What networks gain over each other on the same sealed rows, by the places of their runs.

    Returns:
        The file.

    Raises:
        RunError: If there are fewer than two runs, or one cannot be read or is no search, or the page not be written.
        FFSearchError: If the report does not speak the language.
    """
    t, known = language(lang), read(runs)
    with doubted(*known):
        page = set_page(compared(known, t, pairs), t)
    return put(page, Path(out) if out is not None else known[0].path.parent, name=COMPARISON, lang=lang)


def build_page(run: RunLike, *, lang: str = "en") -> str:
    """A run's report as HTML text.

    Raises:
        FFSearchError: If the report does not speak the language.
    """
    t = language(lang)
    with doubted(run):
        return set_page(reported(run, t), t)


def set_page(report: Report, t: Language, *, play: Playground | None = None) -> str:
    """A report as a page.

    Args:
        report: What it says.
        t: Its language.
        play: A playground at its end; None: none.
    """
    scripts, styles = [_source("page.js")], _source("page.css")
    if play is not None:
        scripts.append("\n".join(map(_source, PLAYGROUND)))
        styles += _source("playground.css")
    page = _environment().get_template("page.html").render(
        t=t, headline=report.headline, sections=report.sections, name=report.name,
        is_finished=report.is_finished, version=report.version,
        css=Markup(styles), scripts=[Markup(script) for script in scripts], policy=_policy(scripts), play=play,
    )  # fmt: skip
    return page.strip() + "\n"


def _environment() -> jinja2.Environment:
    """Templates from this package, everything escaped that is not marked as markup."""
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_source), autoescape=True, finalize=_printable, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def _source(name: str) -> str:
    """A file that lies beside this one."""
    return files("ffsearch.reports").joinpath(name).read_text(encoding="utf-8")


def _printable(value: Any) -> Any:
    """Any value on its way into the page, without what a page cannot hold."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return printable(value)


def _policy(scripts: Sequence[str]) -> str:
    """Content security policy: nothing is fetched, and no script runs but ours, even if a text slipped through.

    Those of a playground make a worker of their own text, which has an address within the page.
    """
    hashes = [hashlib.sha256(script.encode("utf-8")).digest() for script in scripts]
    digests = " ".join(f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in hashes)
    workers = "worker-src blob:; " if len(scripts) > 1 else ""
    return (
        f"default-src 'none'; script-src {digests}; {workers}style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
