"""`ffsearch export`: the model of a finished run in another format, checked before it is put in place.

    model.keras -> written in a folder of its own -> loaded by its own runtime -> same predictions? -> moved into place

The same predictions are those of the run's model, to `TOLERANCE`, on held-out raw rows and on awkward rows made of
them; and on the held-out rows the run's model itself must answer what it answered when it was made. Where they differ
nothing is left behind.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import ExportError
from ffsearch.search.base.environment import shell_quoted
from ffsearch.search.base.files import move_file, move_folder
from ffsearch.search.base.numbers import compact
from ffsearch.search.exporting import runtimes
from ffsearch.search.exporting.checks import HeldOut, made_up_rows, read_held_out
from ffsearch.search.exporting.formats import Format, require_packages
from ffsearch.search.exporting.kit import SERVE, kit_path, write_kit
from ffsearch.search.folder.reader import CHECK, MODEL, load
from ffsearch.search.serving.packaged import PackagedModel, load_packaged
from ffsearch.search.serving.packaging import TOLERANCE, largest_difference

__all__ = ["Exported", "export_run"]

FOLDER: Final = "export"
"""Folder of a run that exports go to where no other place is said."""

_REPORT: Final = (
    "Nothing was written. Please report this with the output of `ffsearch --version`, or try another format."
)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written, and what it was checked on.

    Args:
        path: The file or folder.
        description: The JSON file beside it, for formats that do not read cells themselves; else None.
        kit: The folder beside it with what loads and asks it.
        n_held_out: Held-out rows it was checked on.
        n_made_up: Awkward rows it was checked on.
        difference: Largest difference from the run's model, relative to an answer and the spread of its target.
    """

    path: Path
    description: Path | None
    kit: Path
    n_held_out: int
    n_made_up: int
    difference: float

    def lines(self) -> list[str]:
        """What a person is told."""
        rows = f"{self.n_held_out} held-out and {self.n_made_up} awkward rows"
        none = (
            [] if self.n_held_out else ["note     the run keeps no held-out rows, so only made-up ones were answered"]
        )
        beside = [f"inputs   {self.description}: columns, and the codes of categories"] if self.description else []
        return [
            f"wrote    {self.path}",
            *beside,
            f"serve    {self.kit / SERVE}: answers rows; example_request.json beside it shows how they are given",
            f"checked  on {rows} by its own runtime: the same answers to {compact(max(self.difference, 1e-9))}",
            *none,
        ]


def export_run(path: str | os.PathLike[str], kind: Format, *, out: str | os.PathLike[str] | None = None) -> Exported:
    """Write the model of a finished run in a format, and check it.

    Args:
        path: The run folder; the table it was made from is not needed.
        kind: The format.
        out: File or folder to write, with the format's suffix; by default `export/` in the run folder. An older export
            there is replaced when the new one has passed.

    Raises:
        RunError: If there is no such run.
        ExportError: If the run has no model yet, a package is missing, the place cannot be written, or the written
            model answers otherwise; nothing is left behind then.
    """
    run = load(Path(path))
    require_packages(kind)
    source = run.path / MODEL
    if not source.exists():
        raise ExportError(f"{run.path} has no {MODEL}: it was not refitted. Give the run's command again to end it.")
    target = run.path / FOLDER / kind.default_name if out is None else Path(out)
    _refuse_place(target, kind, source=source)
    packaged = load_packaged(source)
    held_out = read_held_out(run.path / CHECK, packaged)
    try:
        above = next(folder for folder in target.absolute().parents if folder.is_dir())
        with tempfile.TemporaryDirectory(prefix=".ffsearch-export-", dir=above) as work:
            written = Path(work) / target.name
            runtimes.write(packaged, source, written, kind)
            write_kit(packaged, written, kind)
            exported = _checked(packaged, written, kind, held_out=held_out, target=target)
            _move(written, target)
    except OSError as error:
        raise ExportError(
            f"{os.fspath(target)!r} could not be written: {error.strerror or error}. Free some space, or choose "
            "another place with --out."
        ) from error
    return exported


def _refuse_place(target: Path, kind: Format, *, source: Path) -> None:
    """Leave alone what is not an export of this format, and the run's own model."""
    if kind.suffix and target.suffix != kind.suffix:
        raise ExportError(
            f"--out {str(target)!r} does not end in {kind.suffix}, as {kind} needs it. Write --out "
            f"{shell_quoted(target.with_suffix(kind.suffix))}."
        )
    if kind.suffix and target.is_dir():
        raise ExportError(f"--out {str(target)!r} is a folder. Name a file in it: {str(target / kind.default_name)!r}.")
    if target.exists() and target.samefile(source):
        raise ExportError(f"--out {str(target)!r} is the run's own model, which exports are made from. Name another.")
    beside = kit_path(target)
    if beside.exists() and not (beside / SERVE).is_file():
        raise ExportError(f"{os.fspath(beside)!r}, where serve.py would be written, is there and is not ours: move it.")
    is_ours = (target / "saved_model.pb").is_file()
    if not kind.suffix and target.exists() and not is_ours:
        raise ExportError(
            f"--out {str(target)!r} is there and is no SavedModel, so it is not replaced. Name a folder that does not "
            "exist."
        )


def _checked(
    packaged: PackagedModel, written: Path, kind: Format, *, held_out: HeldOut | None, target: Path
) -> Exported:
    """Hold the written model's predictions against those of the run's.

    Raises:
        ExportError: If they differ.
    """
    known = held_out.frame if held_out is not None else pd.DataFrame(columns=list(packaged.columns))
    made_up = made_up_rows(packaged, known)
    if held_out is not None:
        now = packaged.predictions(known)
        _difference(packaged, now, held_out.predictions, who="Today the run's own model", rows="the held-out rows")
    differences = []
    parts = ((known, "the held-out rows"), (made_up, "rows with missing, unseen and out-of-range cells"))
    for rows, name in parts:
        if len(rows):
            predictions = runtimes.predictions_of(packaged, written, kind, rows)
            differences.append(
                _difference(packaged, predictions, packaged.predictions(rows), who=f"The {kind} file", rows=name)
            )
    return Exported(
        path=target,
        description=None if kind is Format.KERAS else runtimes.description_path(target),
        kit=kit_path(target),
        n_held_out=len(known),
        n_made_up=len(made_up),
        difference=max(differences),
    )


def _difference(
    packaged: PackagedModel, predictions: NDArray[np.float32], expected: NDArray[np.float32], *, who: str, rows: str
) -> float:
    """How far the predictions are apart.

    Raises:
        ExportError: If that is too far.
    """
    if predictions.shape != expected.shape:
        raise ExportError(
            f"{who} gives answers of shape {predictions.shape} on {rows}, not {expected.shape}. {_REPORT}"
        )
    difference = largest_difference(predictions, expected, spread=packaged.facts.get("target_spread"))
    if difference > TOLERANCE:
        raise ExportError(
            f"{who} answers otherwise than the run did on {rows}: by {compact(difference)}, where {compact(TOLERANCE)} "
            f"is allowed. {_REPORT}"
        )
    return difference


def _move(written: Path, target: Path) -> None:
    """Put file or folder in place, what stands beside it first: a model without it would be of no use."""
    target.parent.mkdir(parents=True, exist_ok=True)
    move_folder(kit_path(written), kit_path(target))
    description = runtimes.description_path(written)
    if description.exists():
        move_file(description, runtimes.description_path(target))
    (move_folder if written.is_dir() else move_file)(written, target)
