"""What a column can be, and one column as the user is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from ffsearch.search.data.features.columns import Reading
from ffsearch.search.wording.finding import Finding
from ffsearch.search.wording.language import plain_english

__all__ = ["Column", "Kind"]


class Kind(StrEnum):
    """What a column is; the first six are used, the others are not."""

    NUMBER = "number"
    CATEGORY = "category"
    ORDINAL = "ordinal"
    BOOLEAN = "boolean"
    DATE = "date"
    IMAGE = "image"
    CONSTANT = "constant"
    EMPTY = "empty"
    ID = "id"
    DUPLICATE = "duplicate"
    TEXT = "text"
    DROPPED = "dropped"
    GROUPS = "groups"
    TIME = "time"
    WEIGHTS = "weights"


USED: Final = frozenset({Kind.NUMBER, Kind.CATEGORY, Kind.ORDINAL, Kind.BOOLEAN, Kind.DATE, Kind.IMAGE})


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the table as the user is told of it.

    Args:
        name: Its name.
        kind: What it is.
        reasons: Why, as findings; behind the first one what else is worth knowing of its cells.
        n_missing: Missing cells among the rows outside the test part.
        n_levels: Different values among them, missing left out.
        reading: How its cells become numbers; None where that is plain, or they do not.
        order: Its levels from low to high, where the space file gives them.
        same: The levels that other spellings, folded, stand for.
        words: The first cells that are no number or date and were taken as missing.
    """

    name: str
    kind: Kind
    reasons: tuple[Finding, ...]
    n_missing: int
    n_levels: int
    reading: Reading | None = None
    order: tuple[str, ...] = ()
    same: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()

    @property
    def used(self) -> bool:
        """Whether the network reads it."""
        return self.kind in USED

    @property
    def is_number(self) -> bool:
        """Whether each of its cells becomes one number."""
        return self.kind in (Kind.NUMBER, Kind.DATE)

    @property
    def reason(self) -> str:
        """Its reasons in English, for errors, files and whoever looks at it in Python."""
        return plain_english(self.reasons)

    def as_dict(self) -> dict[str, Any]:
        """Plain values under their names, fit for JSON."""
        reading = {} if self.reading is None else {"reading": self.reading.as_dict()}
        order = {"order": list(self.order)} if self.order else {}
        return {
            "name": self.name, "kind": str(self.kind), "reason": self.reason,
            "reasons": [reason.as_dict() for reason in self.reasons],
            "n_missing": self.n_missing, "n_levels": self.n_levels, "used": self.used, **reading, **order,
        }  # fmt: skip
