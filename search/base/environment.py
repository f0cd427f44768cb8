"""What a run is made with and runs on: versions, machine, signals, shell, and how threads wait; nothing heavy."""

from __future__ import annotations

import os
import platform
import shlex
import signal
import subprocess
from typing import Any, Final

from ffsearch._version import __version__

__all__ = ["environment", "n_cpus", "shell_quoted", "signals", "threads_wait_asleep", "wait_asleep"]

PACKAGES: Final = (
    "tensorflow", "keras", "keras-tuner", "optuna", "numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "pydantic",
)  # fmt: skip
"""What can change a result or a file of a run."""

_OMP_WAIT_POLICY: Final = "OMP_WAIT_POLICY"
_PASSIVE: Final = "passive"


def environment() -> dict[str, Any]:
    """Versions of ffsearch, Python and the packages that matter (None: not installed), platform and CPU count."""
    return {
        "ffsearch": __version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "n_cpus": n_cpus(),
    }


def n_cpus() -> int:
    """CPUs this process may use, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def signals(*names: str) -> list[signal.Signals]:
    """Those of some signals that this system has: SIGBREAK is of Windows alone."""
    return [number for number in signal.Signals if number.name in names]


def shell_quoted(argument: str | os.PathLike[str]) -> str:
    """An argument as a person types it into this system's shell."""
    text = os.fspath(argument)
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)


def wait_asleep() -> None:
    """Have threads of OpenMP, which scikit-learn's trees are grown by, wait for each other asleep.

    They wait awake otherwise, each on a core. Beside other work one of them has no core for a moment, again and again:
    30 trees on 14,000 rows took over a minute on two busy cores, and .5 s asleep. Its library reads this when it is
    loaded, so it is for a program to say before it loads anything, not for a library.
    """
    os.environ.setdefault(_OMP_WAIT_POLICY, _PASSIVE)


def threads_wait_asleep() -> bool:
    """Whether that was said, by `wait_asleep` or by the user."""
    return os.environ.get(_OMP_WAIT_POLICY, "").lower() == _PASSIVE


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
