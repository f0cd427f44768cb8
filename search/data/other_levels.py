"""Levels in other words: `1` for `TRUE`, `1234` for `01234`; what rows to answer may say of a level that was learnt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ffsearch.search.data.features.columns import CategoryColumn
from ffsearch.search.data.parsing.variants import FALSE_WORDS, TRUE_WORDS

__all__ = ["matcher", "other_spellings", "truths_of"]


def other_spellings(levels: Sequence[str]) -> dict[str, str]:
    """Texts that are levels in other words, by the text without blanks and capitals: truth, codes without zeros."""
    truths = truths_of(frozenset(levels) - {""})
    found = {}
    if truths is not None:
        found = dict.fromkeys(TRUE_WORDS, truths[0]) | dict.fromkeys(FALSE_WORDS, truths[1])
    bare = [level.lstrip("0") for level in levels if level.isdecimal()]
    codes = {level.lstrip("0"): level for level in levels if level.isdecimal() and bare.count(level.lstrip("0")) == 1}
    return found | {text: level for text, level in codes.items() if text and text != level and text not in found}


def matcher(column: CategoryColumn) -> Callable[[str], str | None]:
    """The level that a text is, which may be spelt otherwise: truth in other words, codes without their zeros."""
    known = frozenset(column.vocabulary)
    truths = truths_of(known - {""})
    bare: dict[str, str] = {}
    for level in known:
        if level.isdecimal():
            bare[level.lstrip("0")] = level if level.lstrip("0") not in bare else ""

    def match(text: str) -> str | None:
        if text in known:
            return text
        if truths is not None:
            word = text.lower()
            return truths[0] if word in TRUE_WORDS else truths[1] if word in FALSE_WORDS else None
        return (bare.get(text.lstrip("0")) or None) if text.isdecimal() else None

    return match


def truths_of(levels: frozenset[str]) -> tuple[str, str] | None:
    """The levels that say yes and no, where a column has these two."""
    yes = [level for level in levels if level.lower() in TRUE_WORDS]
    no = [level for level in levels if level.lower() in FALSE_WORDS]
    return (yes[0], no[0]) if len(yes) == len(no) == 1 and len(levels) == 2 else None
