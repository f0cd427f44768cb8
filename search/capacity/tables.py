"""What is kept of a study: a row a training in capacity.parquet, and every step and finding for summary.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.capacity.contrasts import POWER, Contrast, Scores, contrast
from ffsearch.search.capacity.findings import study_verdict
from ffsearch.search.capacity.longer import half_score, longer_results
from ffsearch.search.capacity.plan import StudyCell
from ffsearch.search.capacity.rates import MAX_MORE
from ffsearch.search.capacity.rows import ShareRows
from ffsearch.search.capacity.verdict import Comparison, StudyFindings
from ffsearch.search.capacity.widths import TOLERANCE
from ffsearch.search.evidence.terms import everyday_metric
from ffsearch.search.folder.results import Estimate
from ffsearch.search.folder.study_results import (
    BudgetDisagreement,
    CapacityResults,
    CellResults,
    DepthGain,
    DepthScore,
    GainEstimate,
    LineGain,
    LossBeyondBest,
    NaiveScores,
    Protocol,
    ShareSummary,
    StudyLine,
)
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.folder.verdict import Verdict
from ffsearch.search.network.heads import Task
from ffsearch.search.network.topology import layer_sizes

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.base.objective import Objective
    from ffsearch.search.capacity.predictions import Answered
    from ffsearch.search.capacity.setup import Study

__all__ = ["ShareResults", "capacity_frame", "capacity_results", "verdict_of"]


@dataclass(frozen=True, kw_only=True)
class ShareResults:
    """What the networks of one share of the training rows came to.

    Args:
        rows: The share.
        first: Number of its first cell among those of the plan.
        cells: Its cells.
        answered: What they answered.
        scores: How good that was.
        everyday: How good by the score of the book's figures.
        findings: What it shows.
    """

    rows: ShareRows
    first: int
    cells: Sequence[StudyCell]
    answered: Answered
    scores: Scores
    everyday: Scores
    findings: StudyFindings


def capacity_frame(study: Study, records: Sequence[TrialRecord], answered: Answered) -> pd.DataFrame:
    """A row a training: which it is, how it ended, what it scored; test and training scores of tuned rates alone."""
    import pandas as pd

    rows = []
    for record in sorted(records, key=lambda record: record.trial):
        training = study.plan.training(record.trial)
        cell = study.plan.cells[training.cell]
        is_chosen = answered.places[training.cell] == training.place and not training.is_longer
        at = (training.cell, training.seed)
        rows.append(
            {
                "trial": record.trial,
                "depth": cell.depth,
                "widened": str(cell.widened),
                "budget": cell.budget,
                "train_size": study.plan.shares[cell.size],
                "n_params": cell.n_params,
                "widths": "-".join(map(str, layer_sizes(cell.point))),
                "channels": "-".join(map(str, _channels(cell))),
                "learning_rate": record.point.learning_rate,
                "seed": training.seed,
                "is_longer": training.is_longer,
                "ended": str(record.ended),
                "best_epoch": record.best_epoch,
                "n_updates": record.n_updates,
                "valid": np.nan if record.value is None else record.value,
                "is_chosen": is_chosen,
                "test": answered.test[at] if is_chosen else np.nan,
                "train": answered.train[at] if is_chosen else np.nan,
                "train_s": record.train_s,
            }
        )
    return pd.DataFrame(rows)


def capacity_results(
    study: Study, records: Sequence[TrialRecord], found: Sequence[ShareResults], *, openings: int
) -> CapacityResults:
    """What a study found. It speaks of the largest share of the training rows, but for `train_sizes`.

    Args:
        study: What is compared.
        records: All networks that were trained.
        found: What networks of every share came to, shares in ascending order.
        openings: How often the test rows were opened.
    """
    main = found[-1]
    findings = main.findings
    cells = _cells(study, records, main)
    return CapacityResults(
        protocol=_protocol(study, findings),
        missing=study.plan.missing,
        naive=NaiveScores(valid=study.naive, train=float(main.answered.naive_train[0])),
        cells=cells,
        means=tuple(_comparison(one, findings) for one in findings.means),
        singles=tuple(_comparison(one, findings) for one in findings.singles),
        slope=None if findings.slope is None else _gain(findings.slope),
        growth=None if findings.growth is None else _gain(findings.growth),
        growth_by_depth=tuple(
            LineGain(**_named(line), **vars(_gain(gain))) for line, gain in findings.growth_by_line.items()
        ),
        overfits=tuple(
            LossBeyondBest(
                **_named(line), beyond=best.budget, is_shown=best.is_shown, p_holm=best.p_holm, **vars(_gain(best.gain))
            )
            for line, best in findings.beyond_best.items()
            if best is not None
        ),
        crossings=tuple(_comparison(one, findings) for one in findings.crossings),
        detectable=findings.detectable,
        seeds_needed=findings.seeds_needed,
        disagreement=_disagreement(study, main),
        train_sizes=tuple(_size(study, records, one) for one in found),
        openings=openings,
        longer=longer_results(study, records, margin=findings.margin),
        everyday=everyday_metric(study.problem.head.task),
        by_depth=_by_depth(study.objective, cells, main.everyday),
    )


def verdict_of(study: Study, main: ShareResults, results: CapacityResults) -> Verdict:
    """The verdict, which is that of the largest share of the training rows."""
    return study_verdict(
        main.findings,
        metric=study.objective.name,
        train_gains=_train_gains(study, main),
        n_at_edge=sum(cell.rate_at_edge for cell in results.cells),
        n_cells=len(main.cells),
        longer=results.longer,
    )


def _size(study: Study, records: Sequence[TrialRecord], part: ShareResults) -> ShareSummary:
    """What one share of the training rows shows."""
    return ShareSummary(
        share=part.rows.share,
        n_train=part.rows.n_train,
        code=str(part.findings.code),
        cells=_cells(study, records, part),
        means=tuple(_comparison(one, part.findings) for one in part.findings.means),
    )


def _protocol(study: Study, findings: StudyFindings) -> Protocol:
    """Every step, as it was done."""
    spec, stopping, rates = study.inputs.space.capacity, study.stopping, study.plan.rates
    split = study.problem.splits[0]
    n_passes = stopping.max_epochs * stopping.evaluate_every
    return Protocol(
        preset=study.inputs.space.preset,
        depths=tuple(spec.depths or ()),
        budgets=tuple(study.plan.budgets),
        widths=None if spec.widths is None else tuple(spec.widths),
        train_sizes=tuple(study.plan.shares),
        tolerance=TOLERANCE,
        seeds=study.plan.n_seeds,
        paired="weights, row order, training and validation rows",
        learning_rates=tuple(rates.rate(place) for place in rates.places),
        rates_by_depth=study.plan.by_depth or None,
        more_rates_beyond_an_end=MAX_MORE,
        rate_chosen_by="mean validation score over seeds",
        passes=n_passes,
        updates=n_passes * max(1, len(split.x_train) // stopping.batch_size),
        batch_size=stopping.batch_size,
        evaluate_every=stopping.evaluate_every,
        schedule="constant",
        weights_kept="best validation loss",
        optimizer=spec.optimizer,
        activation=spec.activation,
        batch_norm=spec.batch_norm,
        residual=spec.residual,
        convolutions=None if spec.convolutions is None else spec.convolutions.model_dump(),
        dropout=spec.dropout,
        l2=spec.l2,
        scored_on="test rows, opened once",
        margin=findings.margin,
        margin_share=spec.margin,
        power=POWER,
    )


def _cells(study: Study, records: Sequence[TrialRecord], part: ShareResults) -> tuple[CellResults, ...]:
    answered, losses = part.answered, study.losses(records)
    halves = {study.plan.training(record.trial): half_score(study, record) for record in records}
    sign = -study.objective.sign
    ends = (0.0, np.inf) if study.objective.is_lower_better else (-np.inf, 1.0)  # of every loss, and every share
    found = []
    for number, cell in enumerate(part.cells):
        by_place = study.plan.scores_of(part.first + number, losses)
        place = answered.places[number]
        known = [-sign * value for value in by_place[place] if value is not None]
        seeds = study.plan.of([part.first + number], place)
        at_half = [score for score in map(halves.__getitem__, seeds) if score is not None]
        alone = np.eye(len(part.cells))[number]
        low, high = np.clip(sorted(sign * end for end in contrast(part.scores, alone).interval()), *ends).tolist()
        everyday = contrast(part.everyday, alone)
        found.append(
            CellResults(
                **_named(cell.line),
                budget=cell.budget,
                n_params=cell.n_params,
                widths=layer_sizes(cell.point),
                channels=_channels(cell),
                learning_rate=study.plan.rate_of(cell, place),
                rate_at_edge=study.plan.rates.at_edge(by_place),
                n_rates=len(by_place),
                valid=float(np.mean(known)) if known else None,
                test=Estimate(value=float(answered.test[number].mean()), low=low, high=high),
                test_sd=float(answered.test[number].std(ddof=1)),
                train=float(answered.train[number].mean()),
                train_worst=float(sign * (sign * answered.train[number]).min()),
                n_diverged=int(answered.diverged[number].sum()),
                n_untrained=_n_untrained(answered, number, sign=sign),
                valid_at_half=float(np.mean(at_half)) if len(at_half) == study.plan.n_seeds else None,
                everyday=_estimate(everyday.value, *everyday.interval()),
                everyday_train=float(answered.everyday_train[number].mean()),
            )
        )
    return tuple(found)


def _estimate(value: float, low: float, high: float) -> Estimate:
    """A share, of which nothing is above the whole."""
    return Estimate(value=value, low=low, high=min(high, 1.0))


def _by_depth(objective: Objective, cells: Sequence[CellResults], scores: Scores) -> tuple[DepthScore, ...]:
    """Every depth at the size with its best validation score, beside the shallowest.

    Args:
        objective: What validation scores are of.
        cells: All cells.
        scores: Theirs, by the score of the book's figures.
    """
    chosen: dict[int, int] = {}
    for number, cell in enumerate(cells):
        if cell.widened == "units" or cell.valid is None:
            continue
        other = chosen.get(cell.depth)
        best = None if other is None else cells[other].valid
        if best is None or objective.sign * cell.valid < objective.sign * best:
            chosen[cell.depth] = number
    found = []
    each = np.eye(len(cells))
    for depth, number in sorted(chosen.items()):
        cell = cells[number]
        beside = contrast(scores, each[number] - each[chosen[min(chosen)]])
        value = float(scores.values[number].mean())
        low, high = (value + end - beside.value for end in beside.interval())
        found.append(
            DepthScore(
                value=value, low=low, high=high, depth=depth, widened=cell.widened, budget=cell.budget,
                n_params=cell.n_params,
            )
        )  # fmt: skip
    return tuple(found)


def _channels(cell: StudyCell) -> tuple[int, ...]:
    """Of every convolutional layer; empty of dense networks."""
    front = cell.point.convolutions
    return () if front is None else front.channels


def _n_untrained(answered: Answered, cell: int, *, sign: int) -> int:
    """Seeds that gained less than half of what the best network of the study gained on training rows."""
    gains = sign * (answered.train - answered.naive_train[:, None])
    return int((gains[cell] < gains.max() / 2).sum())


def _train_gains(study: Study, part: ShareResults) -> dict[int, float]:
    """How much better every depth scores on training rows than the shallowest, mean over the budgets both have."""
    sign = -study.objective.sign
    score = {(cell.line, cell.budget): sign * part.answered.train[n].mean() for n, cell in enumerate(part.cells)}
    shallowest = min(line for line, _ in score)
    gains: dict[int, list[float]] = {}
    for (line, budget), value in score.items():
        if line.depth > shallowest.depth and (shallowest, budget) in score:
            gains.setdefault(line.depth, []).append(value - score[shallowest, budget])
    return {depth: float(np.mean(values)) for depth, values in gains.items()}


def _named(line: StudyLine) -> dict[str, Any]:
    """A line by its depth and by what grows in it."""
    return {"depth": line.depth, "widened": str(line.widened)}


def _comparison(one: Comparison, findings: StudyFindings) -> DepthGain:
    return DepthGain(
        depth=one.depth,
        reference=one.reference,
        widened=str(one.wide.widened),
        budget=one.budget,
        **vars(_gain(one.gain)),
        p_holm=one.p_holm,
        is_shown=one.is_shown,
        is_equivalent=one.gain.is_within(findings.margin),
        seeds_needed=one.gain.seeds_to_detect(findings.margin, len(findings.means)),
    )


def _gain(found: Contrast) -> GainEstimate:
    low, high = found.interval()
    return GainEstimate(
        value=found.value, low=low, high=high, p=found.p_value, error=found.error, detectable=found.detectable()
    )


def _disagreement(study: Study, part: ShareResults) -> tuple[BudgetDisagreement, ...]:
    """How differently the shallowest and the deepest network of a budget answer, beside two seeds of one cell.

    For classes the share of test rows with another answer, and of those who is right; for numbers the root mean square
    difference. Source of the idea: Nguyen, Raghu and Kornblith 2021, arXiv 2010.15327.
    """
    found = []
    answered, cells = part.answered, part.cells
    for budget in study.plan.budgets:
        places = [number for number, cell in enumerate(cells) if cell.budget == budget]
        if len(places) < 2:
            continue
        wide, deep = answered.predictions[places[0]], answered.predictions[places[-1]]
        found.append(
            BudgetDisagreement(
                budget=budget,
                wide=cells[places[0]].depth,
                deep=cells[places[-1]].depth,
                between=float(np.mean([_distance(study, *pair) for pair in zip(wide, deep, strict=True)])),
                wide_seeds=_between_seeds(study, wide),
                deep_seeds=_between_seeds(study, deep),
                **_who_is_right(study, wide, deep, answered.truth),
            )
        )
    return tuple(found)


def _between_seeds(study: Study, predictions: NDArray[np.float32]) -> float:
    return float(np.mean([_distance(study, *pair) for pair in combinations(predictions, 2)]))


def _distance(study: Study, one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    if study.problem.head.task is Task.REGRESSION:
        return float(np.sqrt(np.mean(np.square(one - other))))
    return float(np.mean(one.argmax(axis=1) != other.argmax(axis=1)))


def _who_is_right(
    study: Study, wide: NDArray[np.float32], deep: NDArray[np.float32], truth: NDArray[Any]
) -> dict[str, float]:
    """Shares of test rows, mean over seeds; nothing for numbers, of which none is simply right."""
    if study.problem.head.task is Task.REGRESSION:
        return {}
    wide_right, deep_right = (predictions.argmax(axis=2) == truth for predictions in (wide, deep))
    return {
        "both_right": float(np.mean(wide_right & deep_right)),
        "wide_alone": float(np.mean(wide_right & ~deep_right)),
        "deep_alone": float(np.mean(~wide_right & deep_right)),
        "neither": float(np.mean(~wide_right & ~deep_right)),
    }
