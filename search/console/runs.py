"""What `ffsearch list` prints: the runs under a folder, the latest first, each with data, answer, score and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from ffsearch.errors import FFSearchError
from ffsearch.search.console.lines import metric
from ffsearch.search.console.wrapping import hung
from ffsearch.search.folder.reader import LOG, StoredRun, load, runs_under
from ffsearch.search.folder.summary import Summary
from ffsearch.search.wording.language import PLAIN, Language
from ffsearch.search.wording.refusal import refused

__all__ = ["runs_lines"]


def runs_lines(root: Path, t: Language = PLAIN, *, headline: Callable[[StoredRun], str]) -> list[str]:
    """A block of two lines a run: what was asked, and what came out.

    Args:
        root: The folder that holds the run folders.
        t: The language of the lines.
        headline: The answer of a run in a few words.

    Raises:
        RunError: If no run lies there.
    """
    blocks = (
        [*first, *hung(second, "  ")] for path in runs_under(root) for *first, second in [_lines(path, headline, t)]
    )
    return [line for block in blocks for line in block]


def _lines(path: Path, headline: Callable[[StoredRun], str], t: Language) -> Sequence[str]:
    """A run that cannot be read is listed with the reason: the others still are."""
    at = datetime.fromtimestamp((path / LOG).stat().st_mtime).strftime("%Y-%m-%d %H:%M")
    try:
        run = load(path)
        if not run.has_begun:
            return [f"{path}  {at}", t("console.not_begun")]
        results = run.results
        answer = headline(run) if run.is_finished else t("console.not_finished")
        return [f"{path}  {at}  {results.data.source}, {_size(results, t)}", f"{_score(results, t)}{answer}"]
    except FFSearchError as error:
        return [f"{path}  {at}", t("console.unreadable", why=refused(error, t).splitlines()[0])]


def _size(results: Summary, t: Language) -> str:
    counts = results.search
    thing = "networks" if results.kind == "capacity" else "trials"
    return t("console.in_time", counted=t.counted(thing, counts.n_trials), time=t.duration(counts.wall_s))


def _score(results: Summary, t: Language) -> str:
    """The sealed test's score, or the validation score that chose, whichever is the last known; none of a study."""
    test, best, name = results.evidence.test, results.best, metric(results.objective.name, t)
    if test is not None:
        return t("console.on_sealed", metric=name, value=t.score(test.value)) + " "
    if best is None or results.kind == "capacity":
        return ""
    return t("console.on_validation", metric=name, value=t.score(best.valid)) + " "
