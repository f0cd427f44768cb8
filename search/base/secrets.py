"""Addresses without the passwords in them: what is kept, shown or logged goes through here."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, unquote_plus

__all__ = ["without_passwords"]

_ADDRESS: Final = re.compile(r"(?P<before>[a-z][a-z0-9+.-]*://[^\s:/@]*:)(?P<password>[^\s/]*)(?=@)", re.IGNORECASE)
_QUERY: Final = re.compile(r"(?P<before>[?&](?:password|passwd|passfile|sslpassword)=)(?P<password>[^&\s'\"]*)", re.I)


def without_passwords(text: str, *, of: str | None = None) -> str:
    """A text whose addresses show no passwords.

    Args:
        text: Anything: an address, an error, a command line.
        of: An address whose password is hidden wherever it stands in the text, alone too.
    """
    for pattern in (_ADDRESS, _QUERY):
        text = pattern.sub(lambda found: found["before"] + "***", text)
    for secret in _passwords(of or ""):
        text = text.replace(secret, "***")
    return text


def _passwords(address: str) -> set[str]:
    """As they stand in an address, and as they are."""
    raw = {found["password"] for pattern in (_ADDRESS, _QUERY) for found in pattern.finditer(address)}
    return {each for one in raw for each in (one, unquote(one), unquote_plus(one)) if each}
