"""Tables of evidence: the columns that are read of each, checked where a file is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ffsearch.errors import RunError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_table"]

Kind = Callable[["pd.Series[Any]"], bool]


def _is_count(cells: pd.Series[Any]) -> bool:
    return cells.dtype.kind in "iu" and bool((cells >= 0).all())


def _is_number(cells: pd.Series[Any]) -> bool:
    """NaN is one that is not defined."""
    return cells.dtype.kind in "fiu" and not bool(cells.isin([float("inf"), float("-inf")]).any())


def _is_flag(cells: pd.Series[Any]) -> bool:
    return cells.dtype.kind == "b"


def _is_text(cells: pd.Series[Any]) -> bool:
    return all(isinstance(cell, str) for cell in cells)


_REPEATS: Final[Mapping[str, Kind]] = {
    "trial": _is_count, "repeat": _is_count, "topology": _is_text, "n_params": _is_count, "value": _is_number,
}  # fmt: skip

_COLUMNS: Final[Mapping[str, Mapping[str, Kind]]] = {
    "finalists.parquet": {**_REPEATS, "is_winner": _is_flag},
    "partners.parquet": {**_REPEATS, "factor": _is_text, "change": _is_text},
    "baselines.parquet": {"model": _is_text, "part": _is_text, "repeat": _is_count, "value": _is_number},
    "residuals.parquet": {"target": _is_text, "predicted": _is_number, "residual": _is_number},
    "sealed.parquet": {"row": _is_count, "unit": _is_count, "truth.0": _is_number, "term.0": _is_number},
}
"""By file; a name that ends in .0 stands for all that are numbered so."""


def read_table(path: Path, remedy: str) -> pd.DataFrame:
    """A table of a run folder.

    Args:
        path: The file.
        remedy: What to do where it cannot be read.

    Raises:
        RunError: If it is damaged, or lacks a column that is read, or has other cells there.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table: pd.DataFrame = parquet.read_table(pa.BufferReader(path.read_bytes())).to_pandas()
        for name, fits in _COLUMNS.get(path.name, {}).items():
            alike = [one for one in table if name.endswith(".0") and str(one).startswith(name.removesuffix("0"))]
            if not all(fits(table[one]) for one in [name, *alike]):
                raise ValueError(f"its column {name} has cells of another kind")
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise RunError(f"{path} cannot be read ({type(error).__name__}: {error}). {remedy}") from error
    return table
