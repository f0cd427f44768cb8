"""What a `.keras` file says about itself, whatever its Keras."""

from __future__ import annotations

import json
import os
import re
import zipfile
from typing import Final

import keras

__all__ = ["newer_writer"]

_METADATA: Final = "metadata.json"


def newer_writer(path: str | os.PathLike[str]) -> str | None:
    """The version of Keras that wrote a file, if it is newer than the one that runs; else, or if none is told, None."""
    try:
        with zipfile.ZipFile(path) as archive:
            writer = str(json.loads(archive.read(_METADATA))["keras_version"])
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, OSError):
        return None
    return writer if _release(writer) > _release(keras.__version__) else None


def _release(version: str) -> tuple[int, ...]:
    """Its numbers: 3.10.0 is newer than 3.9.2."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
