"""Every error ffsearch raises on purpose, in one tree.

::

    FFSearchError
    ├── SpaceError (ValueError)       the space file or an override of it
    ├── DataError (ValueError)        the table, its target, its splits
    ├── RunError (RuntimeError)       the run folder: another space, in use, unreadable, disk full
    ├── TrainingError (RuntimeError)  no network could be trained
    └── ExportError (RuntimeError)    a model could not be written or read back

Texts say what was given, what is legal and what to do. The command line prints them without a traceback and exits
with 2.
"""

from __future__ import annotations

__all__ = ["DataError", "ExportError", "FFSearchError", "RowsWarning", "RunError", "SpaceError", "TrainingError"]


class FFSearchError(Exception):
    """Root of all errors a user can mend; catch this to catch them all.

    Example:
        >>> try:
        ...     run = ffsearch.load(folder / "no-run")
        ... except ffsearch.FFSearchError as error:
        ...     print(type(error).__name__)
        RunError
    """

    words: object = None
    """What says it in other languages (`wording.refusal`); None: it is said in English alone."""


class SpaceError(FFSearchError, ValueError):
    """The space file, or a value given on the command line in its place, cannot be used.

    Example:
        >>> ffsearch.load_space("tabular", ["search.trials=0"])
        Traceback (most recent call last):
        ffsearch.errors.SpaceError: ...
    """


class DataError(FFSearchError, ValueError):
    """The table cannot be read, or cannot be learnt from as it stands.

    Example:
        >>> ffsearch.run("tabular", data="no-table.csv", target="y", out=folder / "new")
        Traceback (most recent call last):
        ffsearch.errors.DataError: ...
    """


class RunError(FFSearchError, RuntimeError):
    """The run folder cannot be used: it belongs to another space, is in use, unreadable or full.

    Example:
        >>> ffsearch.load(folder / "no-run")
        Traceback (most recent call last):
        ffsearch.errors.RunError: ...
    """


class RowsWarning(UserWarning):
    """Rows were answered, and something of them was not as the model learnt: what, its text says."""


class TrainingError(FFSearchError, RuntimeError):
    """No candidate could be trained to a finite score.

    Example:
        >>> ffsearch.run("sklearn:wine", trials=1, overrides={"space.learning_rate": 1e30}, out=folder / "diverging")
        Traceback (most recent call last):
        ffsearch.errors.TrainingError: ...
    """


class ExportError(FFSearchError, RuntimeError):
    """A model could not be written, or what was written does not answer as the run did.

    Example:
        >>> ffsearch.export(folder / "run", "pickle")
        Traceback (most recent call last):
        ffsearch.errors.ExportError: ...
    """
