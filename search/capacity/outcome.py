"""After the training: open the test rows once, score the tuned network of every cell on them, compare, save.

one learning rate a cell -> answers on test and training rows -> capacity.parquet, answers.npz, summary.json, report
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ffsearch.search.base.files import write_atomically
from ffsearch.search.base.seeds import Purpose, generator
from ffsearch.search.capacity.contrasts import Scores, resampled_scores
from ffsearch.search.capacity.tables import ShareResults, capacity_frame, capacity_summary
from ffsearch.search.capacity.verdict import find, margin_of
from ffsearch.search.folder.log import LineKind
from ffsearch.search.folder.reader import ANSWERS, CAPACITY
from ffsearch.search.folder.summary import build_summary
from ffsearch.search.observer import Phase

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.capacity.answers import Answered
    from ffsearch.search.capacity.parts import Study
    from ffsearch.search.data.prepare import SealedRows

__all__ = ["conclude"]


def conclude(parts: Study, *, report: Callable[[Path], object] | None) -> None:
    """Score, compare and save.

    Raises:
        RunError: If a network that was kept cannot be read, or the folder not be written.
    """
    from ffsearch.search.capacity.answers import answer  # loads Keras

    answered = answer(parts, _opened(parts))
    parts.observer.phase(Phase.SAVE)
    scores = resampled_scores(
        parts.objective,
        truth=answered.truth,
        terms=answered.terms,
        groups=answered.groups,
        rng=generator(parts.plan.seed, Purpose.BOOTSTRAP),
    )
    margin = margin_of(parts.space.capacity.margin, objective=parts.objective.name, naive=parts.naive)
    found = [_part(parts, size, answered, scores, margin=margin) for size in range(len(parts.plan.shares))]
    write_atomically(parts.folder.path / CAPACITY, _parquet(capacity_frame(parts, answered)))
    write_atomically(parts.folder.path / ANSWERS, _arrays(answered))
    summary: Any = build_summary(parts.facts(), parts.folder.records, wall_s=parts.wall_s)
    summary |= capacity_summary(parts, found)
    parts.folder.finish(summary)
    if report is not None:
        report(parts.folder.path)
    parts.observer.finished(summary, parts.folder.path)


def _part(parts: Study, size: int, answered: Answered, scores: Scores, *, margin: float) -> ShareResults:
    """What networks of one share of the training rows came to."""
    at = parts.plan.of_size(size)
    cells = parts.plan.cells[at]
    of_cells = Scores(values=scores.values[at], resampled=scores.resampled[:, at])
    return ShareResults(
        rows=parts.rows[size],
        first=at.start,
        cells=cells,
        answered=answered.of(at),
        scores=of_cells,
        findings=find(cells, of_cells, margin=margin),
    )


def _opened(parts: Study) -> SealedRows:
    """Open the test rows, which nothing has depended on so far; the opening counts whatever comes of it."""
    parts.observer.phase(Phase.TEST)
    parts.folder.note(LineKind.TEST_OPENED)
    sealed = parts.prepared.test_rows()
    for notice in sealed.notices:
        parts.observer.noted(notice)
    return sealed


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _arrays(answered: Answered) -> bytes:
    """What the statistics were computed from, for those who want others: cells in the order of summary.json."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, truth=answered.truth, terms=answered.terms, test=answered.test, train=answered.train)
    return buffer.getvalue()
