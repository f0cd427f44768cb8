"""Errors as Python's users need them: what the command line calls `--fresh` is `fresh=True` in a call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ffsearch.errors import FFSearchError

__all__ = ["in_python", "speaking_python"]

_SWITCHES: Final = ("fresh", "finish", "force", "lenient")
"""Options without a value."""

_VALUES: Final = ("out", "target", "data", "trials", "budget", "seed", "workers", "ray", "storage", "lang")
"""Options whose value follows; functions have parameters of the same names."""

_RULES: Final = (
    (r"--set ([\w.]+)=([\w.]*\w)", r'overrides={"\1": "\2"}'),
    (r" \(data\.target, or --target on the command line\)", " (target=, or data.target in the space)"),
    (r" \(--target on the command line\)", " (target=)"),
    (rf"--({'|'.join(_SWITCHES)})\b(?!=)", r"\1=True"),
    (rf"--({'|'.join(_VALUES)}) (\d+\b|[A-Z]+\b(?!\.\w))", r"\1=\2"),
    (rf"--({'|'.join(_VALUES)}) '([^']*)'", r"\1='\2'"),
    (rf"--({'|'.join(_VALUES)}) (local|[\w-]*[./:][\w./:-]*[\w/])", r'\1="\2"'),  # a value, and no next word
    (rf"--({'|'.join(_VALUES)})\b", r"\1="),
    (r"\b([Tt])he same command\b", r"\1he same call"),
    (r"\b([Gg])ive the command\b", r"\1ive the call"),
    (r"(?<=run)'s command\b", "'s call"),
)
"""What a text says, and what it says in Python, in this order."""


def in_python(text: str) -> str:
    """A text of the command line as one for whoever called a function.

    Example:
        >>> from ffsearch.search.api.speaking import in_python
        >>> in_python("Use --fresh to begin anew, or --out to choose another folder.")
        'Use fresh=True to begin anew, or out= to choose another folder.'
    """
    for said, meant in _RULES:
        text = re.sub(said, meant, text)
    return text


@contextmanager
def speaking_python() -> Iterator[None]:
    """Have errors, and the text of an interruption, that leave this block speak Python."""
    try:
        yield
    except (FFSearchError, KeyboardInterrupt) as error:
        error.args = tuple(in_python(one) if isinstance(one, str) else one for one in error.args)
        raise
