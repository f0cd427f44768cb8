"""Sections of the evidence: how sure, whether a network is worth it, deeper or wider, what mattered, where it errs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ffsearch.reports import evidence, tables
from ffsearch.reports.evidence import Confusion
from ffsearch.reports.evidence_pictures import (
    confusion_picture,
    effect_picture,
    finalist_picture,
    gain_picture,
    importance_picture,
    model_table,
    reliability_picture,
    residual_picture,
    slice_picture,
)
from ffsearch.reports.evidence_plots import change_name
from ffsearch.reports.parts import Block, Fact, Fold, Section, known
from ffsearch.reports.pictures import score_picture
from ffsearch.reports.tables import RunLike
from ffsearch.search.base.confidence import CORRECTED_HELD, CORRECTED_RUNS
from ffsearch.search.folder.results import TEMPERATURES, Effect, Temperature
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.language import Language, shortened

__all__ = ["deeper", "errors", "is_advised", "mattered", "sure", "worth"]

SHAPE: Final = ("depth", "width")
"""What decides how deep and how wide a network is."""

NOTICEABLE: Final = 0.01
"""Share of the log loss that a temperature must save to be spoken of. Choice: less is lost in the noise of a test."""


_SURE: Final = (Code.TOPOLOGY_SURE, Code.SMALLER_NETWORK)
_WORTH: Final = (
    Code.NETWORK_OVER_LINEAR, Code.NETWORK_OVER_BOOSTING, Code.BOOSTING_OVER_LINEAR, Code.WHAT_SETTLES,
    Code.UNTIL_SETTLED,
)  # fmt: skip
"""What the verdict says of simpler models."""


def sure(run: RunLike, t: Language) -> Section | None:
    """Naive, corrected and test on one line, the finalists, and the other scores on the test."""
    scores = tables.scores(run)
    if not scores:
        return None
    objective = tables.objective(run)
    names = {score.name for score in scores}
    n = t.count(int(tables.history(run)["value"].notna().sum()))
    texts = [t("sure.text", n=n)] if len(scores) == 3 else [t("sure.text_two", n=n)] if "test" in names else []
    texts += [*_optimism(run, t), *map(t.says, evidence.said(run, _SURE))]
    finalists = finalist_picture(evidence.finalists(run), objective, t)
    blocks = [Block(title=t("sure.finalists"), pictures=[finalists], fold=Fold.ALL)] if finalists else []
    if made := [*_rows(run, t), *_measured(run, t)]:
        blocks.append(Block(title=t("sure.made"), points=made, fold=Fold.ALL))
    return Section(
        key="sure", title=t("sure.title"), texts=texts, pictures=known([score_picture(run, t)]), blocks=blocks,
        minor_facts=_other_scores(run, t),
    )  # fmt: skip


def worth(run: RunLike, t: Language) -> Section | None:
    """The network beside simpler models; None where it stands alone."""
    models, objective = evidence.models(run), tables.objective(run)
    if not models:
        return None
    said = map(t.says, evidence.said(run, _WORTH))
    table = Block(title=t("worth.models"), table=model_table(models, objective, t), fold=Fold.ALL)
    return Section(
        key="worth", title=t("worth.title"), texts=[t("worth.text"), " ".join(said)],
        pictures=known([gain_picture(models, objective, t)]), blocks=[table],
    )  # fmt: skip


def deeper(run: RunLike, t: Language) -> Section | None:
    """What depth and width do to the winner, or that it was not asked; None of a run without a verdict."""
    effects = [one for one in evidence.effects(run) if one.factor in SHAPE]
    picture = effect_picture(effects, tables.objective(run), t, name="shape", alt="deeper.alt")
    if picture is None:
        has_verdict = bool(evidence.verdict(run).code)
        return Section(key="deeper", title=t("deeper.title"), texts=[t("deeper.none")]) if has_verdict else None
    n_repeats = _n_repeats(run)
    texts = [f"{t('deeper.text', n=n_repeats)} {_deeper_or_wider(run, effects, t)}"] if n_repeats else []
    return Section(key="deeper", title=t("deeper.title"), texts=texts, pictures=[picture])


def mattered(run: RunLike, t: Language) -> Section | None:
    """Importances over the search, and what a change of one thing does to the winner."""
    importances = run.results.importance
    effects = [one for one in evidence.effects(run) if one.factor not in SHAPE]
    blocks = []
    if (picture := importance_picture(importances, t)) is not None:
        names = [t.named("parameter", one.parameter) for one in importances if one.is_shown]
        text = t("mattered.shown", names=t.listed(names)) if names else t("mattered.none_shown")
        blocks.append(Block(title=t("mattered.importances"), text=text, pictures=[picture], fold=Fold.SHOWN))
    changed = effect_picture(effects, tables.objective(run), t, name="effects", alt="mattered.effects_alt")
    if changed is not None:
        text = _what_matters(effects, t)
        blocks.append(Block(title=t("mattered.effects"), text=text, pictures=[changed], fold=Fold.SHOWN))
    if not blocks:
        return None
    texts = [t("mattered.text")] if len(blocks) == 2 else []
    return Section(key="mattered", title=t("mattered.title"), texts=texts, blocks=blocks)


def errors(run: RunLike, t: Language) -> Section | None:
    """Confused classes or residuals, calibration, and the worst slices; None where nothing of it is known."""
    blocks = [*_confusion(run, t), *_reliability(run, t), *_residuals(run, t), *_slices(run, t)]
    if not blocks:
        return None
    return Section(key="errors", title=t("errors.title"), texts=[t("errors.text")], blocks=blocks)


def _optimism(run: RunLike, t: Language) -> list[str]:
    """By how much the search's own score is too good."""
    optimism = run.results.evidence.optimism
    if optimism is None:
        return []
    return [t("sure.optimism", optimism=t.score(optimism))] if optimism > 0 else [t("sure.optimism_none")]


def _rows(run: RunLike, t: Language) -> list[str]:
    """What the refit gains by rows that the repeats only judge on, as far as it was learnt."""
    corrected = run.results.evidence.corrected
    if corrected is None or corrected.rows is None:
        return []
    rows = corrected.rows
    counts = {name: t.count(getattr(rows, name)) for name in ("n_less", "n_repeat", "n_refit")}
    return [t("sure.rows", gain=t.score(rows.value), **counts) if rows.value > 0 else t("sure.rows_none", **counts)]


def _measured(run: RunLike, t: Language) -> list[str]:
    """How often the interval of the corrected score held where the truth was known: less often than it says."""
    corrected = run.results.evidence.corrected
    if corrected is None or corrected.method != "repeats" or not corrected.is_known:
        return []
    return [t("sure.measured", n=t.count(CORRECTED_RUNS), held=t.count(CORRECTED_HELD))]


def _other_scores(run: RunLike, t: Language) -> list[Fact]:
    """The other scores on the test rows."""
    test = run.results.evidence.test
    others = {} if test is None else test.others(run.results.objective.name)
    return [
        Fact(label=t.named("metric", name), value=t.score(value), note=t("fact.on_test"))
        for name, value in others.items()
    ]


def _n_repeats(run: RunLike) -> int:
    """Repeats that the winner and its partners were trained in."""
    partners = tables.kept(run, "partners")
    return int(partners["repeat"].nunique()) if partners is not None and len(partners) else 0


def _deeper_or_wider(run: RunLike, effects: Sequence[Effect], t: Language) -> str:
    """Which of the two is the better use of parameters, if that is known."""
    direct = next((one for one in effects if one.against == "wider" and one.is_known), None)
    if direct is None:
        return t("deeper.alone")
    found, sign = {"better": ("deeper", 1), "worse": ("wider", -1)}.get(direct.finding, ("level", 1))
    ends = [sign * end for end in (direct.value, direct.low, direct.high)]
    value, low, high = t.rounded(ends[0], min(ends[1:]), max(ends[1:]))
    metric = t.named("metric", tables.objective(run).name)
    told = t(f"deeper.{found}", value=value, low=low, high=high, metric=metric)
    return " ".join([t("deeper.sizes"), told, *_rates(effects, t)])


def _rates(effects: Sequence[Effect], t: Language) -> list[str]:
    """At which learning rates they were tried, and which each has."""
    tuned = [one for one in effects if one.against == "winner" and one.learning_rate is not None]
    if not tuned:
        return [t("deeper.rate_of_winner")]
    return [
        t(
            "deeper.rates",
            change=change_name(one, t),
            rates=t.listed([t.setting(rate) for rate in one.rates]),
            best=t.setting(float(one.learning_rate or 0.0)),
        )
        for one in tuned
    ]


def _what_matters(effects: Sequence[Effect], t: Language) -> str:
    """The changes that are shown to do something, and those that diverged."""
    shown = [
        f"{change_name(one, t)} ({t.named('finding', one.finding)})"
        for one in effects
        if one.finding in ("better", "worse")
    ]
    diverged = [change_name(one, t) for one in effects if one.finding == "diverged"]
    text = t("mattered.matter", changes="; ".join(shown)) if shown else t("mattered.matter_none")
    return f"{text} {t('mattered.diverged', changes='; '.join(diverged))}" if diverged else text


def _confusion(run: RunLike, t: Language) -> list[Block]:
    part = evidence.confusion(run)
    if part is None:
        return []
    findings = _confused(part, t)
    return [Block(title=t("errors.confusion"), text=findings, pictures=[confusion_picture(part, t, findings=findings)])]


def _confused(part: Confusion, t: Language) -> str:
    """How many rows are wrong, and which confusion is the commonest."""
    total, wrong = int(part.counts.sum()), int(part.counts.sum() - np.trace(part.counts))
    if not wrong:
        return t("errors.right_all", total=t.count(total))
    off = part.counts - np.diag(np.diag(part.counts))
    true, answered = divmod(int(off.argmax()), len(off))
    rows = t.counted("rows", int(off[true, answered]))
    most = t("errors.most", true=shortened(part.labels[true]), answered=shortened(part.labels[answered]), rows=rows)
    return f"{t('errors.wrong', n=t.count(wrong), total=t.count(total))} {most}"


def _reliability(run: RunLike, t: Language) -> list[Block]:
    found, confused = run.results.calibration, evidence.confusion(run)
    if found is None:
        return []
    labels = confused.labels if confused else []
    label = t("errors.confidence_two", label=shortened(labels[1])) if len(labels) == 2 else t("errors.confidence")
    mended = "" if found.temperature is None else _temperature(found.temperature, t)
    text = " ".join(filter(None, [*_calibration_error(run, t), mended]))
    drawn, fold = reliability_picture(found.bins, label, t), Fold.SHOWN if text else Fold.ALL
    return [Block(title=t("errors.reliability"), text=text, pictures=[drawn], fold=fold)]


def _calibration_error(run: RunLike, t: Language) -> list[str]:
    """The calibration error beside that of right probabilities; runs of early versions have no such number."""
    found, test = run.results.calibration, run.results.evidence.test
    expected = None if found is None else found.error_if_calibrated
    error = None if test is None else test.metrics.get("ece")
    if expected is None or error is None:
        return []
    return [t("errors.calibration_error", error=t.score(error), expected=t.score(expected))]


def is_advised(found: Temperature) -> bool:
    """Whether a temperature that no model has is worth a word: in runs of early releases, which fitted one anyhow."""
    low, high = TEMPERATURES
    is_noticeable = found.loss_before - found.loss_after >= NOTICEABLE * found.loss_before
    return found.in_model is None and is_noticeable and low < found.value < high


def _temperature(found: Temperature, t: Language) -> str:
    """What one temperature mended, or in runs of early releases would mend."""
    if found.in_model is not None:
        return "" if found.in_model else t("errors.no_temperature")
    if not is_advised(found):
        is_one = found.loss_before - found.loss_after < NOTICEABLE * found.loss_before
        return t("errors.calibrated", value=t.setting(found.value)) if is_one else ""
    key = "errors.too_sure" if found.value > 1 else "errors.too_timid"
    return t(key, value=t.setting(found.value), before=t.score(found.loss_before), after=t.score(found.loss_after))


def _residuals(run: RunLike, t: Language) -> list[Block]:
    parts = [part for part in evidence.residuals(run) if len(part.predicted)]
    pictures = [residual_picture(part, number, t) for number, part in enumerate(parts)]
    return [Block(title=t("errors.residuals"), pictures=pictures)] if pictures else []


def _slices(run: RunLike, t: Language) -> list[Block]:
    parts, overall = run.results.slices, evidence.overall_loss(run)
    if not parts or overall is None:
        return []
    n_worse = sum(one.is_worse for one in parts)
    text = t.counted_as("errors.slices_worse", n_worse) if n_worse else t("errors.slices_none")
    label = t(evidence.loss_key(run))
    drawn = slice_picture(parts, overall, label, t)
    return [Block(title=t("errors.slices"), text=text, pictures=[drawn], fold=Fold.SHOWN)]
