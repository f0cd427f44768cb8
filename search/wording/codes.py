"""All codes of findings: what ffsearch can find, each with a code that stays, a key for its words and a severity.

The first digit says where it comes from; the group `range` of the words names the ranges.

A code is public: it is in files, in `ignore:` of a space and in docs/findings.md. It is never given another meaning,
and a code that is given up is not given out again. The words stand in `words/*.toml` under the group `found`, by the
key; the page of a code stands in `pages.toml`.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Code", "Severity"]


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    """So it is, and nothing is to be done."""
    NOTICE = "notice"
    """So it was understood or done, and another way was possible."""
    WARNING = "warning"
    """It can make the answer wrong, or better than it will be on new rows."""


class Code(StrEnum):
    """What can be found. Its value is the code, `FFS301`; its key, `leak`, is that of its words."""

    severity: Severity

    def __new__(cls, code: str, severity: Severity = Severity.INFO) -> Code:
        """A member; the severity is that of all findings of the code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.severity = severity
        return member

    @property
    def key(self) -> str:
        """The name under which its words stand, `leak`."""
        return self.name.lower()

    # 1xx: how the table was read and split, and which task it gives
    AS_WRITTEN = "FFS100", Severity.NOTICE

    # 2xx: what a column is, and why

    # 3xx: what in the data can make an answer wrong, or too good
    LEAK = "FFS301", Severity.WARNING

    # 4xx: how training went, and why trials ended

    # 5xx: what the evidence lacks

    # 6xx: the verdict

    # 7xx: what to try next

    # 8xx: the capacity study
