"""Errors that are said in every language: those that people meet first. Others are said in English.

Where one is raised, `refusal(DataError, "no_file", name=...)`; where it is shown, `refused(error, t)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeVar

from ffsearch.errors import FFSearchError
from ffsearch.search.wording.language import PLAIN, Language

__all__ = ["Said", "either", "refusal", "refused"]

Kind = TypeVar("Kind", bound=FFSearchError)


@dataclass(frozen=True)
class Said:
    """A part of a sentence that has words of its own.

    Args:
        key: Where they stand, within `refused`.
        values: What they say, plain or parts again.
    """

    key: str
    values: dict[str, Any]

    def said(self, t: Language) -> str:
        """In a language."""
        values = {name: one.said(t) if isinstance(one, Said) else one for name, one in self.values.items()}
        return t(f"refused.{self.key}", **values)


def either(names: Sequence[str]) -> Any:
    """Names of which one is meant: 'a', 'b' or 'c'."""
    shown: list[Any] = list(map(repr, names))
    return reduce(lambda one, other: Said("either", {"one": one, "other": other}), shown)


def refusal(kind: type[Kind], key: str, /, **values: Any) -> Kind:
    """An error, in English as its text, and in every language by `refused`.

    Args:
        kind: Its class.
        key: Where its words stand, within `refused`.
        values: What they say, plain or parts.
    """
    words = Said(key, values)
    error = kind(words.said(PLAIN))
    error.words = words
    return error


def refused(error: FFSearchError, t: Language) -> str:
    """What an error says: in that language where it has words, else its own text."""
    words = error.words
    return words.said(t) if isinstance(words, Said) else str(error)
