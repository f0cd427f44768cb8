"""Texts that are one thing in several spellings: truth values, and levels that differ by case or blanks alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ffsearch.search.data.parsing.cells import Levels, folded

__all__ = ["FALSE_WORDS", "TRUE_WORDS", "merged", "truth_pair", "truth_spellings", "variants_of"]

_TRUTH: Final = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"), ("0", "1"), ("off", "on"))
"""False and true in the spellings that a column may have."""

_ALSO: Final = (("0.0", "1.0"),)

_OF_PEOPLE: Final = (
    ("não", "sim"), ("nao", "sim"), ("n", "s"), ("falso", "verdadeiro"), ("falsch", "wahr"), ("nein", "ja"),
    ("faux", "vrai"), ("non", "oui"), ("no", "sí"), ("no", "si"), ("falso", "verdadero"), ("nee", "ja"), ("nej", "ja"),
)  # fmt: skip
"""What rows to come may say for the truth values of a column, as spreadsheets and people of other languages do."""

FALSE_WORDS: Final = frozenset(false for false, _ in (*_TRUTH, *_OF_PEOPLE))
TRUE_WORDS: Final = frozenset(true for _, true in (*_TRUTH, *_OF_PEOPLE))
"""Spellings of truth, in lower case. No word is in both."""


def truth_pair(levels: Levels) -> tuple[str, str] | None:
    """What stands for false and for true in a column, the more frequent spelling of each; None if it has others."""
    kinds = {folded(text) for text in levels.texts}
    pair = next((pair for pair in _TRUTH if kinds == set(pair)), None)
    if pair is None:
        return None
    most = _most_frequent(levels)
    return most[pair[0]], most[pair[1]]


def truth_spellings(pair: tuple[str, str]) -> dict[str, str]:
    """Every spelling of false and true, folded, and the level of the column that it is."""
    return {text: level for texts in (*_TRUTH, *_ALSO) for text, level in zip(texts, pair, strict=True)}


def variants_of(levels: Levels) -> list[tuple[str, ...]]:
    """Levels that differ by case or blanks alone, together."""
    alike: dict[str, list[str]] = {}
    for text in levels.texts:
        alike.setdefault(folded(text), []).append(text)
    return [tuple(texts) for texts in alike.values() if len(texts) > 1]


def merged(levels: Levels) -> Mapping[str, str]:
    """The most frequent spelling of every level, by its folded text."""
    return _most_frequent(levels)


def _most_frequent(levels: Levels) -> dict[str, str]:
    """Of texts that fold alike the one that most cells hold, the first of equals."""
    best: dict[str, tuple[int, str]] = {}
    for text, count in zip(levels.texts, levels.counts().tolist(), strict=True):
        if count > best.get(folded(text), (0, ""))[0]:
            best[folded(text)] = (count, text)
    return {key: text for key, (_, text) in best.items()}
