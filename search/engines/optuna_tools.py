"""What every user of Optuna here needs: silence, and paths that survive becoming URLs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from sqlalchemy import URL

__all__ = ["quiet_optuna", "sqlite_url"]


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Show warnings only, for as long as it lasts: what a user set for their own studies comes back."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, optuna.logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def sqlite_url(path: Path) -> str:
    """The storage URL of a database file; signs such as `?` and `%` in its path are escaped."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
