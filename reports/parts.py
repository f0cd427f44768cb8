"""What a section of a page is made of, in any kind of report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ffsearch.reports.listings import ShownTable
from ffsearch.reports.pictures import Picture
from ffsearch.search.wording.finding import Finding

__all__ = ["Block", "Fact", "Fold", "Section", "known"]


class Fold(StrEnum):
    """How much of a block a page shows only when asked; on paper, and in a text, all of it stands."""

    NOTHING = "nothing"
    SHOWN = "shown"
    """What it shows: figures, code, lists, tables. What it says stays."""
    ALL = "all"
    """All but its title."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A number that stands alone: what it is, its value, a remark."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Block:
    """What stands below a section's own figures under a heading: text, a figure, a list, code or a table.

    Args:
        title: The heading; none if empty.
        text: A paragraph.
        pictures: Figures.
        is_caution: Whether the paragraph warns.
        points: Of a list.
        findings: More points of it, each with its code.
        code: Text set as it is.
        table: A table.
        is_sortable: Whether the table's headings sort it and its rows can be searched.
        n_printed: Rows of the table that go on paper; None for all.
        entries: Names and values, a line each.
        fold: How much of it opens only when asked; what folds has a title.
    """

    title: str = ""
    text: str = ""
    pictures: Sequence[Picture] = ()
    is_caution: bool = False
    points: Sequence[str] = ()
    findings: Sequence[Finding] = ()
    code: str = ""
    table: ShownTable | None = None
    is_sortable: bool = False
    n_printed: int | None = None
    entries: Sequence[tuple[str, str]] = ()
    fold: Fold = Fold.NOTHING


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section, its parts in the order they stand in.

    Args:
        key: Its name in links.
        title: Its heading.
        lead: A first sentence, set large.
        topology: The winner's topology line.
        texts: Paragraphs.
        facts: Numbers that stand alone.
        minor_facts: More of them, set smaller.
        pictures: Figures.
        entries: Names and values, a line each.
        blocks: All the rest.
    """

    key: str
    title: str
    lead: str = ""
    topology: str = ""
    texts: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    minor_facts: Sequence[Fact] = ()
    pictures: Sequence[Picture] = ()
    entries: Sequence[tuple[str, str]] = ()
    blocks: Sequence[Block] = ()


def known(pictures: Sequence[Picture | None]) -> list[Picture]:
    """Those that there was something to draw for."""
    return [picture for picture in pictures if picture is not None]
