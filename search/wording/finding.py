"""A finding: what the program found, as a code and values. Words are put to it where it is shown, by a language.

Where something is found, `found(Code.LEAK, "numbers", column="fare", target="price", score=0.98)`; where it is shown,
`t.says(finding)`; in files `kept(finding)`, which is `finding.as_dict()` with the English sentence beside it, and
`Finding.from_dict`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.early import FORMS, values_of

__all__ = ["Finding", "Value", "found", "reasons_in", "unsilenced"]

Value: TypeAlias = "str | int | float | bool | Finding | tuple[Value, ...]"
"""What a finding may hold: plain values, which numbers of NumPy are not; other findings; a list of either."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Args:
        code: What it is.
        values: What is to be said of it, by the names that its words use. A finding may stand in another, as the
            reason of a column in the notice about it. What it is about, if that is a column, is called `column`.
        form: Which of several sentences of the code it is; empty where there is one.
        about: The column that it is about, where its words leave that open.

    Example:
        >>> from ffsearch.search.wording.language import ENGLISH
        >>> ENGLISH.says(found(Code.LEAK, "numbers", column="fare", target="price", score=0.98))[:50]
        "'fare' alone predicts 'price' with R² 0.9800. If i"
    """

    code: Code
    values: Mapping[str, Value] = field(default_factory=dict)
    form: str = ""
    about: str = ""

    @property
    def key(self) -> str:
        """Where its words stand."""
        return ".".join(["found", self.code.key, *([self.form] if self.form else [])])

    def as_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON; `from_dict` reads them."""
        named = {name: text for name, text in (("form", self.form), ("about", self.about)) if text}
        return {"code": str(self.code), **named, "values": {name: _plain(value) for name, value in self.values.items()}}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any] | str) -> Finding:
        """The finding that `as_dict` gave; what else stands beside its keys does not matter.

        Args:
            kept: As it was kept. A text is what early versions kept; it is shown as it stands, and so is the text
                beside a code that only later versions know. What early versions said in a verdict has a key of its
                own there, and is found by it.
        """
        if not isinstance(kept, str) and kept.get("key") in FORMS:
            key, _, form = FORMS[kept["key"]].partition(".")
            return cls(Code[key.upper()], values_of(kept["values"]), form)
        if isinstance(kept, str) or kept["code"] not in set(Code):
            return cls(Code.AS_WRITTEN, {"text": kept if isinstance(kept, str) else kept.get("text", kept["code"])})
        values = {name: _value(value) for name, value in kept["values"].items()}
        return cls(Code(kept["code"]), values, kept.get("form", ""), kept.get("about", ""))


def found(code: Code, form: str = "", /, **values: Value) -> Finding:
    """A finding from its values."""
    return Finding(code, values, form)


def reasons_in(column: Mapping[str, Any]) -> list[Finding]:
    """Why a column is what it is, from what a run folder keeps of it; early versions kept one text, or none."""
    kept = column.get("reasons", [column["reason"]] if column.get("reason") else [])
    return list(map(Finding.from_dict, kept))


def unsilenced(findings: Iterable[Finding], ignored: Iterable[str]) -> list[Finding]:
    """The findings that are shown: those whose code is not among `ignored`, the space's `ignore:`."""
    silent = set(ignored)
    return [finding for finding in findings if finding.code not in silent]


def _plain(value: Value) -> Any:
    if isinstance(value, Finding):
        return value.as_dict()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _value(kept: Any) -> Value:
    if isinstance(kept, dict):
        return Finding.from_dict(kept)
    if isinstance(kept, list):
        return tuple(map(_value, kept))
    value: Value = kept
    return value
