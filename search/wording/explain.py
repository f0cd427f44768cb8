"""The pages of the codes, for terminal and documentation: what a finding means, how it was found and what to do."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from textwrap import wrap
from typing import Final

from ffsearch.errors import FFSearchError
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.language import ENGLISH

__all__ = ["list_lines", "markdown", "page_lines"]

WIDTH: Final = 80
"""Letters a line has where nobody says how many: what every terminal shows."""

_PARTS: Final = ("means", "found", "do")


def list_lines(width: int = WIDTH) -> list[str]:
    """All codes under the head of their range: code, severity, title, in lines of so many letters."""
    lines: list[str] = []
    for head, codes in _ranges():
        lines += ["", head]
        for code in codes:
            first = f"  {code}  {code.severity:<7}  "
            lines += wrap(_pages()[code]["title"], width, initial_indent=first, subsequent_indent=" " * len(first))
    return lines[1:]


def page_lines(given: str, width: int = WIDTH) -> list[str]:
    """The page of a code.

    Args:
        given: The code, in letters of either case.
        width: Letters of a line.

    Raises:
        FFSearchError: If there is none such.
    """
    code = given.upper()
    if code not in _pages():
        near = get_close_matches(code, _pages(), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise FFSearchError(f"{given!r} is no code.{hint} `ffsearch explain` lists all codes.")
    lines = [f"{code}  {_pages()[code]['title']}  ({Code(code).severity})"]
    for head, texts in _sections(Code(code)):
        lines += ["", head]
        first, rest = ("  - ", "    ") if len(texts) > 1 else ("  ", "  ")
        for text in texts:
            lines += wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return lines


def markdown() -> str:
    """All pages as one document, which docs/findings.md is."""
    lines = [f"# {ENGLISH('explain.title')}", "", ENGLISH("explain.text")]
    for head, codes in _ranges():
        lines += ["", f"## {head}"]
        for code in codes:
            lines += ["", f"### {code} {_pages()[code]['title']}", "", f"`{code.severity}`"]
            for part, texts in _sections(code):
                lines += ["", f"**{part}.** {' / '.join(texts)}"]
    return "\n".join(lines) + "\n"


@cache
def _pages() -> Mapping[str, Mapping[str, str]]:
    """The pages by code, and the heads of the ranges."""
    pages: dict[str, dict[str, str]] = tomllib.loads(
        files("ffsearch.search.wording").joinpath("pages.toml").read_text(encoding="utf-8")
    )
    return pages


def _ranges() -> Iterator[tuple[str, list[Code]]]:
    """Every range that has codes, by its head: FFS3xx, warnings about data."""
    for digit in sorted({code[3] for code in Code}):
        yield f"FFS{digit}xx  {ENGLISH.named('range', digit)}", [code for code in Code if code[3] == digit]


def _sections(code: Code) -> Iterator[tuple[str, list[str]]]:
    """The parts of a page by their heads; last the sentence in all its forms, with names where values go."""
    yield from ((ENGLISH(f"explain.{part}"), [_pages()[code][part]]) for part in _PARTS)
    key = f"found.{code.key}"
    forms = {name: text for name, text in ENGLISH.words.items() if name == key or name.startswith(f"{key}.")}
    said = [text for name, text in forms.items() if not name.endswith(".one")]
    yield ENGLISH("explain.said"), [re.sub(r"\{(\w+):\w+\}", r"{\1}", text) for text in said]
