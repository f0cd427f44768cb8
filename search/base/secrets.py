"""Addresses without the passwords in them: what is kept, shown or logged goes through here."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, unquote_plus

__all__ = ["without_passwords"]

_WORD: Final = re.compile(r"\S+")

_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]{1,40}:/{1,3}[^\s:/?#]*:", re.IGNORECASE)
"""What stands before a password, which goes to the last @ before a blank: one that was not percent-coded may hold a
slash, a colon or another @. One slash is what a path makes of two. Of a longer scheme the last letters are enough."""

_CUT: Final = re.compile(
    r"[a-z][a-z0-9+.-]{1,40}:/{1,2}(?!/)[^\s:/?#@\[]+:(?!\d{1,5}(?:[/?#\s'\",.;)\]]|$))(?=.)", re.IGNORECASE
)
"""The same of an address that was cut off within its password, as at the sign between an option's name and its value:
what stands behind the colon is no port."""

_WHOLE: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^:/?#]*:(?P<password>.*)@", re.IGNORECASE | re.DOTALL)
"""An address that stands alone: blanks, too, are then part of its password."""

_NAMED: Final = re.compile(
    r"(?P<before>\b(?:ssl)?(?:password|passwd|passfile|pwd|secret|token|api_?key|access_?key)=)"
    r"(?P<password>'[^']*'|\"[^\"]*\"|[^&\s'\",;)\]]*)",
    re.IGNORECASE,
)
"""In a query, or in a list of settings as libpq takes it: `host=a password='b c'`."""


def without_passwords(text: str, *, of: str | None = None) -> str:
    """A text whose addresses show no passwords.

    Args:
        text: Anything: an address, an error, a command line.
        of: An address whose password is hidden wherever it stands in the text, alone too.

    Example:
        >>> without_passwords("mysql://me:Se/sam@host/db?ssl_ca=a")
        'mysql://me:***@host/db?ssl_ca=a'
    """
    for secret in sorted(_passwords(of or ""), key=len, reverse=True):  # before parts of it are taken away
        text = text.replace(secret, "***")
    if ":/" in text:
        text = _WORD.sub(lambda word: _without_password(word[0]), text)
    return _NAMED.sub(lambda found: found["before"] + "***", text)


def _without_password(word: str) -> str:
    """A word whose address, if it is one, shows none; looked through once, however long it is."""
    end = word.rfind("@")
    found = _ADDRESS.search(word, 0, end) if end > 0 else None
    if found is not None:
        word = f"{word[: found.end()]}***{word[end:]}"
    cut = _CUT.search(word, word.rfind("@") + 1)
    return word if cut is None else f"{word[: cut.end()]}***"


def _passwords(address: str) -> set[str]:
    """As they stand in an address, as they are, and as Python writes a text."""
    whole = _WHOLE.match(address)
    raw = {found["password"].strip("'\"") for found in _NAMED.finditer(address)}
    raw |= set() if whole is None else {whole["password"]}
    plain = {each for one in raw for each in (one, unquote(one), unquote_plus(one)) if each}
    return plain | {repr(one)[1:-1] for one in plain}
