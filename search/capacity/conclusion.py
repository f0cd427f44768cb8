"""After the training: open the test rows once, score the tuned network of every cell on them, compare, save.

one learning rate a cell -> answers on test and training rows -> capacity.parquet, answers.npz, summary.json, report
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.files import write_atomically
from ffsearch.search.base.objective import Objective
from ffsearch.search.base.seeds import Purpose, generator
from ffsearch.search.capacity.contrasts import Scores, resampled_scores
from ffsearch.search.capacity.plan import Training
from ffsearch.search.capacity.tables import ShareResults, capacity_frame, capacity_results, verdict_of
from ffsearch.search.capacity.verdict import find, margin_of
from ffsearch.search.evidence.terms import everyday_metric
from ffsearch.search.folder.log import LineKind
from ffsearch.search.folder.reader import ANSWERS, CAPACITY
from ffsearch.search.folder.summary import RunFacts, build_summary
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.observer import Observer, Phase
from ffsearch.search.steps.budget import Deadline
from ffsearch.search.steps.judging import open_test

if TYPE_CHECKING:
    from ffsearch.search.capacity.networks import NetworkStore
    from ffsearch.search.capacity.predictions import Answered
    from ffsearch.search.capacity.setup import Study

__all__ = ["conclude"]


def conclude(
    study: Study,
    facts: RunFacts,
    *,
    networks: NetworkStore,
    folder: RunFolder,
    deadline: Deadline,
    observer: Observer,
    report: Callable[[Path], object] | None,
) -> None:
    """Score, compare and save a study all whose cells are tuned.

    Raises:
        RunError: If a network that was kept cannot be read, or the folder not be written.
    """
    from ffsearch.search.capacity.predictions import answer  # loads Keras

    sealed = open_test(study.inputs.prepared, folder=folder, observer=observer)
    losses = study.losses(folder.records)
    answered = answer(study, sealed, losses=losses, networks=networks)
    observer.phase(Phase.SAVE)
    everyday = Objective(name=everyday_metric(study.problem.head.task), direction="maximize")
    scores, of_figures = (
        resampled_scores(
            objective, truth=answered.truth, terms=terms, units=answered.units,
            weight=answered.weight, rng=generator(study.plan.seed, Purpose.BOOTSTRAP),
        )
        for objective, terms in ((study.objective, answered.terms), (everyday, answered.everyday))
    )  # fmt: skip
    margin = margin_of(study.inputs.space.capacity.margin, objective=study.objective.name, naive=study.naive)
    shares = range(len(study.plan.shares))
    found = [_part(study, size, answered, (scores, of_figures), losses=losses, margin=margin) for size in shares]
    folder.write_table(CAPACITY, capacity_frame(study, folder.records, answered))
    write_atomically(folder.path / ANSWERS, _arrays(answered))
    tuned = [record for record in folder.records if not study.plan.training(record.trial).is_longer]
    results = capacity_results(study, folder.records, found, openings=folder.n_noted(LineKind.TEST_OPENED))
    summary = replace(
        build_summary(facts, tuned, wall_s=folder.earlier_s + deadline.elapsed()),
        verdict=verdict_of(study, found[-1], results),
        capacity=results,
    )
    folder.finish(summary)
    if report is not None:
        observer.phase(Phase.REPORT)
        report(folder.path)
    observer.finished(summary, folder.path)


def _part(
    study: Study,
    size: int,
    answered: Answered,
    scores: tuple[Scores, Scores],
    *,
    losses: Mapping[Training, float | None],
    margin: float,
) -> ShareResults:
    """What networks of one share of the training rows came to, by the objective and by the score of the figures."""
    at = study.plan.of_size(size)
    cells = study.plan.cells[at]
    of_cells, of_figures = (replace(one, values=one.values[at], resampled=one.resampled[:, at]) for one in scores)
    return ShareResults(
        rows=study.rows[size],
        first=at.start,
        cells=cells,
        answered=answered.of(at),
        scores=of_cells,
        everyday=of_figures,
        findings=find(cells, of_cells, valid=_valid(study, at, answered, losses), margin=margin),
    )


def _valid(study: Study, at: slice, answered: Answered, losses: Mapping[Training, float | None]) -> NDArray[np.float64]:
    """Mean validation score of every cell's tuned networks, higher is better; of those that diverged nothing is known.

    Args:
        study: What is compared.
        at: The cells.
        answered: Which learning rate each was tuned to.
        losses: What every training came to.
    """
    of_cells = [study.plan.scores_of(cell, losses)[answered.places[cell]] for cell in range(len(study.plan.cells))[at]]
    known = [[loss for loss in of_cell if loss is not None] for of_cell in of_cells]
    return np.array([-np.mean(of_cell) if of_cell else -np.inf for of_cell in known])


def _arrays(answered: Answered) -> bytes:
    """What the statistics were computed from, for those who want others: cells in the order of summary.json."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, truth=answered.truth, terms=answered.terms, test=answered.test, train=answered.train)
    return buffer.getvalue()
