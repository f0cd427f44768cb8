"""What a run was made with: versions and machine, told without importing anything heavy."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from ffsearch import __version__

__all__ = ["environment"]

PACKAGES: Final = (
    "tensorflow", "keras", "keras-tuner", "optuna", "numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "pydantic",
)  # fmt: skip
"""What can change a result or a file of a run."""


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


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
