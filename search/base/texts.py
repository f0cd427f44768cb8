"""One type of text columns under every pandas we take, so that a table gives the same matrix under all of them.

From pandas 3 on columns of texts are `str`. An older one makes columns of objects of them, which may hold anything, but
has the same type under another name.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

__all__ = ["TEXT", "as_frame", "as_texts", "counted", "first_line", "is_whole"]


def _text_type() -> Any:
    try:
        return pd.StringDtype(na_value=np.nan)
    except TypeError:  # pandas 2.2
        return pd.StringDtype("pyarrow_numpy")


TEXT: Final = _text_type()
"""The type of a text column whose missing cells are NaN; `str` to pandas 3."""


def as_frame(table: pa.Table, *, ignore_metadata: bool = False) -> pd.DataFrame:
    """A frame of what Arrow read, its columns of texts of type `TEXT`."""
    types = {pa.string(): TEXT, pa.large_string(): TEXT}
    if ignore_metadata:  # Arrow reads it all the same, and it need not be what pandas wrote
        table = table.replace_schema_metadata(None)
    frame: pd.DataFrame = table.to_pandas(types_mapper=types.get, ignore_metadata=ignore_metadata)
    return frame


def as_texts(cells: pd.Series[Any]) -> pd.Series[Any]:
    """The same cells, of type `TEXT` where they are objects that all are texts or missing."""
    return cells.astype(TEXT) if cells.dtype == object and pd.api.types.infer_dtype(cells) == "string" else cells


def is_whole(cell: object) -> bool:
    """Whether a text can be written, which one half of a sign cannot; and whether bytes are a text. All else can."""
    try:
        if isinstance(cell, str):
            cell.encode()
        elif isinstance(cell, bytes):
            cell.decode()
    except UnicodeError:
        return False
    return True


def first_line(error: BaseException) -> str:
    """The first line of what an error says; its kind where it says nothing."""
    said = str(error).strip().splitlines()
    return said[0] if said else type(error).__name__


def counted(count: int, one: str) -> str:
    """So many things, for errors in English: `1 missing cell`, `2 missing cells`."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"
