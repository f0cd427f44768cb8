"""`ffsearch.run`: a search from Python. As the command line does for a shell, it joins the search and its figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from ffsearch.reports.notebook import Run
from ffsearch.search import run as searching
from ffsearch.search.folder.reader import StoredRun

__all__ = ["run"]

P = ParamSpec("P")


def _with_figures(search: Callable[P, StoredRun]) -> Callable[P, Run]:
    """The same search, whose run can draw and report itself."""

    @wraps(search)
    def run(*args: P.args, **kwargs: P.kwargs) -> Run:
        return Run(search(*args, **kwargs).path)

    return run


run = _with_figures(searching.run)
