"""Which feed-forward topology fits your data, by how much, how sure, and is a network worth it at all?

Example:
    >>> run = ffsearch.run("sklearn:wine", trials=2, evidence="none", out=folder / "wine")
    >>> best, trials, model = run.best, run.trials, run.model()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ffsearch._version import __version__
from ffsearch.errors import DataError, ExportError, FFSearchError, RunError, SpaceError, TrainingError

if TYPE_CHECKING:
    from ffsearch.reports.notebook import Run, load
    from ffsearch.running import compare, export, init, run
    from ffsearch.search.api.estimators import FFSearchClassifier, FFSearchRegressor
    from ffsearch.search.api.hypermodel import hypermodel
    from ffsearch.search.api.importing import import_kt
    from ffsearch.search.serving.loaded import load_model
    from ffsearch.spaces.loader import load_space

__all__ = [
    "DataError",
    "ExportError",
    "FFSearchClassifier",
    "FFSearchError",
    "FFSearchRegressor",
    "Run",
    "RunError",
    "SpaceError",
    "TrainingError",
    "__version__",
    "compare",
    "export",
    "hypermodel",
    "import_kt",
    "init",
    "load",
    "load_model",
    "load_space",
    "run",
]

# What is heavy is loaded when it is first used: `import ffsearch` and `ffsearch --help` stay fast.
_LAZY = {
    "FFSearchClassifier": "ffsearch.search.api.estimators",
    "FFSearchRegressor": "ffsearch.search.api.estimators",
    "Run": "ffsearch.reports.notebook",
    "compare": "ffsearch.running",
    "export": "ffsearch.running",
    "hypermodel": "ffsearch.search.api.hypermodel",
    "import_kt": "ffsearch.search.api.importing",
    "init": "ffsearch.running",
    "load": "ffsearch.reports.notebook",
    "load_model": "ffsearch.search.serving.loaded",
    "load_space": "ffsearch.spaces.loader",
    "run": "ffsearch.running",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'ffsearch' has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
