"""Weights of trained networks on disk, kept until the test rows are opened: one file a training, arrays alone."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable
from pathlib import Path
from tokenize import TokenError
from typing import Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import RunError
from ffsearch.search.base.files import disk_error, make_folder, write_atomically

__all__ = ["NETWORKS", "NetworkStore"]

NETWORKS: Final = "networks"
"""Their folder inside the run folder."""


class NetworkStore:
    """The networks of one run.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / NETWORKS

    def keep(self, number: int, weights: list[NDArray[np.float32]]) -> None:
        """Keep the weights of a training, in the order of the Keras model's `get_weights()`.

        Raises:
            RunError: If the disk is full or cannot be written.
        """
        make_folder(self._folder)
        buffer = io.BytesIO()
        np.savez(buffer, *weights)
        write_atomically(self._path(number), buffer.getvalue())

    def weights(self, number: int) -> list[NDArray[np.float32]]:
        """The weights of a training.

        Raises:
            RunError: If they are not there or cannot be read.
        """
        path = self._path(number)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return [arrays[f"arr_{place}"] for place in range(len(arrays.files))]
        except (OSError, EOFError, ValueError, KeyError, SyntaxError, BadZipFile, TokenError, zlib.error) as error:
            raise RunError(
                f"{path} cannot be read ({error}), and the network of training {number} is needed. Begin anew with "
                "--fresh (this folder is kept aside)."
            ) from error

    def forget(self, numbers: Iterable[int]) -> None:
        """Let go of some; those that are gone already are no error."""
        for number in numbers:
            path = self._path(number)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise disk_error(error, path) from error

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.npz"
