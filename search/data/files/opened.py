"""The bytes of a file, unpacked where it is packed, and what the system or a torn archive says, as errors of ours."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from ffsearch.errors import DataError

__all__ = ["ends_of", "is_packed", "opened", "told"]

_GZIP: Final = b"\x1f\x8b"
_N_MARK_BYTES: Final = 16
_SNIFFED_BYTES: Final = 100_000
"""Bytes at either end of a file that tell what it is; ARFF may begin with a page of comments."""


def ends_of(path: Path) -> tuple[bytes, bytes]:
    """The first bytes of a file, unpacked, and the last ones: they tell what it is."""
    with opened(path) as file:
        head = file.read(_SNIFFED_BYTES)
    with path.open("rb") as raw:
        raw.seek(max(0, path.stat().st_size - _N_MARK_BYTES))
        return head, raw.read()


def is_packed(path: Path) -> bool:
    """Whether a file is packed by gzip."""
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The unpacked bytes of a file."""
    file: Any = gzip.open(path, "rb") if is_packed(path) else path.open("rb")  # noqa: SIM115  (closed below)
    with file:
        yield file


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Faults of the disk and of packed files as data errors."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path.name} is a damaged or cut-off gzip file ({error}). Copy or download it again."
        ) from None
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{str(path)!r} cannot be read: {reason}. Check its name and permissions.") from None
