"""How the lane's mathematics becomes machine code: by Numba, once, kept in the user's cache folder.

    @compiled    a part of a program; Python cannot call it
    @program     what Python calls: runs without the interpreter's lock, and is found compiled by the next process

Numba keeps a program under the time stamp of the file it is written in and under the processor's name. It does not ask
for the files of its parts, so the folder's name does (`program_files`). Files are written aside and renamed: two
processes may share the folder, and it may be deleted at any time.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

from ffsearch.search.training.program_files import cache_folder, own_folder, put_program, read_program

__all__ = ["compiled", "inlined", "is_compiled", "program", "reordered"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

_OPTIONS: Final[dict[str, Any]] = {"error_model": "numpy", "fastmath": {"contract", "nsz"}}
"""A division by zero is infinite, and a product and a sum may be one instruction. NaN stays NaN: a network that
diverged has to say so. Sums keep their order, so vector and rest of a loop agree."""


def compiled(function: _Function) -> _Function:
    """A function that programs call. Without a door for Python and one for C it compiles in a fifth less time."""
    made: _Function = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS)(function)
    return made


def reordered(function: _Function) -> _Function:
    """The same where sums may be taken in any order, as vectors take them. NaN stays NaN here, too.

    The order is the compiler's, so it is the same each time on one kind of processor.
    """
    options = {**_OPTIONS, "fastmath": {*_OPTIONS["fastmath"], "reassoc"}}
    made: _Function = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)(function)
    return made


def inlined(function: _Function) -> _Function:
    """A part that is written in one place and becomes part of its program before that is typed."""
    made: _Function = numba.njit(inline="always", **_OPTIONS)(function)
    return made


def program(function: _Function) -> _Function:
    """A function that Python calls; compiled at its first call, or found in the user's cache folder."""
    made: Any = numba.njit(nogil=True, **_OPTIONS)(function)
    folder = own_folder(cache_folder())
    if folder is not None:
        with _kept_in(folder):
            made._cache = _OwnCache(function)
    kept: _Function = made
    return kept


def is_compiled(made: Callable[..., Any], *given: Any) -> bool:
    """Whether a program has been compiled, or loaded, in this process for such arguments."""
    return tuple(numba.typeof(each) for each in given) in getattr(made, "signatures", ())


@contextmanager
def _kept_in(folder: Path) -> Iterator[None]:
    """Where Numba looks for a place for what is declared inside."""
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


# Numba has no types.
class _OwnCache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of one function, whose files are only read when they are whole."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _SoundFile(self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp())

    def save_overload(self, sig: Any, data: Any) -> None:
        """Nothing is kept where the disk is full: the program works, and is compiled again the next time."""
        with suppress(OSError):
            super().save_overload(sig, data)


class _SoundFile(IndexDataCacheFile):  # type: ignore[misc]
    """Numba's index and data files, each behind the hash of its content; what is not whole counts as not there."""

    def _load_index(self) -> dict[Any, str]:
        content = read_program(Path(self._index_path))
        stamp, overloads = (None, {}) if content is None else pickle.loads(content)
        return overloads if stamp == self._source_stamp else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        put_program(Path(self._index_path), self._dump((self._source_stamp, overloads)))

    def _load_data(self, name: str) -> Any:
        content = read_program(Path(self._data_path(name)))
        if content is None:
            raise FileNotFoundError(name)  # which Numba takes for a program that was deleted
        return pickle.loads(content)

    def _save_data(self, name: str, data: Any) -> None:
        put_program(Path(self._data_path(name)), self._dump(data))
