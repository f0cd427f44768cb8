"""What a run leaves when it ends: the summary with all its evidence, tables, the model's card, the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.helps import what_would_help
from ffsearch.search.evidence.verdict import verdict
from ffsearch.search.folder.reader import BASELINES, FINALISTS, PARTNERS, RESIDUALS, SEALED
from ffsearch.search.folder.results import Calibration, Evidence, RepeatCounts
from ffsearch.search.folder.summary import RunFacts, Summary, build_summary
from ffsearch.search.folder.trial_record import repeats_frame
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.observer import Observer, Phase
from ffsearch.search.serving.card import write_card
from ffsearch.spaces.schema import EvidenceSpec, SearchSpace

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.steps.judged import Judged, ModelScores
    from ffsearch.search.steps.refitting import Answer
    from ffsearch.search.steps.weighing import Weighed

__all__ = ["evidence_settings", "is_weighed_so", "save_answer"]


def save_answer(
    weighed: Weighed,
    answer: Answer,
    judged: Judged,
    *,
    facts: RunFacts,
    space: SearchSpace,
    wall_s: float,
    folder: RunFolder,
    observer: Observer,
    report: Callable[[Path], object] | None,
    lang: str,
) -> None:
    """Write tables and summary, mark the run as finished, and write its card and report."""
    observer.phase(Phase.SAVE)
    summary = build_summary(
        facts,
        folder.records,
        wall_s=wall_s,
        refit=answer.facts,
        test=judged.test,
        winner=weighed.winner,
    )
    summary = replace(
        summary,
        evidence=_evidence(summary.evidence, evidence_settings(space), weighed, judged),
        average=judged.averaged,
        baselines=judged.compared(facts.objective.name),
        verdict=None if judged.facts is None else verdict(judged.facts),
        effects=weighed.effects,
        importance=weighed.importances,
        calibration=Calibration(
            bins=judged.bins, temperature=weighed.temperature, error_if_calibrated=judged.if_calibrated
        )
        if judged.bins
        else None,
        columns=judged.columns,
        layers=judged.layers,
        shallow_twin=judged.shallow_twin,
        row_intervals=judged.row_intervals,
        errors=judged.errors,
        slices=judged.slices,
        threshold=judged.threshold,
    )
    may_have_bins = bool(space.data.number_bins) or space.space.numbers is not None
    summary = replace(summary, helps=what_would_help(summary, may_have_bins=may_have_bins, dropped=space.data.drop))
    frames = _frames(weighed, judged, objective=facts.objective)
    for name in (FINALISTS, PARTNERS, BASELINES, RESIDUALS, SEALED):
        folder.write_table(name, frames.get(name))
    folder.finish(summary)
    write_card(folder.path, lang=lang)
    if report is not None:
        observer.phase(Phase.REPORT)
        report(folder.path)
    observer.finished(summary, folder.path)


def evidence_settings(space: SearchSpace) -> dict[str, Any]:
    """What evidence is wanted, and what of the data section it rests on, as far as that is said."""
    data = space.data.model_dump(mode="json", include={"costs", "positive"})
    return space.evidence.model_dump(mode="json") | {f"data.{key}": value for key, value in data.items() if value}


def is_weighed_so(results: Summary, space: SearchSpace) -> bool:
    """Whether a finished run has the evidence that is wanted now; what its release did not know yet has its default."""
    kept = results.evidence.settings
    return kept is None or {**EvidenceSpec().model_dump(mode="json"), **kept} == evidence_settings(space)


def _evidence(known: Evidence, settings: Mapping[str, Any], weighed: Weighed, judged: Judged) -> Evidence:
    """What was asked for, and what the winner's score is worth."""
    found, corrected = weighed.finalists, weighed.corrected
    return replace(
        known,
        settings=settings,
        corrected=None if corrected is None else corrected.score,
        optimism=None if corrected is None else corrected.optimism,
        repeats=None
        if found is None
        else RepeatCounts(
            n_finalists=len({trial for trial, _ in weighed.records}),
            n_repeats=len(found.repeats),
            test_to_train=found.test_to_train,
        ),
        notices=(*weighed.notices, *judged.notices),
    )


# --- tables ----------------------------------------------------------------------------------------------------------


def _frames(weighed: Weighed, judged: Judged, *, objective: Objective) -> dict[str, pd.DataFrame]:
    """The tables there is something for, by their file."""
    import pandas as pd

    frames = {}
    if weighed.finalists is not None:
        frames[FINALISTS] = repeats_frame(weighed.records)
        frames[FINALISTS].insert(2, "is_winner", frames[FINALISTS]["trial"] == weighed.winner.trial)
    if weighed.meeting is not None:
        frames[PARTNERS] = _partners(weighed, repeats_frame(weighed.meeting.records))
    if len(judged.models) > 1:
        frames[BASELINES] = pd.DataFrame(list(_model_rows(judged.models, objective.name)))
    if judged.residuals:
        frames[RESIDUALS] = pd.concat(
            [
                pd.DataFrame({"target": one.target, "predicted": one.predicted, "residual": one.residual})
                for one in judged.residuals
            ]
        )
    if judged.sealed is not None:
        frames[SEALED] = judged.sealed
    return frames


def _partners(weighed: Weighed, frame: pd.DataFrame) -> pd.DataFrame:
    """What was changed beside what it came to; the winner has changed nothing."""
    from ffsearch.search.steps.changes import FIRST_PARTNER

    changes = {FIRST_PARTNER + place: (one.factor, one.change) for place, one in enumerate(weighed.partners)}
    frame.insert(0, "factor", [changes.get(number, ("", ""))[0] for number in frame["trial"]])
    frame.insert(1, "change", [changes.get(number, ("", ""))[1] for number in frame["trial"]])
    return frame


def _model_rows(models: Iterable[ModelScores], objective: str) -> Iterable[Mapping[str, Any]]:
    """A row a model and part: the repeats' validation rows, then the test (repeat 0)."""
    for model in models:
        parts: list[tuple[str, int, Mapping[str, float]]] = [
            ("valid", repeat, metrics) for repeat, metrics in model.repeats.items()
        ]
        parts += [] if model.test is None else [("test", 0, model.test.metrics)]
        for part, repeat, metrics in parts:
            others = {f"metric.{name}": value for name, value in metrics.items()}
            yield {"model": model.name, "part": part, "repeat": repeat, "value": metrics[objective], **others}
