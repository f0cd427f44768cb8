"""Which sign is decimal and which stands between thousands, judged once for a whole table.

`1.234` beside `987` is a thousand in one file and a little more than one in another, and no cell tells which. Other
columns do (`995,85`), a file whose cells are split by semicolons does where they are silent, and so does a column in
which every point is followed by three digits although whole numbers stand beside. A column that cannot be read in the
table's way objects (`spelling.find_spelling`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from ffsearch.search.base.texts import as_texts
from ffsearch.search.data.parsing.cells import MISSING
from ffsearch.search.data.parsing.reading import TableReading
from ffsearch.search.data.parsing.units import shape_of
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["OTHER", "are_surely_thousands", "are_thousands", "judge_signs", "number_signs", "shown_sign"]

OTHER: Final = {".": ",", ",": "."}

N_LOOKED_AT: Final = 1000
"""Cells of a column that are looked at, spread over all its rows. Choice: as good as certain, and quick."""

N_OF_TABLE: Final = 1_000_000
"""Cells of a table that are looked at together; of more than a thousand columns fewer each. Choice: some seconds."""

N_OF_MANY: Final = 2 * 44
"""Cells of a column that are looked at in the widest table. Choice: enough for `MIN_GROUPED`."""

NUMBER_SHARE: Final = 0.9
"""Share of a column's cells that have digits and signs alone before it has a say. Choice: lists and dates have none."""

MIN_GROUPED: Final = 44
"""Different cells with three digits behind their point, none with fewer, from which on the point stands between
thousands where whole numbers stand beside. Choice: a tenth of all decimals end in a zero that is not written, and
0.9^44 is a hundredth."""

_PLAIN: Final = re.compile(r"[+-]?\d+(?:\.\d+)?")
_DECIMAL: Final = {
    sign: re.compile(
        rf"\d*{mine}(?:\d{{1,2}}|\d{{4,}})|0+{mine}\d+|{mine}\d+|\d{{4,}}{mine}\d+"
        rf"|\d{{1,3}}(?:[{other}'\s]\d{{3}})+{mine}\d+|\d{{1,3}}(?:{other}\d{{3}}){{2,}}"
    )
    for sign, mine, other in ((".", r"\.", ","), (",", ",", r"\."))
}
"""Bodies of numbers in which one sign alone can be the decimal one."""

_GROUPED: Final = {sign: re.compile(rf"[1-9]\d{{0,2}}(?:{re.escape(sign)}\d{{3}})+") for sign in ".,"}


@dataclass(frozen=True, kw_only=True)
class _Votes:
    """What a column says: how many cells show each decimal sign, one that does, and one that could be either."""

    name: str
    n_point: int
    n_comma: int
    shown: str
    in_doubt: tuple[str, ...]

    @property
    def sign(self) -> str | None:
        if self.n_point == self.n_comma:
            return None
        return "." if self.n_point > self.n_comma else ","


def judge_signs(
    frame: pd.DataFrame, *, semicolons: bool, decimal: str | None = None, thousands: str | None = None
) -> tuple[TableReading, list[Finding]]:
    """The table's decimal sign and the one between its thousands, and a finding where another reading was possible.

    Args:
        frame: All columns as read.
        semicolons: Whether cells are split by semicolons, as where commas are taken.
        decimal: What the space file says; None is found out.
        thousands: The same.
    """
    if decimal is not None or thousands is not None:
        sign = decimal or OTHER.get(thousands or "", ".")
        return TableReading(decimal=sign, thousands=thousands or OTHER[sign], stated=True), []
    n_each = max(N_OF_MANY, min(N_LOOKED_AT, N_OF_TABLE // max(1, len(frame.columns))))
    votes = [vote for _, cells in frame.items() if (vote := _votes(cells, n_looked_at=n_each)) is not None]
    says = {sign: [vote for vote in votes if vote.sign == sign] for sign in ".,"}
    by_columns = len(says[","]) != len(says["."])
    sign = "," if len(says[","]) > len(says["."]) or (not by_columns and semicolons) else "."
    table = TableReading(decimal=sign, thousands=OTHER[sign])
    in_doubt = [(vote, cell) for vote in votes for cell in vote.in_doubt if sign == "," or "," in cell]
    told: dict[str, Any] = {"decimal": sign, "thousands": OTHER[sign]}
    if says[sign]:
        by = min(says[sign], key=lambda vote: len(vote.in_doubt))  # the first of those that show it plainly
        told |= {"by": by.name, "shown": by.shown}
    if in_doubt:
        vote, cell = in_doubt[0]
        told |= {"column": vote.name, "cell": cell, "number": float(cell.replace(OTHER[sign], "").replace(sign, "."))}
        form = "columns" if by_columns else "semicolons" if semicolons else "usual"
        return table, [found(Code.SIGNS, form, **told)]
    return table, [found(Code.SIGNS, "plain", **told)] if sign == "," and says[sign] else []


def shown_sign(columns: Iterable[pd.Series[Any]]) -> str | None:
    """The decimal sign that most of these columns show; None where none does, or as many show either."""
    signs = [vote.sign for column in columns if (vote := _votes(column)) is not None]
    n_point, n_comma = signs.count("."), signs.count(",")
    return None if n_point == n_comma else "." if n_point > n_comma else ","


def are_thousands(texts: list[str], *, sign: str) -> bool:
    """Whether all cells with a sign have whole groups of three digits behind it, and none is a decimal number.

    Args:
        texts: The different bodies of a column, without units.
        sign: The sign that may stand between thousands.
    """
    signed = [text for text in texts if sign in text]
    return bool(signed) and all(_GROUPED[sign].fullmatch(text.lstrip("+-")) for text in signed)


def are_surely_thousands(texts: list[str], *, sign: str) -> bool:
    """Whether this is so although nothing else of the table says it: `MIN_GROUPED` tells how that shows."""
    if not are_thousands(texts, sign=sign):
        return False
    signed = [text for text in texts if sign in text]
    whole = [text.lstrip("+-") for text in texts if sign not in text]
    if any(text.count(sign) > 1 for text in signed):
        return True
    return len(signed) >= MIN_GROUPED and bool(whole) and all(text.isdigit() and len(text) <= 3 for text in whole)


def number_signs(cells: pd.Series[Any], *, n_looked_at: int = N_LOOKED_AT) -> list[str]:
    """The bodies of the numbers among a column's cells, spread over its rows; none where it holds no texts.

    Args:
        cells: The column.
        n_looked_at: Cells that are looked at.
    """
    texts = as_texts(cells)
    if not isinstance(texts.dtype, pd.StringDtype):
        return []
    places = np.unique(np.linspace(0, len(texts) - 1, min(n_looked_at, len(texts))).astype(np.int64))
    different = dict.fromkeys(texts.array.take(places).tolist())  # by a series it takes ten times as long
    looked_at = [text.strip() for text in different if isinstance(text, str)]
    present = [text for text in looked_at if text not in MISSING]
    bodies = [body for text in present if (body := _body(text)) is not None]
    return bodies if len(bodies) >= NUMBER_SHARE * len(present) else []


def _body(text: str) -> str | None:
    """The digits of a cell that may be a number, with the signs among them."""
    if _PLAIN.fullmatch(text):
        return text.lstrip("+-")
    shape = shape_of(text)
    return None if shape is None else shape.body


def _votes(cells: pd.Series[Any], *, n_looked_at: int = N_LOOKED_AT) -> _Votes | None:
    bodies = number_signs(cells, n_looked_at=n_looked_at)
    signed = [body for body in bodies if "." in body or "," in body]
    if not signed:
        return None
    shows = {sign: list(_showing(signed, sign)) for sign in ".,"}
    n_point, n_comma = len(shows["."]), len(shows[","])
    doubted = next((body for body in signed if any(one.fullmatch(body) for one in _GROUPED.values())), None)
    in_doubt = () if n_point or n_comma or doubted is None else (doubted,)
    if in_doubt:  # three digits behind each sign
        for sign in ".,":
            if are_surely_thousands(bodies, sign=sign):
                shows[OTHER[sign]] = [signed[0]]
        n_point, n_comma = len(shows["."]), len(shows[","])
    shown = (shows["."] if n_point > n_comma else shows[","] or [""])[0]
    return _Votes(name=str(cells.name), n_point=n_point, n_comma=n_comma, shown=shown, in_doubt=in_doubt)


def _showing(bodies: list[str], sign: str) -> Iterator[str]:
    return (body for body in bodies if _DECIMAL[sign].fullmatch(body))
