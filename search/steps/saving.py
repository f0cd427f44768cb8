"""What a run leaves when it ends: the summary with all its evidence, tables, the model's card, the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.intervals import Interval
from ffsearch.search.evidence.verdict import verdict
from ffsearch.search.folder.reader import BASELINES, FINALISTS, PARTNERS, RESIDUALS
from ffsearch.search.folder.summary import RunFacts, Summary, build_summary
from ffsearch.search.folder.trial_record import repeats_frame
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.network.heads import Head
from ffsearch.search.observer import Observer, Phase
from ffsearch.search.serving.card import write_card
from ffsearch.search.wording.language import kept
from ffsearch.spaces.schema import EvidenceSpec

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.steps.judging import Judged, ModelScores
    from ffsearch.search.steps.refitting import Answer
    from ffsearch.search.steps.weighing import Weighed

__all__ = ["save_answer"]


def save_answer(
    weighed: Weighed,
    answer: Answer,
    judged: Judged,
    *,
    facts: RunFacts,
    head: Head,
    wanted: EvidenceSpec,
    wall_s: float,
    folder: RunFolder,
    observer: Observer,
    report: Callable[[Path], object] | None,
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
    summary["evidence"] |= _evidence(wanted, weighed, judged)
    _add_findings(summary, weighed, judged, objective=facts.objective, head=head)
    frames = _frames(weighed, judged, objective=facts.objective, head=head)
    for name in (FINALISTS, PARTNERS, BASELINES, RESIDUALS):
        folder.write_table(name, frames.get(name))
    folder.finish(summary)
    write_card(folder.path)
    if report is not None:
        report(folder.path)
    observer.finished(summary, folder.path)


def _evidence(wanted: EvidenceSpec, weighed: Weighed, judged: Judged) -> dict[str, Any]:
    """What was asked for, and what the winner's score is worth."""
    found, corrected = weighed.finalists, weighed.corrected
    told: dict[str, Any] = {"settings": wanted.model_dump(mode="json")}
    if corrected is not None:
        told["corrected"] = {
            **asdict(corrected.interval),
            "method": "search" if found is None else "repeats",
            "chosen_again": corrected.chosen_again,
            "seed_sd": corrected.seed_sd,
            **({} if corrected.rows is None else {"rows": asdict(corrected.rows)}),
        }
        told["optimism"] = corrected.optimism
    if found is not None:
        told["repeats"] = {
            "n_finalists": len({trial for trial, _ in weighed.records}), "n_repeats": len(found.repeats),
            "test_to_train": found.test_to_train,
        }  # fmt: skip
    notices = [*weighed.notices, *judged.notices]
    return told | ({"notices": list(map(kept, notices))} if notices else {})


def _add_findings(summary: Summary, weighed: Weighed, judged: Judged, *, objective: Objective, head: Head) -> None:
    """Everything beyond the three numbers; what was not asked for leaves no key."""
    facts = judged.facts
    if len(judged.models) > 1:
        gains = {} if facts is None else {"dummy": facts.over_dummy["network"], **facts.over_baselines}
        summary["baselines"] = [_model(one, objective.name, gains.get(one.name)) for one in judged.models[1:]]
    if facts is not None:
        summary["verdict"] = verdict(facts).as_dict()
    if weighed.effects:
        summary["effects"] = [_flat(one) for one in weighed.effects]
    if weighed.importances:
        summary["importance"] = [_flat(one) for one in weighed.importances]
    if judged.bins:
        fitted = weighed.temperature
        summary["calibration"] = {
            "bins": [_flat(one) for one in judged.bins],
            **({} if fitted is None else {"temperature": asdict(fitted)}),
        }
    if judged.confused is not None:
        summary["errors"] = {"labels": list(head.labels), "confusion": judged.confused.tolist()}
    if judged.residuals:
        named = zip(head.target_names, judged.residuals, strict=True)
        summary["errors"] = {"residuals": [{"target": name, "bands": one.bands.tolist()} for name, one in named]}
    if judged.slices:
        summary["slices"] = [{**_flat(one), "is_worse": one.is_worse} for one in judged.slices]


def _model(model: ModelScores, objective: str, gain: Interval | None) -> dict[str, Any]:
    """A baseline: its mean over repeats, its test, and by how much the network is better on the test."""
    valid = [metrics[objective] for metrics in model.repeats.values()]
    told: dict[str, Any] = {"name": model.name, "settings": model.settings, "valid": sum(valid) / len(valid)}
    if model.test is not None:
        told["test"] = {**asdict(model.test.interval), "metrics": model.test.metrics}
    if gain is not None:
        told["network_gain"] = asdict(gain)
    return told | ({"notes": list(map(kept, model.notes))} if model.notes else {})


def _flat(found: Any) -> dict[str, Any]:
    """A dataclass as plain values, its interval beside them: value, low, high."""
    plain = asdict(found)
    interval = next(name for name, value in plain.items() if isinstance(value, dict))
    return {**{name: value for name, value in plain.items() if name != interval}, **plain[interval]}


# --- tables ----------------------------------------------------------------------------------------------------------


def _frames(weighed: Weighed, judged: Judged, *, objective: Objective, head: Head) -> dict[str, pd.DataFrame]:
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
                pd.DataFrame({"target": name, "predicted": one.predicted, "residual": one.residual})
                for name, one in zip(head.target_names, judged.residuals, strict=True)
            ]
        )
    return frames


def _partners(weighed: Weighed, frame: pd.DataFrame) -> pd.DataFrame:
    """What was changed beside what it came to; the winner has changed nothing."""
    from ffsearch.search.steps.weighing import FIRST_PARTNER

    changes = {FIRST_PARTNER + place: (one.factor, one.change) for place, one in enumerate(weighed.partners)}
    frame.insert(0, "factor", [changes.get(number, ("", ""))[0] for number in frame["trial"]])
    frame.insert(1, "change", [changes.get(number, ("", ""))[1] for number in frame["trial"]])
    return frame


def _model_rows(models: Iterable[ModelScores], objective: str) -> Iterable[Mapping[str, Any]]:
    """A row a model and part: the repeats' validation rows, then the test (repeat 0)."""
    for model in models:
        parts = [("valid", repeat, metrics) for repeat, metrics in model.repeats.items()]
        parts += [] if model.test is None else [("test", 0, model.test.metrics)]
        for part, repeat, metrics in parts:
            others = {f"metric.{name}": value for name, value in metrics.items()}
            yield {"model": model.name, "part": part, "repeat": repeat, "value": metrics[objective], **others}
