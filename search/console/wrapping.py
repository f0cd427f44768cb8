"""Text as wide as the terminal: broken between words and never within one, so that names and paths stay whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from shutil import get_terminal_size
from textwrap import wrap
from typing import Final

__all__ = ["cut", "hung", "labelled", "text_width", "wrapped"]

LEAST_WIDTH, MOST_WIDTH = 40, 100
"""Letters a line of prose has. Choice: no longer than one reads with ease; narrower than any terminal is no use."""

_COMMAND: Final = "ffsearch "
_GAP: Final = 2
"""Blanks behind a label."""


def text_width() -> int:
    """Letters of a line: as many as the terminal has, 100 at most, and 100 where there is none."""
    columns = get_terminal_size((MOST_WIDTH, 24)).columns
    return max(LEAST_WIDTH, min(columns, MOST_WIDTH))


def wrapped(sentences: Iterable[str]) -> list[str]:
    """Each sentence from a line's beginning on."""
    return [line for sentence in sentences for line in hung(sentence, "")]


def hung(text: str, indent: str, *, first: str | None = None) -> list[str]:
    """A text in lines behind an indent.

    Args:
        text: What is said; no line break in it.
        indent: What stands before every line.
        first: What stands before the first one instead.
    """
    return wrap(
        text, text_width(), initial_indent=indent if first is None else first, subsequent_indent=indent,
        break_on_hyphens=False, break_long_words=False,
    )  # fmt: skip


def cut(text: str, most: int) -> str:
    """A text, cut where its line would else be two: the lines below it would jump."""
    return text if len(text) <= most else f"{text[: max(0, most - 1)]}…"[: max(0, most)]


def labelled(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Texts behind their labels, which stand below each other; where a label is empty, a text goes on below the last.

    Args:
        rows: Label and text; a text that is a command of ours stays in one line, to be copied.
    """
    width = max((len(label) for label, _ in rows), default=0) + _GAP
    lines: list[str] = []
    for label, text in rows:
        first = label.ljust(width)
        lines += [first + text] if text.startswith(_COMMAND) else hung(text, " " * width, first=first)
    return lines
