"""How the lane's mathematics becomes machine code: by Numba, once, kept in the user's cache folder.

    @compiled    a part of a program; Python cannot call it
    @program     what Python calls: runs without the interpreter's lock, and is found compiled by the next process

Numba keeps a program under the time stamp of the file it is written in and under the processor's name. It does not ask
for the files of its parts, so the folder's name does. Files are written aside and renamed: two processes may share the
folder, and it may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar

import numba

__all__ = ["cache_folder", "compiled", "inlined", "is_compiled", "program", "prune"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

_PARTS: Final = (
    "compiling.py",
    "elementwise.py",
    "hashing.py",
    "intrinsics.py",
    "lane.py",
    "lane_arrays.py",
    "lane_augment.py",
)
"""Files that programs are made of, next to this one."""

_MOST_FOLDERS: Final = 4
"""choice: versions of ffsearch whose programs are kept, some 2 MB each."""

_OPTIONS: Final[dict[str, Any]] = {"error_model": "numpy", "fastmath": {"contract", "nsz"}}
"""A division by zero is infinite, and a product and a sum may be one instruction. NaN stays NaN: a network that
diverged has to say so. Sums keep their order, so vector and rest of a loop agree."""


def compiled(function: _Function) -> _Function:
    """A function that programs call. Without a door for Python and one for C it compiles in a fifth less time."""
    made: _Function = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS)(function)
    return made


def inlined(function: _Function) -> _Function:
    """A part that is written in one place and becomes part of its program before that is typed."""
    made: _Function = numba.njit(inline="always", **_OPTIONS)(function)
    return made


def program(function: _Function) -> _Function:
    """A function that Python calls; compiled at its first call, or found in the user's cache folder."""
    with _kept_in(cache_folder()) as kept:
        made: _Function = numba.njit(nogil=True, cache=kept, **_OPTIONS)(function)
    return made


def is_compiled(made: Callable[..., Any]) -> bool:
    """Whether a program has been compiled, or loaded, in this process."""
    return bool(getattr(made, "signatures", ()))


def cache_folder() -> Path:
    """The folder of this user and this version of the programs."""
    return _user_cache() / "ffsearch" / "programs" / _fingerprint()


@contextmanager
def _kept_in(folder: Path) -> Iterator[bool]:
    """Where Numba will look for what is declared inside; no where the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        prune(folder.parent, n_kept=_MOST_FOLDERS)
        writable = os.access(folder, os.W_OK)
    except (OSError, RuntimeError):  # RuntimeError: no home folder
        writable = False
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder) if writable else before
    try:
        yield writable
    finally:
        numba.config.CACHE_DIR = before


def prune(folder: Path, *, n_kept: int) -> None:
    """Delete all folders but the latest. Others may delete at the same time."""
    found = []
    for path in folder.iterdir():
        try:
            found.append((path.stat().st_mtime, path))
        except FileNotFoundError:
            continue
    for _, path in sorted(found, reverse=True)[n_kept:]:
        shutil.rmtree(path, ignore_errors=True)


def _user_cache() -> Path:
    """Where this system keeps what may be deleted."""
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")


def _fingerprint() -> str:
    """What programs are made of, as 12 hexadecimal digits."""
    here = Path(__file__).parent
    facts = [version("numba").encode(), *((here / part).read_bytes() for part in _PARTS)]
    return hashlib.sha256(b"\n".join(facts)).hexdigest()[:12]
