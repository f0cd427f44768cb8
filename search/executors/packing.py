"""A recipe on its way to other processes: arrays as files that all of them map, the rest as a few hundred bytes.

The bytes go from one process to another of the same run; nothing that is read from a file is ever unpickled.
"""

from __future__ import annotations

import io
import pickle
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np

from ffsearch.search.base.files import disk_error
from ffsearch.search.executors.protocol import Recipe

__all__ = ["packed", "unpacked"]

_MIN_BYTES: Final = 1 << 12
"""Smaller arrays travel with the rest. Choice: a page; a file of less saves nothing."""


def packed(recipe: Recipe, folder: Path) -> bytes:
    """Write the arrays of a recipe into a new folder, and return the rest.

    Raises:
        RunError: If they cannot be written.
    """
    try:
        folder.mkdir(parents=True)
        buffer = io.BytesIO()
        _Pickler(buffer, folder).dump((recipe.problem, recipe.settings))
    except OSError as error:
        raise disk_error(error, folder) from error
    return buffer.getvalue()


def unpacked(content: bytes) -> Recipe:
    """The recipe, its arrays mapped from their files: in memory once, however many processes read them."""
    problem, settings = _Unpickler(io.BytesIO(content)).load()
    return Recipe(problem=problem, settings=settings)


class _Pickler(pickle.Pickler):
    """Leaves arrays in files, each once, and their paths in their place."""

    def __init__(self, buffer: io.BytesIO, folder: Path) -> None:
        super().__init__(buffer, protocol=pickle.HIGHEST_PROTOCOL)
        self._folder = folder.absolute()
        self._numbers = count()
        self._paths: dict[int, str] = {}

    def persistent_id(self, obj: Any) -> str | None:
        if type(obj) is not np.ndarray or obj.dtype.hasobject or obj.nbytes < _MIN_BYTES:
            return None
        if id(obj) not in self._paths:  # the recipe holds them all, so that no number comes back
            path = self._folder / f"{next(self._numbers)}.npy"
            np.save(path, obj, allow_pickle=False)
            self._paths[id(obj)] = str(path)
        return self._paths[id(obj)]


class _Unpickler(pickle.Unpickler):
    """Maps the files. Copy on write: compiled code tells arrays that cannot be written apart, and nobody writes."""

    def persistent_load(self, pid: str) -> Any:
        return np.asarray(np.load(pid, mmap_mode="c", allow_pickle=False))
