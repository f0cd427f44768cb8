"""What a `.keras` file holds, and what it says about itself, whatever its Keras."""

from __future__ import annotations

import json
import os
import re
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final

from ffsearch.errors import ExportError
from ffsearch.search.base.files import FULL, disk_error
from ffsearch.search.base.memory import machine_memory

__all__ = ["load_keras", "newer_writer", "no_model", "refuse_too_large"]

_METADATA: Final = "metadata.json"

_LARGEST_SHARE: Final = 0.25
"""Of the machine's memory that a model may unpack to. Choice: its weights are in memory twice while it is loaded."""


def load_keras(path: str | os.PathLike[str]) -> Any:
    """The Keras model of a file; layers that hold code are refused (Keras' safe mode).

    Raises:
        ExportError: If it is none, is damaged, or is of a newer Keras.
        RunError: If the disk of temporary files, where Keras unpacks it, is full.
    """
    import keras

    refuse_too_large(path)
    try:
        return keras.models.load_model(path, compile=False)
    except OSError as error:
        if error.errno in FULL:
            raise disk_error(error, Path(error.filename or tempfile.gettempdir())) from error
        raise no_model(path, error) from error
    except Exception as error:  # of a damaged file Keras, h5py and zipfile tell in every way that Python has
        raise no_model(path, error) from error


def refuse_too_large(path: str | os.PathLike[str]) -> None:
    """Refuse a file whose members unpack to more than this machine can work with, as those of a small one may.

    Raises:
        ExportError: With both sizes; what is no archive is left to its reader.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            n_bytes = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, OverflowError, OSError, ValueError, struct.error):
        return
    memory = machine_memory()
    if n_bytes > _LARGEST_SHARE * memory:
        raise ExportError(
            f"{os.fspath(path)!r} unpacks to {n_bytes / 1e9:.1f} GB, and this machine has {memory / 1e9:.1f} GB of "
            "memory, of which a model may take a quarter. Is it a model that ffsearch saved?"
        )


def no_model(path: str | os.PathLike[str], error: Exception) -> ExportError:
    """What is said of a file that is no model of ours.

    Args:
        path: The file.
        error: What came out of reading it.
    """
    import keras

    writer = newer_writer(path)
    if writer is not None:
        return ExportError(
            f"{os.fspath(path)!r} was written with Keras {writer}, and Keras {keras.__version__}, which is older, "
            f"cannot read it. Install as new a one: pip install 'keras>={writer}'."
        )
    return ExportError(
        f"{os.fspath(path)!r} is not a model ffsearch saved, or it is damaged ({str(error)[:_REASON]}). Give the "
        "model.keras of a finished run; other Keras files open with keras.models.load_model."
    )


_REASON: Final = 500
"""Signs of a reason that are shown. Choice: Keras may show a whole configuration."""


def newer_writer(path: str | os.PathLike[str]) -> str | None:
    """The version of Keras that wrote a file, if it is newer than the one that runs; else, or if none is told, None."""
    import keras

    try:
        with zipfile.ZipFile(path) as archive:
            writer = str(json.loads(archive.read(_METADATA))["keras_version"])
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, OSError, RecursionError, NotImplementedError):
        return None
    return writer if _release(writer) > _release(keras.__version__) else None


def _release(version: str) -> tuple[int, ...]:
    """Its numbers: 3.10.0 is newer than 3.9.2."""
    return tuple(int(part[:9]) for part in re.findall(r"\d+", version)[:3])
