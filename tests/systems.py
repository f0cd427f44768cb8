"""What tests ask the system they run on, in the same words everywhere, and the mark of those that need one of POSIX."""

from __future__ import annotations

import os

import psutil
import pytest


def needs_posix(reason: str) -> pytest.MarkDecorator:
    """Skip on Windows.

    Args:
        reason: What it has not, or has otherwise.
    """
    return pytest.mark.skipif(os.name == "nt", reason=reason)


def is_superuser() -> bool:
    """Whether nothing is forbidden to this user; on Windows, where rights are others, as if so."""
    return not hasattr(os, "geteuid") or os.geteuid() == 0


def is_running(pid: int) -> bool:
    """Whether a process is there, and more than an entry for its parent to read."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def descendants() -> set[int]:
    """All processes that this one started, and theirs."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


def n_files() -> int:
    """Files that this process has open; on Windows, handles of any kind."""
    this = psutil.Process()
    return int(this.num_fds() if hasattr(this, "num_fds") else this.num_handles())
