"""What columns are called, whoever read them: one rule for files and frames, for learning and for answering.

    " income "                    income          blanks and byte order marks around a name are no part of it
    "", None, "Unnamed: 3"        column_4        a column without a name is called by its place; pandas says Unnamed
    "__index_level_0__"                           the row names of a frame, as pandas writes them into Parquet

Names of rows are no feature. A column is taken for them where it has no name, is the first, and says something else in
every row, as pandas and R write them; or where it is called as pandas calls an index.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

import pandas as pd

from ffsearch.errors import DataError
from ffsearch.search.data.parsing.cells import Cells

__all__ = [
    "BLANKS",
    "by_name",
    "named_by_place",
    "places_of",
    "plain_name",
    "plain_names",
    "refuse_repeated",
    "row_names",
    "words_of",
]

BLANKS: Final = " \t\r\n\v\f\N{NO-BREAK SPACE}\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NO-BREAK SPACE}"
"""What may stand around a name. The last one is the byte order mark: files that were put together have a second one."""

_NAMELESS: Final = re.compile(r"Unnamed: (\d+)")
_INDEX: Final = re.compile(r"__index_level_\d+__")


def plain_name(name: Any, *, place: int) -> str:
    """The name of a column, which has another, or none, in the file or frame.

    Args:
        name: As it stands there.
        place: The column's, from 0; it names what has no name.
    """
    if name is None or (isinstance(name, float) and name != name):
        return named_by_place(place)
    text = str(name).strip(BLANKS)
    nameless = _NAMELESS.fullmatch(text)
    return named_by_place(int(nameless[1])) if nameless else text or named_by_place(place)


def plain_names(names: Iterable[Any]) -> list[str]:
    """The names of all columns, in their order."""
    return [plain_name(name, place=place) for place, name in enumerate(names)]


def named_by_place(place: int) -> str:
    """What a column without a name is called."""
    return f"column_{place + 1}"


def refuse_repeated(names: Sequence[str], *, source: str) -> None:
    """Refuse columns of one name.

    Raises:
        DataError: With their names.
    """
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise DataError(
            f"{source} has columns of the same name: {', '.join(map(repr, repeated))}. Give each its own name."
        )


def row_names(frame: pd.DataFrame, *, written: Sequence[Any]) -> tuple[str, ...]:
    """The columns that hold names of rows.

    Args:
        frame: Under plain names.
        written: The names as the file or frame has them.
    """
    named = [str(column) for column in frame.columns if _INDEX.fullmatch(str(column))]
    if len(frame.columns) > 1 and written[0] != frame.columns[0] and frame.columns[0] == named_by_place(0):
        levels = Cells(frame.iloc[:, 0]).written
        if len(levels.texts) == len(frame):
            named.insert(0, str(frame.columns[0]))
    return tuple(named)


def places_of(wanted: Iterable[str], there: Sequence[Any]) -> dict[str, int]:
    """Where columns stand among those that are there, as far as they are.

    A name that is there as it stands comes first, then one that the rule makes the same. Where none of them is, columns
    go by place: of a frame read without a header, whose names are 0, 1, 2.
    """
    wanted = list(wanted)
    exact = {name: place for place, name in reversed(list(enumerate(there)))}
    places = {name: exact[name] for name in wanted if name in exact}
    if len(places) == len(wanted):
        return places
    plain = {name: place for place, name in reversed(list(enumerate(plain_names(there))))}
    own = {name: plain_name(name, place=-1) for name in wanted}
    if not set(own.values()) & set(plain) and list(there) == list(range(len(there))):
        plain = {named_by_place(place): place for place in range(len(there))}
    return places | {name: plain[same] for name, same in own.items() if name not in places and same in plain}


def by_name(frame: pd.DataFrame, wanted: Sequence[str]) -> dict[str, pd.Series[Any]]:
    """The columns of these names, as far as a frame has them; a level of its index is one too."""
    places = places_of(wanted, list(frame.columns))
    there = [column for _, column in frame.items()]  # of many columns one by one takes longer
    columns = {}
    for name in wanted:
        if name in places:
            column = there[places[name]]
            columns[name] = column if column.name == name else column.rename(name)
        elif name in frame.index.names:
            columns[name] = pd.Series(frame.index.get_level_values(name), name=name)
    return columns


def words_of(name: str) -> set[str]:
    """The words of a name: `customerID`, `customer_id` and `Customer #` have `customer` in common."""
    starts = [0, *(found.end(1) for found in re.finditer(r"([a-z0-9])(?=[A-Z])", name)), len(name)]
    pieces: Sequence[str] = [name[start:end] for start, end in pairwise(starts)]
    return {word for piece in pieces for word in re.split(r"[\W_\d]+", piece.lower()) if word}
