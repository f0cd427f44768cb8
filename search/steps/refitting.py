"""Refit the winner on all development rows and package it, so that one file takes raw rows.

winner, i* -> refit -> model.keras
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from ffsearch.search.base.files import make_folder
from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.evidence.scoring import Setting
from ffsearch.search.executors.trainers import Trainers
from ffsearch.search.folder.log import LineKind
from ffsearch.search.folder.reader import MODEL
from ffsearch.search.folder.summary import RefitFacts
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.network.heads import Head, Task
from ffsearch.search.network.topology import Numbers
from ffsearch.search.observer import Observer, Phase

if TYPE_CHECKING:
    from ffsearch.search.data.prepare import Prepared, Refit
    from ffsearch.search.serving.packaging import PackagedModel
    from ffsearch.search.training.refit import Hold, Steps

N_CHECKED: Final = 1000
"""Rows whose answers by the saved file are held against those of the network. Choice: takes a second."""

__all__ = ["Answer", "in_unit", "refit_winner"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The winner, refitted and packaged.

    Args:
        model: The packaged model, read back from the run folder.
        facts: How long it was trained, on how many rows.
        rows: The rows it learnt from, as baselines read them.
    """

    model: PackagedModel
    facts: RefitFacts
    rows: Refit


def refit_winner(
    winner: TrialRecord,
    steps: Steps,
    setting: Setting,
    *,
    prepared: Prepared,
    trainers: Trainers,
    hold: Hold,
    folder: RunFolder,
    observer: Observer,
) -> Answer:
    """Train the winner afresh on all development rows for i* steps, and put it into one file that takes raw rows.

    Args:
        winner: The trial whose point is trained.
        steps: i*.
        setting: What is predicted, and the run's seed.
        prepared: The table.
        trainers: How the search trained.
        hold: What the refit repeats of i*.
        folder: Where the file goes.
        observer: Told of the phase.

    Source: algorithm 7.2 of Goodfellow, Bengio, Courville (2016).

    Raises:
        TrainingError: If the refit diverged.
        ExportError: If the file does not answer as the network did.
    """
    from ffsearch.search.serving.packaging import save_model
    from ffsearch.search.training.balance import rows_per_epoch
    from ffsearch.search.training.refit import refit

    observer.phase(Phase.REFIT)
    batch_size = trainers.stopping.batch_size
    way = winner.point.numbers
    rows = prepared.fit_all(way)
    n_rows = rows_per_epoch(rows.y, winner.point.augment_balance)
    n_updates = steps.n_updates(hold, n_rows=n_rows, batch_size=batch_size)
    columns = setting.problem.seen_by(winner.point).matrix_columns
    refitted = refit(
        winner.point, head=setting.head, x=rows.x, y=rows.y, columns=columns,
        n_updates=n_updates, batch_size=batch_size, seed=child(setting.seed, Purpose.REFIT),
        optimizer=trainers.optimizer, momentum=trainers.momentum, trainer=trainers.kind,
        averaged=trainers.stopping.averaged,
    )  # fmt: skip
    path = folder.path / MODEL
    make_folder(path.parent)
    model = save_model(
        path,
        point=winner.point,
        weights=refitted.weights,
        head=setting.head,
        preprocessor=rows.preprocessor,
        target_scale=rows.target_scale,
        sample=prepared.table.features.take(prepared.development_rows[:N_CHECKED]),
    )
    facts = RefitFacts(updates=refitted.n_updates, epochs=round(refitted.n_epochs, 2), n_rows=len(rows.x))
    folder.note(LineKind.REFITTED, trial=winner.trial, updates=facts.updates, epochs=facts.epochs)
    return Answer(model=model, facts=facts, rows=rows if way is Numbers.ROBUST else prepared.fit_all())


def in_unit(head: Head, values: NDArray[Any], answer: Answer) -> NDArray[Any]:
    """Values in the unit scores are given in: the target's own, or standard deviations where targets are several."""
    scale = answer.rows.target_scale
    if head.task is not Task.REGRESSION or head.n_outputs == 1 or scale is None:
        return values
    return (values - scale.mean) / scale.scale
