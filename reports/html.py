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

from ffsearch.errors import RunError
from ffsearch.reports.capacity_sections import capacity_headline, capacity_sections
from ffsearch.reports.compare import comparison, comparison_headline, names_of
from ffsearch.reports.parts import Section
from ffsearch.reports.sections import headline, sections
from ffsearch.reports.tables import RunLike
from ffsearch.search.base.files import put_in_place
from ffsearch.search.folder.reader import REPORT, load
from ffsearch.search.wording.language import Language, language

__all__ = ["COMPARISON", "build_page", "write_comparison", "write_report"]

COMPARISON: Final = "comparison.html"
"""Names of the files where none are given."""

# What HTML has no place for: control characters, and halves of surrogate pairs, which UTF-8 has none for either.
_UNPRINTABLE: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(127, 160)), "�")


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
    read = load(run) if isinstance(run, str | Path) else run
    return _write(build_page(read, lang=lang), Path(out) if out is not None else read.path, name=REPORT)


def write_comparison(runs: Sequence[str | Path | RunLike], out: str | Path | None = None, *, lang: str = "en") -> Path:
    """Write a page of several runs side by side.

    Args:
        runs: Two or more.
        out: Where the page goes: a file, or a folder that is there; by default beside the first run folder.
        lang: Language of the page.

    Returns:
        The file.

    Raises:
        RunError: If there are fewer than two runs, or one cannot be read or is no search, or the page not be written.
        FFSearchError: If the report does not speak the language.
    """
    read = [load(run) if isinstance(run, str | Path) else run for run in runs]
    if len(read) < 2:
        raise RunError(f"{len(read)} run was given, and a comparison needs two or more. Name their folders.")
    if studies := [str(run.path) for run in read if run.results.kind == "capacity"]:
        raise RunError(f"{', '.join(studies)}: capacity studies have no place beside searches. Compare searches alone.")
    t = language(lang)
    names = ", ".join(names_of(read))
    page = _page(t, headline=comparison_headline(read, t), sections=comparison(read, t), name=names, runs=read)
    return _write(page, Path(out) if out is not None else read[0].path.parent, name=COMPARISON)


def build_page(run: RunLike, *, lang: str = "en") -> str:
    """A run's report as HTML text.

    Raises:
        FFSearchError: If the report does not speak the language.
    """
    t = language(lang)
    name = run.results.name
    if run.results.kind == "capacity":
        return _page(t, headline=capacity_headline(run, t), sections=capacity_sections(run, t), name=name, runs=[run])
    return _page(t, headline=headline(run, t), sections=sections(run, t), name=name, runs=[run])


def _page(t: Language, *, headline: str, sections: Sequence[Section], name: str, runs: Sequence[RunLike]) -> str:
    """A page of sections."""
    script = _source("page.js")
    page = _environment().get_template("page.html").render(
        t=t, headline=headline, sections=sections, name=name, is_finished=all(run.is_finished for run in runs),
        version=runs[0].results.ffsearch, css=Markup(_source("page.css")), script=Markup(script),
        policy=_policy(script),
    )  # fmt: skip
    return page.strip() + "\n"


def _write(page: str, path: Path, *, name: str) -> Path:
    """Put a page into a file, or under its own name into a folder."""
    path = path / name if path.is_dir() else path
    _replace(path, page.encode("utf-8"))
    return path


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
    return value.translate(_UNPRINTABLE).encode("utf-8", errors="replace").decode("utf-8")


def _policy(script: str) -> str:
    """Content security policy: nothing is fetched, and no script runs but ours, even if a text slipped through."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _replace(path: Path, content: bytes) -> None:
    """Put the page in place whole: who has the old one open never reads half of a new one.

    Raises:
        RunError: If it cannot be written; an older page stays as it is.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with put_in_place(path) as beside:
            beside.write_bytes(content)
    except OSError as error:
        raise RunError(
            f"The report cannot be written to {path}: {error.strerror or error}. Choose another place with --out."
        ) from error
