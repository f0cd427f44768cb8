"""After the search: refit the winner, package it, open the sealed test once, save the answer.

winner -> i* -> refit on all development rows -> model.keras -> its answers on the sealed rows -> summary, report
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.card import write_card
from ffsearch.search.evidence.bootstrap import score_interval
from ffsearch.search.evidence.metrics import metric_values
from ffsearch.search.files import make_folder
from ffsearch.search.heads import Head, TargetScale, Task
from ffsearch.search.observer import Phase
from ffsearch.search.parts import Parts
from ffsearch.search.reading import CHECK, MODEL
from ffsearch.search.records import TrialRecord
from ffsearch.search.seeds import Purpose, child, generator
from ffsearch.search.store import Kind
from ffsearch.search.summary import RefitFacts, SealedTest, build_summary

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.data.prepare import Prepared, SealedRows
    from ffsearch.search.packaging import PackagedModel
    from ffsearch.search.training.refit import Steps

N_CHECKED: Final = 1000
"""Rows whose answers by the saved file are held against those of the network. Choice: takes a second."""

__all__ = ["Answer", "i_star_of", "refit_winner", "save_answer", "score_sealed_test"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The winner, refitted and packaged.

    Args:
        model: The packaged model, read back from the run folder.
        facts: How long it was trained, on how many rows.
        target_scale: How its regression targets were standardised; None for classes.
    """

    model: PackagedModel
    facts: RefitFacts
    target_scale: TargetScale | None


def refit_winner(parts: Parts, winner: TrialRecord) -> Answer:
    """Train the winner afresh on all development rows for i* steps, and put it into one file that takes raw rows.

    Source: algorithm 7.2 of Goodfellow, Bengio, Courville (2016).

    Raises:
        TrainingError: If the refit diverged.
        ExportError: If the file does not answer as the network did.
    """
    from ffsearch.search.packaging import save_model
    from ffsearch.search.training.balance import rows_per_epoch
    from ffsearch.search.training.refit import Hold, refit

    parts.observer.phase(Phase.REFIT)
    train, head = parts.inputs.space.train, parts.problem.head
    preprocessor, x, y, target_scale = parts.inputs.prepared.fit_all()
    n_rows = rows_per_epoch(y, winner.point.augment_balance)
    n_updates = i_star_of(winner).n_updates(Hold(train.refit), n_rows=n_rows, batch_size=parts.stopping.batch_size)
    refitted = refit(
        winner.point,
        head=head,
        x=x,
        y=y,
        n_updates=n_updates,
        batch_size=parts.stopping.batch_size,
        seed=child(parts.seed, Purpose.REFIT),
        optimizer=train.optimizer,
        momentum=train.momentum,
        columns=parts.problem.matrix_columns,
    )
    path = parts.folder.path / MODEL
    make_folder(path.parent)
    model = save_model(
        path,
        point=winner.point,
        weights=refitted.weights,
        head=head,
        preprocessor=preprocessor,
        target_scale=target_scale,
        sample=_sample(parts.inputs.prepared),
    )
    facts = RefitFacts(updates=refitted.n_updates, epochs=round(refitted.n_epochs, 2), n_rows=len(x))
    parts.folder.note(Kind.REFITTED, trial=winner.trial, updates=facts.updates, epochs=facts.epochs)
    return Answer(model=model, facts=facts, target_scale=target_scale)


def _sample(prepared: Prepared) -> pd.DataFrame:
    """Some raw rows that were learnt from, to check the saved file on."""
    return prepared.table.features.take(prepared.development_rows[:N_CHECKED])


def i_star_of(record: TrialRecord) -> Steps:
    """How long a trial trained until its best epoch; over folds, their median."""
    from ffsearch.search.training.refit import Steps

    folds = record.notes.get("folds") or [{"n_updates": record.n_updates, "best_epoch": record.best_epoch}]
    return Steps(
        updates=round(median(fold["n_updates"] for fold in folds)),
        epochs=round(median(fold["best_epoch"] for fold in folds)),
    )


def score_sealed_test(parts: Parts, answer: Answer) -> SealedTest | None:
    """Open the test rows, which nothing has depended on so far, and score the packaged model's answers to them.

    The opening is noted in the folder before the rows are read: it counts whatever comes of it. None where the space
    seals no rows.
    """
    if not len(parts.inputs.prepared.splits.test):
        return None
    parts.observer.phase(Phase.TEST)
    parts.folder.note(Kind.TEST_OPENED)
    sealed = parts.inputs.prepared.test_rows()
    for notice in sealed.notices:
        parts.observer.noted(notice)
    head, objective = parts.problem.head, parts.objective
    answers = answer.model.answers(sealed.features)
    _keep_some(parts, answer, sealed, answers)
    truth, answers = _in_unit(head, sealed.y, answer), _in_unit(head, answers, answer)
    interval = score_interval(
        head.task,
        objective.name,
        truth=truth,
        answers=answers,
        generator=generator(parts.seed, Purpose.BOOTSTRAP),
    )
    return SealedTest(
        value=interval.value,
        low=interval.low,
        high=interval.high,
        metrics=metric_values(head.task, truth, answers),
        openings=parts.folder.n_noted(Kind.TEST_OPENED),
    )


def _keep_some(parts: Parts, answer: Answer, sealed: SealedRows, answers: NDArray[np.float32]) -> None:
    """Keep some held-out rows and their answers, so that exports can be checked where the data is not."""
    from ffsearch.search.exporting.checks import HeldOut, write_held_out

    held_out = HeldOut(frame=sealed.features, answers=answers)
    write_held_out(parts.folder.path / CHECK, answer.model, held_out)


def save_answer(
    parts: Parts, answer: Answer, test: SealedTest | None, *, report: Callable[[Path], object] | None
) -> None:
    """Write the summary, mark the run as finished, and write its report."""
    parts.observer.phase(Phase.SAVE)
    summary = build_summary(
        parts.facts(),
        parts.folder.records,
        wall_s=parts.folder.earlier_s + parts.deadline.elapsed(),
        refit=answer.facts,
        test=test,
    )
    parts.folder.finish(summary)
    write_card(parts.folder.path)
    if report is not None:
        report(parts.folder.path)
    parts.observer.finished(summary, parts.folder.path)


def _in_unit(head: Head, values: NDArray[Any], answer: Answer) -> NDArray[Any]:
    """Values in the unit scores are given in: the target's own, or standard deviations where targets are several."""
    if head.task is not Task.REGRESSION or head.n_outputs == 1 or answer.target_scale is None:
        return values
    return (values - answer.target_scale.mean) / answer.target_scale.scale
