"""Frames of other libraries as frames of pandas: whatever hands its columns to Arrow is taken."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from ffsearch.errors import DataError
from ffsearch.search.base.texts import as_frame, first_line

__all__ = ["as_pandas", "is_foreign_frame"]


def is_foreign_frame(given: Any) -> bool:
    """Whether this is a table of columns that is no frame of pandas: of Polars, Arrow, DuckDB, Dask and others."""
    if isinstance(given, pd.DataFrame | pd.Series):
        return False
    if isinstance(given, pa.Table | pa.RecordBatch):
        return True
    has_columns = hasattr(given, "collect_schema") or hasattr(given, "columns")  # of a lazy frame these warn
    return has_columns and (_gives_arrow(given) or _collects(given) or _computes(given))


def as_pandas(given: Any, *, what: str = "data") -> pd.DataFrame:
    """The same table as a frame of pandas; one of pandas itself is given back.

    A lazy frame of Polars is collected: it is a table that has not been read yet.

    Args:
        given: A frame.
        what: What it is called in errors.

    Raises:
        DataError: If it is no frame, or holds lists or records.
    """
    if isinstance(given, pd.DataFrame):
        return given
    if not is_foreign_frame(given):
        raise DataError(
            f"{what} is a {type(given).__module__}.{type(given).__qualname__}, which is no table. Give a frame of "
            "pandas or Polars, a table of Arrow, or the name of a file."
        )
    if not _gives_arrow(given):
        if not _collects(given):
            raise DataError(
                f"{what} is a {type(given).__module__}.{type(given).__qualname__}, whose rows are not here yet. Fetch "
                "them first: frame.compute()."
            )
        given = given.collect()
    try:
        table = _as_table(given)
        table = table.cast(pa.schema([field.with_type(_plain_type(field.type)) for field in table.schema]))
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(f"{what} cannot be handed over by Arrow: {first_line(error)} Give a frame of pandas.") from None
    nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    if nested:
        raise DataError(f"{what} has columns of lists or records: {', '.join(nested)}. Make plain columns of them.")
    return as_frame(table, ignore_metadata=True)


def _as_table(given: Any) -> pa.Table:
    """Polars' own way writes texts that every Arrow reads; by the stream they come as views, which is new in it."""
    own = getattr(given, "to_arrow", None)
    made = own() if callable(own) else given
    return made if isinstance(made, pa.Table) else pa.table(made)


def _plain_type(dtype: pa.DataType) -> pa.DataType:
    """The type of a column as frames know it: views of texts are texts, and categories have numbers with a sign."""
    if pa.types.is_dictionary(dtype):
        return pa.dictionary(pa.int32(), _plain_type(dtype.value_type), ordered=dtype.ordered)
    if pa.types.is_string_view(dtype):
        return pa.large_string()
    return dtype


def _gives_arrow(given: Any) -> bool:
    return hasattr(given, "__arrow_c_stream__")


def _collects(given: Any) -> bool:
    return callable(getattr(given, "collect", None))


def _computes(given: Any) -> bool:
    return callable(getattr(given, "compute", None))
