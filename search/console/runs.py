"""What `ffsearch list` prints: the runs under a folder, the latest first, each with data, answer, score and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from ffsearch.errors import FFSearchError
from ffsearch.search.console.lines import metric
from ffsearch.search.folder.reader import LOG, StoredRun, load, runs_under
from ffsearch.search.folder.summary import Summary
from ffsearch.search.wording.language import PLAIN

__all__ = ["runs_lines"]


def runs_lines(root: Path, *, headline: Callable[[StoredRun], str]) -> list[str]:
    """A block of two lines a run: what was asked, and what came out.

    Args:
        root: The folder that holds the run folders.
        headline: The answer of a run in a few words.

    Raises:
        RunError: If no run lies there.
    """
    return [line for path in runs_under(root) for line in _lines(path, headline)]


def _lines(path: Path, headline: Callable[[StoredRun], str]) -> Sequence[str]:
    """A run that cannot be read is listed with the reason: the others still are."""
    at = datetime.fromtimestamp((path / LOG).stat().st_mtime).strftime("%Y-%m-%d %H:%M")
    try:
        run = load(path)
        if not run.has_begun:
            return [f"{path}  {at}", "  it was ended before its data was read"]
        results = run.results
        answer = headline(run) if run.is_finished else "not finished: the command that started it goes on with it"
        return [f"{path}  {at}  {results.data.source}, {_size(results)}", f"  {_score(results)}{answer}"]
    except FFSearchError as error:
        return [f"{path}  {at}", f"  cannot be read: {str(error).splitlines()[0]}"]


def _size(results: Summary) -> str:
    counts = results.search
    what = "networks" if results.kind == "capacity" else "trials"
    return f"{counts.n_trials:,} {what} in {PLAIN.duration(counts.wall_s)}"


def _score(results: Summary) -> str:
    """The sealed test's score, or the validation score that chose, whichever is the last known; none of a study."""
    test, best, name = results.evidence.test, results.best, metric(results.objective.name)
    if test is not None:
        return f"{name} {PLAIN.score(test.value)} on sealed rows. "
    return (
        "" if best is None or results.kind == "capacity" else f"{name} {PLAIN.score(best.valid)} on validation rows. "
    )
