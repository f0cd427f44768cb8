"""What a report says before it is set: the answer, sections, and whether the run has ended; for pages and for texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ffsearch.errors import RunError
from ffsearch.reports.capacity_sections import capacity_headline, capacity_sections
from ffsearch.reports.compare import Pairs, comparison, comparison_headline, names_of
from ffsearch.reports.parts import Section
from ffsearch.reports.sections import headline, sections
from ffsearch.reports.tables import RunLike
from ffsearch.search.base.files import put_in_place
from ffsearch.search.folder.reader import load
from ffsearch.search.wording.language import ENGLISH, Language, language

__all__ = ["Report", "compared", "printable", "put", "read", "reported"]

# What neither HTML nor a text has a place for: control characters, and halves of surrogate pairs, which UTF-8 has none
# for either.
_UNPRINTABLE: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(127, 160)), "�")


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report, not yet set.

    Args:
        name: Of the run, or of all that are compared.
        headline: The answer in a few words.
        sections: In their order.
        is_finished: Whether all runs in it have ended.
        version: Of ffsearch that wrote the first run.
    """

    name: str
    headline: str
    sections: Sequence[Section]
    is_finished: bool
    version: str


def read(runs: Sequence[str | Path | RunLike]) -> list[RunLike]:
    """Runs, those that are named by their folders read.

    Raises:
        RunError: If one cannot be read.
    """
    return [load(run) if isinstance(run, str | Path) else run for run in runs]


def reported(run: RunLike, t: Language) -> Report:
    """The report of a search or of a capacity study."""
    is_study = run.results.kind == "capacity"
    return Report(
        name=run.results.name,
        headline=(capacity_headline if is_study else headline)(run, t),
        sections=(capacity_sections if is_study else sections)(run, t),
        is_finished=run.is_finished,
        version=run.results.ffsearch,
    )


def compared(runs: Sequence[RunLike], t: Language, pairs: Pairs | None = None) -> Report:
    """Several runs side by side.

    Args:
        runs: Two or more.
        t: The language.
        pairs: What a run's network gains over another's on the same sealed rows, where that is known.

    Raises:
        RunError: If there are fewer than two runs, or one is no search.
    """
    if len(runs) < 2:
        raise RunError(f"{len(runs)} run was given, and a comparison needs two or more. Name their folders.")
    if studies := [str(run.path) for run in runs if run.results.kind == "capacity"]:
        raise RunError(f"{', '.join(studies)}: capacity studies have no place beside searches. Compare searches alone.")
    return Report(
        name=", ".join(names_of(runs)),
        headline=comparison_headline(runs, t, pairs or {}),
        sections=comparison(runs, t, pairs or {}),
        is_finished=all(run.is_finished for run in runs),
        version=runs[0].results.ffsearch,
    )


def printable(text: str) -> str:
    """A text without what a page cannot hold."""
    return text.translate(_UNPRINTABLE).encode("utf-8", errors="replace").decode("utf-8")


def put(content: str, path: Path, *, name: str, lang: str) -> Path:
    """Put a report into a file, or under its own name into a folder, whole: who has the old one open reads no half.

    Args:
        content: The report.
        path: The file or folder.
        name: What an English one is called in a folder; one in Portuguese stands beside it, as `report.pt-BR.html`.
        lang: The language it is in.

    Raises:
        RunError: If it cannot be written; an older one stays as it is.
    """
    if path.is_dir():
        stem, _, ending = name.rpartition(".")
        code = language(lang).code
        path /= name if code == ENGLISH.code else f"{stem}.{code}.{ending}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with put_in_place(path) as beside:
            beside.write_bytes(content.encode("utf-8"))
    except OSError as error:
        raise RunError(
            f"The report cannot be written to {path}: {error.strerror or error}. Choose another place with --out."
        ) from error
    return path
