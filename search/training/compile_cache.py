"""Compiled lanes, kept between processes in the user's cache folder.

XLA stores a program under a hash of what was compiled and finds it there again: 0.6 s instead of 3. It does not ask for
which processor, by which version and with which settings; the folder's name does. Files are written aside and renamed,
so two processes may share the folder; it may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

__all__ = ["MAX_BYTES", "cache_folder", "enable", "prune"]

MAX_BYTES: Final = 256 * 2**20
"""choice: some 150 programs of 1.7 MB, several searches' worth; the oldest are deleted first."""

_VARIABLE: Final = "TF_XLA_FLAGS"
_FLAG: Final = "--tf_xla_persistent_cache_directory"


def enable(folder: Path | None = None) -> Path | None:
    """Keep compiled programs from here on.

    TensorFlow reads the setting with its first operation: call this before. It costs nothing and imports nothing.

    Args:
        folder: Where to; None for the user's cache folder.

    Returns:
        The folder; None where it cannot be written, or where the user has set one of their own. Then nothing is kept
        here, and nothing else changes.
    """
    flags = os.environ.get(_VARIABLE, "")
    if _FLAG in flags:
        return None
    folder = folder or cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        prune(folder, max_bytes=MAX_BYTES)
    except OSError:
        return None
    if not os.access(folder, os.W_OK) or " " in str(folder):  # a blank would end the flag
        return None
    os.environ[_VARIABLE] = f"{flags} {_FLAG}={folder}".strip()
    return folder


def cache_folder() -> Path:
    """The folder of this user, processor, TensorFlow and XLA's settings."""
    return _user_cache() / "ffsearch" / "lanes" / _fingerprint()


def prune(folder: Path, *, max_bytes: int) -> None:
    """Delete the oldest files until the rest takes no more than `max_bytes`. Others may delete at the same time."""
    found = []
    for path in folder.iterdir():
        try:
            found.append((path.stat().st_mtime, path.stat().st_size, path))
        except FileNotFoundError:
            continue
    total = 0
    for _, size, path in sorted(found, reverse=True):
        total += size
        if total > max_bytes:
            path.unlink(missing_ok=True)


def _user_cache() -> Path:
    """Where this system keeps what may be deleted."""
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")


def _fingerprint() -> str:
    """What compiled code depends on, as 12 hexadecimal digits: another processor's may not run on this one."""
    facts = [version("tensorflow"), platform.machine(), platform.processor(), os.environ.get("XLA_FLAGS", "")]
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        facts += sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    except OSError:
        pass  # not Linux: the names above must do
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]
