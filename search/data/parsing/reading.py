"""How a table was read as a whole, kept by the model so that rows to come are read with the same eyes.

What one column needs beside it, its spelling of numbers or its way to write dates, stands with the column
(`columns.Reading`); here stands what many columns share, and what a cell of a column means before it is a number or a
level: which words are a missing cell, and which spellings are one level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ffsearch.search.data.parsing.cells import Cells

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AS_PLAIN", "TableReading"]


@dataclass(frozen=True, kw_only=True)
class TableReading:
    """What was decided once for a whole table; the default is what models of early versions were trained with.

    Args:
        decimal: The decimal sign, `.` or `,`; a column may have another, which its own spelling then says.
        thousands: The sign between thousands where `1.234` or `1,234` could be either.
        stated: Whether the space file says the decimal sign, so that no column objects.
        missing: Words that stand for a missing cell in every column, beside `cells.MISSING`.
        missing_in: Such words of single columns.
        same: By column, the level that a text is another spelling of: `{"paid": {"true": "TRUE", "1": "TRUE"}}`. Its
            keys are folded texts, as `cells.folded` makes them.
        encoding: What the file's letters were read by; empty for frames.
        delimiter: What split its cells; empty where nothing did.
        examples: By column a cell as it was written, of columns of texts.
    """

    decimal: str = "."
    thousands: str = ","
    stated: bool = False
    missing: tuple[str, ...] = ()
    missing_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    same: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    encoding: str = ""
    delimiter: str = ""
    examples: Mapping[str, str] = field(default_factory=dict)

    def cells(self, column: pd.Series[Any], *, name: str | None = None) -> Cells:
        """A column as this table's cells are read; every reader of features and targets goes through here.

        Args:
            column: The column.
            name: What the table called it, where it has another name now.
        """
        name = str(column.name) if name is None else name
        return Cells(column, missing=frozenset(self.words(name)), same=self.same.get(name))

    def words(self, name: str) -> tuple[str, ...]:
        """The words that stand for a missing cell in a column, beside those that do in every table."""
        return (*self.missing, *self.missing_in.get(name, ()))

    def as_dict(self) -> dict[str, Any]:
        """Plain values under their names, fit for JSON; `from_dict` reads them."""
        return {
            "decimal": self.decimal,
            "thousands": self.thousands,
            "stated": self.stated,
            "missing": list(self.missing),
            "missing_in": {name: list(words) for name, words in self.missing_in.items()},
            "same": {name: dict(texts) for name, texts in self.same.items()},
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "examples": dict(self.examples),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TableReading:
        """The reading that `as_dict` gave; what an earlier version did not know yet has its default."""
        missing = tuple(values.get("missing", ()))
        missing_in = {name: tuple(words) for name, words in values.get("missing_in", {}).items()}
        same = {name: dict(texts) for name, texts in values.get("same", {}).items()}
        return cls(**{**values, "missing": missing, "missing_in": missing_in, "same": same})


AS_PLAIN: Final = TableReading()
"""How a table is read of which nothing is known."""
