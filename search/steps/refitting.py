"""Refit the winner on all development rows and package it, so that one file takes raw rows.

winner, i* -> refit, or several refits whose predictions are averaged -> model.keras
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.files import make_folder
from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.data.prepare import N_SHOWN
from ffsearch.search.evidence.scoring import Setting
from ffsearch.search.executors.trainers import Trainers
from ffsearch.search.folder.cut_results import Threshold
from ffsearch.search.folder.log import LineKind
from ffsearch.search.folder.reader import MODEL
from ffsearch.search.folder.results import Averaged
from ffsearch.search.folder.summary import RefitFacts
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.network.heads import Head, Task
from ffsearch.search.network.row_intervals import RowIntervals
from ffsearch.search.network.topology import Numbers
from ffsearch.search.observer import Observer, Phase
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import found

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from ffsearch.search.data.prepare import Prepared, Refit
    from ffsearch.search.serving.packaged import PackagedModel
    from ffsearch.search.training.refit import Hold, Steps

N_CHECKED: Final = 1000
"""Rows whose predictions by the saved file are held against those of the network. Choice: takes a second."""

N_TIMED: Final = N_SHOWN
"""Rows answered to see how fast a model is. Choice: as many as are answered at once."""

SAVED_A_MINUTE: Final = 3_000
"""Columns that a model is saved with, and read back, in a minute. Source: our measurement, docs/decisions.md."""

MANY_INPUTS: Final = 2 * SAVED_A_MINUTE
"""Columns from which on it is said that this takes minutes."""

N_AVERAGED: Final = 5
"""Refits whose mean is the answer of `model: average`.

choice: as many as repeats. Of what many networks gain over one, the mean of n has all but an nth.
"""

__all__ = ["Answer", "in_unit", "n_networks_of", "refit_winner"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The winner, refitted and packaged.

    Args:
        model: The packaged model, read back from the run folder.
        facts: How long it was trained, on how many rows.
        rows: The rows it learnt from, as baselines read them.
        single: Where predictions are averaged, the first of the networks alone: what `model: single` would have saved.
            It is in no file.
        averaged: What the mean costs; None where one network answers.
    """

    model: PackagedModel
    facts: RefitFacts
    rows: Refit
    single: PackagedModel | None = None
    averaged: Averaged | None = None


def n_networks_of(model: str) -> int:
    """How many networks answer in a model, `single` or `average`."""
    return N_AVERAGED if model == "average" else 1


def refit_winner(
    winner: TrialRecord,
    steps: Steps,
    setting: Setting,
    *,
    prepared: Prepared,
    trainers: Trainers,
    hold: Hold,
    n_networks: int = 1,
    temperature: float | None = None,
    row_intervals: RowIntervals | None = None,
    threshold: Threshold | None = None,
    folder: RunFolder,
    observer: Observer,
) -> Answer:
    """Train the winner afresh on all development rows for i* steps, and put it into one file that takes raw rows.

    Several networks differ by their seeds alone, and the first is the one that would be trained by itself. They are
    refits rather than the winner's repeats, which are trained already: those have a fifth less rows each, and their
    mean, measured, is worse (docs/decisions.md); it would also need each one's own statistics of the columns, and the
    weights of every finalist's repeats to be kept, for nobody knows the winner before they are done.

    Args:
        winner: The trial whose point is trained.
        steps: i*.
        setting: What is predicted, and the run's seed.
        prepared: The table.
        trainers: How the search trained.
        hold: What the refit repeats of i*.
        n_networks: How many are trained, to answer with their mean.
        temperature: What logits of classes are divided by; None: nothing.
        row_intervals: How far the answer to one row may be off; None: nobody knows.
        threshold: Where the probability of one of two classes is cut, if the model is to know.
        folder: Where the file goes.
        observer: Told of the phase.

    Source: algorithm 7.2 of Goodfellow, Bengio, Courville (2016).

    Raises:
        TrainingError: If the refit diverged.
        ExportError: If the file does not answer as the network did.
    """
    from ffsearch.search.serving.packaging import save_model
    from ffsearch.search.training.balance import rows_per_epoch
    from ffsearch.search.training.refit import refits

    observer.phase(Phase.REFIT)
    batch_size = trainers.stopping.batch_size
    way = winner.point.numbers
    rows = prepared.fit_all(way)
    n_rows = rows_per_epoch(rows.y, winner.point.augment_balance)
    n_updates = steps.n_updates(hold, n_rows=n_rows, batch_size=batch_size)
    columns = setting.problem.seen_by(winner.point).matrix_columns
    refitted = refits(
        winner.point, head=setting.head, x=rows.x, y=rows.y, weight=rows.weight, columns=columns,
        n_updates=n_updates, batch_size=batch_size, seeds=_seeds(setting.seed, n_networks),
        optimizer=trainers.optimizer, momentum=trainers.momentum, trainer=trainers.kind,
        averaged=trainers.stopping.averaged,
    )  # fmt: skip
    path = folder.path / MODEL
    make_folder(path.parent)
    _warn_of_many(len(prepared.raw), observer)
    model = save_model(
        path,
        point=winner.point,
        networks=[one.weights for one in refitted],
        head=setting.head,
        preprocessor=rows.preprocessor,
        target_scale=rows.target_scale,
        sample=prepared.cells_of(prepared.development_rows[:N_CHECKED]),
        temperature=temperature,
        row_intervals=row_intervals,
        cut=_cut(threshold),
    )
    facts = RefitFacts(updates=n_updates, epochs=round(refitted[0].n_epochs, 2), n_rows=len(rows.x))
    folder.note(LineKind.REFITTED, trial=winner.trial, updates=facts.updates, epochs=facts.epochs)
    baselines_read = rows if way is Numbers.ROBUST else prepared.fit_all()
    answer = Answer(model=model, facts=facts, rows=baselines_read)
    return answer if n_networks == 1 else _beside_single(answer, winner, n_networks, prepared=prepared, path=path)


def _cut(threshold: Threshold | None) -> dict[str, Any] | None:
    """What the saved model knows of a threshold."""
    if threshold is None or not threshold.in_model:
        return None
    return {"positive": threshold.positive, "value": threshold.value, "by": threshold.wanted}


def _warn_of_many(n_columns: int, observer: Observer) -> None:
    """That a model of so many columns takes minutes to save, before it does."""
    if n_columns >= MANY_INPUTS:
        observer.noted(found(Code.STEP_LONG, "model", columns=n_columns, n=round(n_columns / SAVED_A_MINUTE)))


def _beside_single(answer: Answer, winner: TrialRecord, n_networks: int, *, prepared: Prepared, path: Path) -> Answer:
    """The mean of several networks beside the first of them alone: what it costs in size and time."""
    from ffsearch.search.serving.packaged import only_first

    single = only_first(answer.model)
    timed = prepared.cells_of(np.resize(prepared.development_rows[:N_TIMED], N_TIMED))
    averaged = Averaged(
        n_networks=n_networks,
        n_params=n_networks * winner.n_params,
        n_bytes=path.stat().st_size,
        rows_per_s=_rows_per_s(answer.model, timed),
        rows_per_s_single=_rows_per_s(single, timed),
    )
    return replace(answer, single=single, averaged=averaged)


def _rows_per_s(model: PackagedModel, rows: pd.DataFrame) -> float:
    """Raw rows answered in a second, to two digits: more of it is noise."""
    model.predictions(rows[:1])  # traces it
    began = time.perf_counter()
    model.predictions(rows)
    return float(f"{len(rows) / (time.perf_counter() - began):.1e}")


def _seeds(seed: int, n_networks: int) -> list[np.random.SeedSequence]:
    """Of every refit; the first one's is that of a refit by itself."""
    return [child(seed, Purpose.REFIT, *([place] if place else [])) for place in range(n_networks)]


def in_unit(head: Head, values: NDArray[Any], answer: Answer) -> NDArray[Any]:
    """Values in the unit scores are given in: the target's own, or standard deviations where targets are several."""
    scale = answer.rows.target_scale
    if head.task is not Task.REGRESSION or head.n_outputs == 1 or scale is None:
        return values
    return (values - scale.mean) / scale.scale
