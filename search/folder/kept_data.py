"""`data.json`: how the table was understood, kept for readers that do not have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final

from pydantic import AfterValidator, TypeAdapter

from ffsearch.search.folder.plain import read
from ffsearch.search.folder.verdict import KeptFinding, finding_kept

__all__ = ["KeptData"]


_KINDS: Final[Mapping[str, type | UnionType]] = {
    "name": str,
    "kind": str,
    "used": bool | None,
    "n_missing": int | None,
    "n_levels": int | None,
    "reason": str | None,
    "reasons": list | None,
}
"""What is read of a column; more may be kept of it."""


def _column(kept: dict[str, Any]) -> dict[str, Any]:
    for name, kind in _KINDS.items():
        if not isinstance(kept.get(name), kind):
            raise ValueError(f"its {name} is {repr(kept.get(name))[:60]}")
    for finding in kept.get("reasons") or ():
        finding_kept(finding)
    return kept


KeptColumn = Annotated[dict[str, Any], AfterValidator(_column)]


@dataclass(frozen=True, kw_only=True)
class KeptData:
    """How the table was understood.

    Args:
        columns: Of each column its name, kind, and why it is what it is; None where it was not kept.
        notices: What was done to the data or looked suspicious.
        ignore: Codes of findings that the space silences.
    """

    columns: tuple[KeptColumn, ...] | None = None
    notices: tuple[KeptFinding, ...] = ()
    ignore: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str | bytes, *, path: Path) -> KeptData:
        """The file's, checked.

        Args:
            text: Its text.
            path: Where it is.

        Raises:
            RunError: With the first field that is missing or wrong.
        """
        return read(_adapter(), text, path=path)


@cache
def _adapter() -> TypeAdapter[KeptData]:
    return TypeAdapter(KeptData)
