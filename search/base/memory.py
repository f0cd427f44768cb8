"""How much memory there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

__all__ = ["address_space", "container_limits", "machine_memory"]

_GROUPS: Final = Path("/sys/fs/cgroup")
_OF_PROCESS: Final = Path("/proc/self/cgroup")

_LIMITS: Final = {"": "memory.max", "memory": "memory/memory.limit_in_bytes"}
"""Where a group's limit stands, by its controllers: the second version of control groups names none.
Source: cgroups(7)."""


def machine_memory() -> int:
    """Bytes of memory this process may take: the machine's, or less where its container or shell says so."""
    total: int = psutil.virtual_memory().total
    return min(total, address_space() or total, *container_limits())


def address_space() -> int | None:
    """Bytes that this process may address, by `ulimit -v`; None where nothing limits them, or no system tells."""
    if not hasattr(psutil, "RLIMIT_AS"):
        return None
    limit: int = psutil.Process().rlimit(psutil.RLIMIT_AS)[0]
    return None if limit == psutil.RLIM_INFINITY else limit


def container_limits(groups: Path = _GROUPS, of_process: Path = _OF_PROCESS) -> Iterator[int]:
    """Bytes that Linux allows each control group this process is in; none on other systems, or where none is set.

    A group's limit holds for all groups in it, so those above count too. A container may know its own group by the path
    that it has outside alone; its limit then stands at the root.

    Args:
        groups: Where the groups lie.
        of_process: Names those of the process, a line each: number, controllers, path.
    """
    lines = of_process.read_text(encoding="utf-8").splitlines() if of_process.exists() else []
    for _, controllers, path in (line.split(":", maxsplit=2) for line in lines):
        if controllers not in _LIMITS:
            continue
        place = Path(_LIMITS[controllers])
        own = Path(path.lstrip("/"))
        for group in (own, *own.parents):
            with suppress(OSError, ValueError):  # no such group here, or "max": no limit
                yield int((groups / place.parent / group / place.name).read_text(encoding="utf-8"))
