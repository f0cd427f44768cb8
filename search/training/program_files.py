"""The files of compiled programs: the user's own, and whole, or not read at all.

A program is kept as a pickle, and to read a pickle is to run code. So the folder is made for this user alone, and one
that others own is not used; and each file begins with the hash of the rest, so that one that was cut off or damaged is
compiled anew instead of being read.

    ~/.cache/ffsearch/programs/FINGERPRINT/    mode 700; the fingerprint is that of all that programs are made of
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

from ffsearch.search.base.files import put_in_place
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["cache_folder", "look_at_programs", "own_folder", "prune", "put_program", "read_program"]

PARTS: Final = (
    "activations.py",
    "compiling.py",
    "convolve.py",
    "elementwise.py",
    "front.py",
    "front_maps.py",
    "hashing.py",
    "intrinsics.py",
    "lane.py",
    "lane_arrays.py",
    "lane_augment.py",
    "lane_descent.py",
    "lane_rows.py",
    "program_files.py",
    "tiles.py",
)
"""Files that programs are made of, next to this one, and this one."""

MOST_FOLDERS: Final = 4
"""choice: versions of ffsearch whose programs are kept, some 2 MB each."""

N_HASH: Final = hashlib.sha256().digest_size

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def cache_folder() -> Path:
    """The folder of this user and this version of the programs."""
    return _user_cache() / "ffsearch" / "programs" / _fingerprint()


def own_folder(folder: Path) -> Path | None:
    """Make the folder, for this user alone, and delete those of versions that are long not used.

    Args:
        folder: As `cache_folder` gives it.

    Returns:
        The folder; None where it cannot be made or written, or belongs to somebody else.
    """
    try:
        folder.parent.parent.mkdir(parents=True, exist_ok=True)
        for path in (folder.parent.parent, folder.parent, folder):
            path.mkdir(mode=0o700, exist_ok=True)
            if not _made_private(path):
                return None
        os.utime(folder)
        prune(folder.parent, n_kept=MOST_FOLDERS)
    except (OSError, RuntimeError):  # RuntimeError: no home folder
        return None
    return folder if os.access(folder, os.W_OK) else None


def _made_private(path: Path) -> bool:
    """Whether the folder is this user's own; what others could write into one that is, is deleted."""
    if not hasattr(os, "getuid"):
        return True  # Windows: the folder lies in the user's profile, which others may not write
    found = path.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        return False
    if found.st_mode & _OTHERS_WRITE:
        shutil.rmtree(path)
        path.mkdir(mode=0o700)
    return True


def read_program(path: Path) -> bytes | None:
    """What `put_program` wrote; None where there is nothing, or something else."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content[N_HASH:] if hashlib.sha256(content[N_HASH:]).digest() == content[:N_HASH] else None


def put_program(path: Path, content: bytes) -> None:
    """Keep a file of a program, whole or not at all: on a full disk it is compiled again the next time."""
    try:
        with put_in_place(path) as beside:
            beside.write_bytes(hashlib.sha256(content).digest() + content)
    except OSError:
        return


def look_at_programs() -> list[Finding]:
    """Delete what is damaged, and tell of it; tell where programs cannot be kept."""
    folder = own_folder(cache_folder())
    if folder is None:
        return [found(Code.PROGRAMS_NOT_KEPT, folder=_shown_folder())]
    damaged = [path for path in folder.rglob("*.nb[ci]") if read_program(path) is None]
    for path in damaged:
        path.unlink(missing_ok=True)
    return [found(Code.PROGRAMS_DAMAGED, n=len(damaged), folder=str(folder))] if damaged else []


def _shown_folder() -> str:
    try:
        return str(cache_folder())
    except RuntimeError:
        return "~"


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
    facts = [version("numba").encode(), *((here / part).read_bytes() for part in PARTS)]
    return hashlib.sha256(b"\n".join(facts)).hexdigest()[:12]
