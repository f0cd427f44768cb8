"""After the refit: baselines on the same splits, the sealed test opened once, and what it says of all of them.

    repeats' splits -> baselines -> scores beside the winner's
    sealed rows -> predictions of the network and of every baseline -> intervals, calibration, errors, slices, facts

Nothing here may be read by a choice: it runs when all of them are made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.aside import done_aside
from ffsearch.search.base.objective import Objective
from ffsearch.search.base.seeds import Purpose, generator
from ffsearch.search.data.features.images import ImageLayout
from ffsearch.search.data.parsing.dates import DateReading
from ffsearch.search.evidence.baseline_models.baselines import Baseline, BaselineName, fit_baseline, narrowed
from ffsearch.search.evidence.calibration import expected_if_calibrated, reliability
from ffsearch.search.evidence.errors_seen import confusion, residuals, row_losses, worst_slices
from ffsearch.search.evidence.facts import AnsweredElsewhere
from ffsearch.search.evidence.intervals import score_intervals
from ffsearch.search.evidence.metrics import metric_values
from ffsearch.search.evidence.pairing import row_scores
from ffsearch.search.evidence.scoring import Setting, truth_of
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.evidence.units import Units, units_of
from ffsearch.search.executors.trainers import Trainers
from ffsearch.search.exporting.checks import HeldOut, write_held_out
from ffsearch.search.folder.log import LineKind
from ffsearch.search.folder.reader import CHECK
from ffsearch.search.folder.results import (
    Errors,
    LayerFacts,
    SealedScores,
)
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.network.heads import Task
from ffsearch.search.network.topology import Balance
from ffsearch.search.observer import Observer, Phase
from ffsearch.search.steps.averaging import weighed_average
from ffsearch.search.steps.budget import ENDING_S, Deadline
from ffsearch.search.steps.columns import columns_that_matter
from ffsearch.search.steps.comparing import (
    NETWORK,
    PROPER,
    asks_proper,
    elsewhere_of,
    facts_of,
    facts_of_validation,
)
from ffsearch.search.steps.cut_asked import Asked, answered_class
from ffsearch.search.steps.cutting import sealed_cuts
from ffsearch.search.steps.effort import LONG_S, baseline_splits, seconds_of_baseline, split_seconds
from ffsearch.search.steps.judged import Judged, ModelScores
from ffsearch.search.steps.layers import layers_of
from ffsearch.search.steps.refitting import Answer, in_unit
from ffsearch.search.steps.row_intervals import held_intervals
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.spaces.schema import EvidenceSpec

if TYPE_CHECKING:
    from ffsearch.search.data.features.problem import Problem
    from ffsearch.search.data.prepare import Prepared, SealedRows
    from ffsearch.search.folder.trial_record import TrialRecord
    from ffsearch.search.steps.weighing import Weighed

__all__ = ["judge", "open_test", "worth_having"]

_ERRORS: Final = 11
"""Key of a generator."""


def judge(
    weighed: Weighed,
    answer: Answer,
    setting: Setting,
    *,
    prepared: Prepared,
    trainers: Trainers,
    wanted: EvidenceSpec,
    asked: Asked | None,
    deadline: Deadline,
    folder: RunFolder,
    observer: Observer,
) -> Judged:
    """Fit the baselines, then open the test rows, which nothing has depended on so far, and compare all predictions.

    The opening is noted in the folder before the rows are read: it counts whatever comes of it.
    """
    baselines, scores, notices = _baselines(
        answer, setting, prepared=prepared, wanted=wanted, deadline=deadline, observer=observer,
        is_balanced=any(one.point.augment_balance is not Balance.NONE for one in weighed.judged),
    )  # fmt: skip
    models = [ModelScores(name=NETWORK, settings={}, repeats=_of_network(weighed)), *scores]
    margin = worth_having(models, setting.objective, share=wanted.margin, searched=weighed.winner.value)
    if not len(prepared.splits.test):
        facts = facts_of_validation(weighed, baselines, setting, margin)
        judged = Judged(models=tuple(models), facts=facts, threshold=weighed.threshold, notices=notices)
        return judged.with_average(answer.averaged)
    sealed = open_test(prepared, folder=folder, observer=observer)
    as_learnt = answer.model.predictions(sealed.features)
    write_held_out(folder.path / CHECK, answer.model, HeldOut(frame=sealed.features, predictions=as_learnt))
    reader = answer.model.reader(lenient=True) if prepared.has_test_file else None
    predictions = as_learnt if reader is None else answer.model.predictions(sealed.features, reader=reader)
    raw: dict[str, NDArray[Any]] = {NETWORK: predictions}
    cells, told = prepared.sealed_cells(answer.rows.preprocessor, sealed)
    for notice in told:
        observer.noted(notice)
    if baselines:
        x = answer.rows.preprocessor.matrix(cells, n_rows=len(sealed.features))
        raw |= {str(baseline.name): baseline.predictions(x) for baseline in baselines}
    units = units_of(prepared.dealt.guide, prepared.splits.test)
    judged = _compared(
        weighed, answer, setting,
        sealed=sealed, rows=prepared.splits.test, raw=raw, models=models, asked=asked,
        columns=_columns(prepared, cells), units=units, margin=margin,
        elsewhere=elsewhere_of(weighed, baselines, setting),
    )  # fmt: skip
    alone = None
    if answer.single is not None:
        reader = answer.single.reader(lenient=True) if prepared.has_test_file else None
        alone = answer.single.predictions(sealed.features, reader=reader)
    averaged = weighed_average(answer, setting, sealed=sealed, mean=raw[NETWORK], alone=alone, units=units)
    threshold = sealed_cuts(
        asked, weighed.threshold, weighed.answered, baselines,
        truth=sealed.y, predictions=raw, units=units, weight=sealed.weight,
    )  # fmt: skip
    judged = replace(
        judged, openings=folder.n_noted(LineKind.TEST_OPENED), threshold=threshold, notices=(*notices, *told),
        row_intervals=held_intervals(
            answer.model.row_intervals, weighed,
            truth=sealed.y, predicted=predictions, units=units, weight=sealed.weight,
        ),
    )  # fmt: skip
    judged = _looked_into(
        judged, answer, setting, baselines,
        winner=weighed.winner, prepared=prepared, trainers=trainers, wanted=wanted, sealed=sealed, cells=cells,
        units=units, deadline=deadline, observer=observer,
    )  # fmt: skip
    return judged.with_average(averaged)


def _looked_into(
    judged: Judged,
    answer: Answer,
    setting: Setting,
    baselines: Sequence[Baseline],
    *,
    winner: TrialRecord,
    prepared: Prepared,
    trainers: Trainers,
    wanted: EvidenceSpec,
    sealed: SealedRows,
    cells: Mapping[str, NDArray[Any]],
    units: Units,
    deadline: Deadline,
    observer: Observer,
) -> Judged:
    """The same with what the columns carry, and what the layers do, as far as that was asked."""
    columns, layers, shallow_twin = None, tuple[LayerFacts, ...](), None
    if wanted.columns and not isinstance(prepared.layout, ImageLayout):
        observer.phase(Phase.COLUMNS)
        columns = columns_that_matter(
            answer, setting, baselines, cells=cells, y=sealed.y, units=units, weight=sealed.weight
        )
    if wanted.layers:
        observer.phase(Phase.LAYERS)
        layers, shallow_twin = layers_of(
            answer, setting, winner.point,
            prepared=prepared, trainers=trainers, cells=cells, y=sealed.y, units=units, weight=sealed.weight,
            has_time=not deadline.over(ENDING_S + winner.train_s),
        )  # fmt: skip
    return replace(judged, columns=columns, layers=layers, shallow_twin=shallow_twin)


def open_test(prepared: Prepared, *, folder: RunFolder, observer: Observer) -> SealedRows:
    """Open the test rows, which nothing has depended on so far; the opening counts whatever comes of it."""
    observer.phase(Phase.TEST)
    folder.note(LineKind.TEST_OPENED)
    sealed = prepared.test_rows()
    for notice in sealed.notices:
        observer.noted(notice)
    return sealed


# --- baselines -------------------------------------------------------------------------------------------------------


def _baselines(
    answer: Answer,
    setting: Setting,
    *,
    prepared: Prepared,
    wanted: EvidenceSpec,
    deadline: Deadline,
    observer: Observer,
    is_balanced: bool,
) -> tuple[list[Baseline], list[ModelScores], tuple[Finding, ...]]:
    """The baselines asked for, and the dummy, which costs nothing and beside which all others are seen.

    Returns:
        The models, what they scored, and what the budget left no time for.
    """
    if not wanted.baselines:
        return [], [], ()
    observer.phase(Phase.BASELINES)
    numbers = range(1, baseline_splits(setting.problem, wanted.repeats) + 1)
    problem = _as_learnt_from(prepared, numbers, seed=setting.seed)
    made, left_out = [], []
    for name in (name for name in BaselineName if name is BaselineName.DUMMY or str(name) in wanted.baselines):
        needed_s = 2 * split_seconds(setting.problem, name)  # a split, then all development rows
        is_over = partial(deadline.over, ENDING_S + needed_s)
        if name is not BaselineName.DUMMY and is_over():
            left_out.append(found(Code.BASELINE_LEFT_OUT, model=str(name)))
            continue
        long_s = seconds_of_baseline(setting.problem, name, wanted.repeats)
        if long_s >= LONG_S:
            told = {"columns": setting.problem.n_features, "n": round(long_s / 60)}
            observer.noted(found(Code.STEP_LONG, "baseline", model=str(name), **told))
        fit = partial(
            fit_baseline, name, problem, answer.rows,
            seed=setting.seed, metric=setting.objective.name, is_balanced=is_balanced, is_over=is_over,
        )  # fmt: skip
        made += done_aside([fit])
    for note in (*(note for baseline in made for note in baseline.notes), *left_out):
        observer.noted(note)
    return made, [_of_baseline(baseline, problem, numbers) for baseline in made], tuple(left_out)


def _as_learnt_from(prepared: Prepared, numbers: Sequence[int], *, seed: int) -> Problem:
    """The splits of repeats, with rows as baselines learn from them: of a large table one matrix is whole at a time."""
    each = [narrowed(prepared.repeats([number]), seed=seed, key=number) for number in numbers]
    return replace(each[0], splits=tuple(one.splits[0] for one in each))


def worth_having(models: Sequence[ModelScores], objective: Objective, *, share: float, searched: float | None) -> float:
    """The smallest difference worth having: a share of what the best model gains over the dummy on validation rows.

    Args:
        models: The network first, with their scores on the repeats' validation rows.
        objective: What is compared.
        share: Of that gain.
        searched: The network's score in the search, where it has no repeats.
    """
    losses = {
        one.name: objective.sign * float(np.mean([metrics[objective.name] for metrics in one.repeats.values()]))
        for one in models
        if one.repeats
    }
    if searched is not None:
        losses.setdefault(NETWORK, objective.sign * searched)
    nothing = losses.get(BaselineName.DUMMY, math.inf)
    gains = [nothing - loss for loss in losses.values() if math.isfinite(nothing - loss)]
    return share * max([0.0, *gains])


def _of_network(weighed: Weighed) -> dict[int, dict[str, float]]:
    found = weighed.finalists
    if found is None:
        return {}
    return {repeat: dict(found.records[weighed.winner.trial, repeat].metrics) for repeat in found.repeats}


def _of_baseline(baseline: Baseline, problem: Problem, numbers: Sequence[int]) -> ModelScores:
    """A baseline's metrics on the validation rows of the repeats whose splits it learnt from."""
    head = problem.head
    repeats = {
        number: metric_values(
            head.task, truth_of(head, split.y_valid, scale=split.target_scale), predictions, split.valid_weight
        )
        for number, split, predictions in zip(numbers, problem.splits, baseline.valid, strict=False)
    }
    return ModelScores(
        name=str(baseline.name), settings=baseline.settings, repeats=repeats, notes=baseline.notes,
        fixed=baseline.fixed, n_tried=baseline.n_tried,
    )  # fmt: skip


# --- the sealed test -------------------------------------------------------------------------------------------------


def _compared(
    weighed: Weighed,
    answer: Answer,
    setting: Setting,
    *,
    sealed: SealedRows,
    rows: NDArray[np.int64],
    raw: Mapping[str, NDArray[Any]],
    models: Sequence[ModelScores],
    asked: Asked | None,
    columns: Mapping[str, NDArray[Any]],
    units: Units,
    margin: float,
    elsewhere: AnsweredElsewhere | None,
) -> Judged:
    """All predictions for the same rows."""
    head, objective = setting.head, setting.objective
    truth, weight = in_unit(head, sealed.y, answer), sealed.weight
    predictions = {name: in_unit(head, of_model, answer) for name, of_model in raw.items()}
    terms = {
        name: row_terms(head.task, objective.name, truth=truth, predictions=of_model, weight=weight)
        for name, of_model in predictions.items()
    }
    proper = {
        name: row_terms(head.task, PROPER, truth=truth, predictions=of_model, weight=weight)
        for name, of_model in (predictions.items() if asks_proper(setting) else ())
    }
    values = {name: metric_values(head.task, truth, of_model, weight) for name, of_model in predictions.items()}
    intervals = score_intervals(
        objective.name, truth=truth, terms=np.stack(list(terms.values())), units=units,
        elsewhere=elsewhere.of(terms, by=objective, objective=objective) if elsewhere else None, weight=weight,
    )  # fmt: skip
    tests = {
        name: SealedScores(value=values[name][objective.name], low=low, high=high, metrics=values[name])
        for name, (low, high) in zip(terms, intervals, strict=True)
    }
    is_class = head.task is not Task.REGRESSION
    rng = generator(setting.seed, Purpose.EVIDENCE, _ERRORS)
    network = predictions[NETWORK]
    found = (
        ()
        if is_class
        else tuple(
            residuals(name, sealed.y[:, place], raw[NETWORK][:, place], rng=rng)
            for place, name in enumerate(head.target_names)
        )
    )
    return Judged(
        models=tuple(replace(one, test=tests[one.name]) for one in models),
        facts=facts_of(weighed, setting, truth, terms, units, margin, proper=proper, elsewhere=elsewhere, weight=weight)
        if "dummy" in terms
        else None,
        bins=reliability(truth, network, units=units, weight=weight) if is_class else (),
        if_calibrated=expected_if_calibrated(network, rng=rng, weight=weight) if is_class else None,
        errors=Errors(
            labels=head.labels,
            confusion=_confusion(truth, answered_class(asked, weighed.threshold, network), len(head.labels)),
        )
        if is_class
        else Errors(residuals=tuple(one.summed for one in found)),
        residuals=found,
        slices=worst_slices(row_losses(head.task, truth, network), columns, units=units),
        sealed=row_scores(rows=rows, truth=truth, terms=terms[NETWORK], units=units, weight=weight),
    )


def _confusion(truth: NDArray[np.int64], answered: NDArray[np.intp], n_classes: int) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, confusion(truth, answered, n_classes=n_classes).tolist()))


def _columns(prepared: Prepared, cells: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The columns slices go by, read as the network reads them, dates as moments; none of an image."""
    if isinstance(prepared.layout, ImageLayout):
        return {}
    dates = {one.name: one.reading for one in prepared.layout.numbers if isinstance(one.reading, DateReading)}
    offsets = {one.name: getattr(one.reading, "offset", 0.0) for one in prepared.layout.numbers}
    whole = {name: cells[name].astype(np.float64) + offset for name, offset in offsets.items() if offset}
    return {**cells, **whole, **{name: reading.moments(cells[name]) for name, reading in dates.items()}}
