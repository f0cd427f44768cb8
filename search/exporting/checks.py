"""Rows an exported model is checked on: held-out ones kept in the run folder, and awkward ones made of them.

`model/check.parquet` holds raw cells of some sealed test rows, written after the test part was opened, with the
predictions of the run's model. It lets a run be exported where its data is not. Nothing else in a run folder holds raw
rows, and nothing but `export` needs it: whoever passes a run on and not its data can delete it.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from ffsearch.errors import ExportError
from ffsearch.search.base.files import write_atomically
from ffsearch.search.base.texts import TEXT, as_frame

if TYPE_CHECKING:
    from ffsearch.search.serving.packaged import PackagedModel

__all__ = ["MAX_ROWS", "HeldOut", "awkward_rows", "made_up_rows", "read_held_out", "write_held_out"]

MAX_ROWS: Final = 256
"""Held-out rows kept. Choice: enough to meet common levels and gaps, few enough to keep beside a model."""

N_AWKWARD: Final = 512
"""Awkward rows made. Choice: every kind of awkward cell meets every column many times."""

_AWKWARD: Final[tuple[Any, ...]] = (None, "a level that nobody has seen", 1e300, -1e300, "inf", "")
"""Cells no training row need have held: missing, unseen, beyond every range, infinite, blank."""

_COLUMN, _ANSWER = "column:", "answer:"  # so that no column of the table can be taken for an answer


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Raw rows that chose nothing, and what the run's model answered them.

    Args:
        frame: Raw cells.
        predictions: Shape (n_rows, n_outputs).
    """

    frame: pd.DataFrame
    predictions: NDArray[np.float32]


def write_held_out(path: Path, packaged: PackagedModel, held_out: HeldOut) -> None:
    """Keep the first rows, of the columns that the model needs alone, and their predictions.

    Raises:
        RunError: If it cannot be written.
    """
    names = held_out.frame.columns if packaged.facts.get("image") else packaged.columns
    cells = {f"{_COLUMN}{name}": _storable(held_out.frame[name].head(MAX_ROWS)) for name in names}
    predictions = {f"{_ANSWER}{place}": column[:MAX_ROWS] for place, column in enumerate(held_out.predictions.T)}
    buffer = BytesIO()
    pd.DataFrame({**cells, **predictions}).to_parquet(buffer, index=False)
    write_atomically(path, buffer.getvalue())


def read_held_out(path: Path, packaged: PackagedModel) -> HeldOut | None:
    """What was kept; None if nothing was, or it was deleted.

    Args:
        path: The file.
        packaged: The model that answered.

    Raises:
        ExportError: If the file is damaged, or of another model.
    """
    if not path.exists():
        return None
    try:
        kept = as_frame(parquet.read_table(pa.BufferReader(path.read_bytes())))
        cells = kept[[name for name in kept.columns if name.startswith(_COLUMN)]]
        frame = cells.rename(columns=lambda name: name.removeprefix(_COLUMN))
        lacking = [] if packaged.facts.get("image") else [one for one in packaged.columns if one not in frame.columns]
        if lacking:
            raise ValueError(f"it has no column {lacking[0]!r}")
        predictions = kept[[name for name in kept.columns if name.startswith(_ANSWER)]].to_numpy(np.float32)
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise ExportError(
            f"{path} cannot be read ({error}), so there are no held-out rows to check an export on. Restore it, or "
            "delete it to have exports checked on made-up rows alone."
        ) from error
    return HeldOut(frame=frame, predictions=predictions)


def made_up_rows(packaged: PackagedModel, frame: pd.DataFrame) -> pd.DataFrame | NDArray[np.float32]:
    """Rows no training row need have been like: of a table `awkward_rows`, for images pixels beyond every range.

    Args:
        packaged: The model that is to answer them.
        frame: Ordinary raw rows; may be empty.
    """
    image = packaged.facts.get("image")
    if image is None:
        return awkward_rows(frame, packaged.columns)
    pixels = np.array([0.0, 1.0, 255.0, -1e6, 1e6], np.float32)
    return np.stack([np.full(image, pixel) for pixel in pixels])


def awkward_rows(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Rows with missing, unseen and out-of-range cells among ordinary ones, the same for the same rows.

    Args:
        frame: Ordinary raw rows; with none, all cells are awkward.
        columns: The columns the model needs.

    Returns:
        `N_AWKWARD` rows; about half of their cells are awkward.
    """
    source = np.arange(N_AWKWARD) % max(len(frame), 1)
    rows = np.arange(N_AWKWARD)
    made = {}
    for place, name in enumerate(columns):
        cells = frame[name].astype(object).to_numpy()[source] if len(frame) else np.full(N_AWKWARD, None, object)
        # Strides that share no factor with the period: every column meets every kind, and neighbours differ.
        turn = rows * 5 + place * 7
        for number, cell in enumerate(_AWKWARD):
            cells[turn % (2 * len(_AWKWARD)) == number] = cell
        made[name] = pd.Series(cells, dtype=object)
    return pd.DataFrame(made)


def _storable(cells: pd.Series[Any]) -> pd.Series[Any]:
    """The same cells in a type Parquet has; what is not is written as the text it is read as anyway."""
    cells = cells.reset_index(drop=True)
    plain = pd.api.types.is_numeric_dtype(cells.dtype) or pd.api.types.is_datetime64_any_dtype(cells.dtype)
    if plain or isinstance(cells.dtype, pd.StringDtype):
        return cells
    texts = [None if pd.isna(cell) else str(cell) for cell in cells]
    return pd.Series(texts, dtype=TEXT)
