"""A summary that nobody vouches for: whatever it leads to while it is shown is told as what it is, a file to doubt.

The log of a run keeps a hash of its summary, so that what is read is what was written; early logs keep none.
Types and laws are checked there, too, but no law says all that a report relies on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ffsearch.errors import FFSearchError, RunError
from ffsearch.search.base.texts import first_line
from ffsearch.search.folder.reader import StoredRun

__all__ = ["doubted"]


@contextmanager
def doubted(*runs: object) -> Iterator[None]:
    """Show runs: an error that comes of a summary without a hash names the file.

    Args:
        runs: What is shown; of runs that were read from folders a hash is asked for.

    Raises:
        RunError: In place of such an error. One that comes of what the run wrote itself is ours, and stays as it is.
    """
    try:
        yield
    except FFSearchError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        doubtful = [run for run in runs if isinstance(run, StoredRun) and run.is_finished and not run.has_hash]
        if not doubtful:
            raise
        raise RunError(
            f"{doubtful[0].summary_path} cannot be shown ({first_line(error)}): its parts do not fit together. Its log "
            "keeps no hash of it, so it may have been changed by hand. Restore it from a copy, or remove it and give "
            "the run's command again: it is written anew."
        ) from error
