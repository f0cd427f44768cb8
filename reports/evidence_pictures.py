"""Figures of the evidence as the page shows them: drawn at both widths, with what they tell in words, and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from ffsearch.reports import error_plots, evidence, evidence_plots, tables
from ffsearch.reports.evidence import Confusion, Contender, Finalist
from ffsearch.reports.evidence_plots import change_name
from ffsearch.reports.listings import Cell, ShownTable
from ffsearch.reports.pictures import Picture, better, picture
from ffsearch.reports.tables import RunLike, ShownObjective
from ffsearch.search.folder.results import Bin, Effect, Estimate, Importance, Residuals, Slice
from ffsearch.search.wording.language import Language, shortened

__all__ = [
    "confusion_picture",
    "effect_picture",
    "finalist_picture",
    "gain_picture",
    "importance_picture",
    "model_picture",
    "model_table",
    "reliability_picture",
    "residual_picture",
    "slice_picture",
    "with_interval",
]

MAX_CLASSES_LISTED: Final = 60
"""Classes of which a table lists all pairs. Choice: of 500 it would be 250,000 cells, and megabytes of page."""

MAX_PAIRS_LISTED: Final = 200
"""Pairs of more classes that it lists, the commonest first. Choice: more are not read."""

MAX_NAMED: Final = 6
"""Items that a text for those who do not see a figure names. Choice: the table behind it has all."""


def model_picture(run: RunLike, t: Language) -> Picture | None:
    """All models on the sealed test; None where the network stands alone."""
    objective = tables.objective(run)
    known = [(one.name, one.test) for one in evidence.models(run) if one.test is not None]
    if len(known) < 2:
        return None
    known.sort(key=lambda one: objective.sign * one[1].value)
    scores = [
        t("answer.score_interval", name=t.named("model", name), value=t.score(test.value), low=t.score(test.low),
          high=t.score(test.high)) if test.is_known else f"{t.named('model', name)} {t.score(test.value)}"
        for name, test in known
    ]  # fmt: skip
    caption = "answer.models_caption" if known[0][1].is_known else "answer.models_bare"
    return picture(
        lambda width: evidence_plots.models(evidence.models(run), objective, t=t, width=width), name="models",
        alt=t("answer.models_alt", scores="; ".join(scores)),
        caption=t(caption, n_test=t.count(run.results.data.n_test), better=better(objective, t)),
    )  # fmt: skip


def gain_picture(models: Sequence[Contender], objective: ShownObjective, t: Language) -> Picture | None:
    """What the network gains over each baseline; the dummy only where it stands alone, as it would squeeze the rest."""
    known = [one for one in models if one.gain is not None]
    known = [one for one in known if one.name != "dummy"] or known
    if not known:
        return None
    items = []
    for one in known:
        assert one.gain is not None
        value, low, high = t.rounded(one.gain.value, one.gain.low, one.gain.high)
        items.append(t("worth.gain_item", model=t.named("model", one.name), value=t.plus(value), low=low, high=high))
    return picture(
        lambda width: evidence_plots.gains(known, objective, t=t, width=width), name="gains",
        alt=t("worth.alt", gains="; ".join(items)), caption=t("worth.caption"),
    )  # fmt: skip


def model_table(models: Sequence[Contender], objective: ShownObjective, t: Language) -> ShownTable:
    """All models side by side, a row a measure: validation mean, test, gain, the other scores, settings."""
    tests = [{} if one.test is None else one.test.others(objective.name) for one in models]
    metric = t.named("metric", objective.name)
    rows = [
        [t("worth.valid"), *(t.score(_mean(one.valid) if one.valid else None) for one in models)],
        [t("sure.on_test", metric=metric), *(with_interval(one.test, t) for one in models)],
        [t("worth.gain_head"), *(with_interval(one.gain, t, signed=True) for one in models)],
        *([t.named("metric", name), *(t.score(others.get(name)) for others in tests)] for name in tests[0]),
        *([[t("worth.tried"), *(t.count(one.n_tried or 1) for one in models)]] if models[-1].n_tried else []),
        [t("worth.settings"), *(_settings(one.settings, t) or "–" for one in models)],
        *([[t("worth.fixed"), *(_settings(one.fixed, t) or "–" for one in models)]] if models[-1].n_tried else []),
    ]
    heads = [t("worth.model"), *(t.named("model", one.name) for one in models)]
    cells = [[Cell(text=text) for text in row] for row in rows]
    return ShownTable(label=t("worth.models"), heads=heads, rows=cells, numbers=frozenset(range(1, len(heads))))


def with_interval(estimate: Estimate | None, t: Language, *, signed: bool = False) -> str:
    """A value with its interval, where it has one, in one text; a dash where there is no value."""
    if estimate is None:
        return "–"
    if not estimate.is_known:
        return t.plus(t.score(estimate.value)) if signed else t.score(estimate.value)
    value, low, high = t.rounded(estimate.value, estimate.low, estimate.high)
    interval = t("fact.interval", low=low, high=high).replace(" ", "\N{NO-BREAK SPACE}")
    return f"{t.plus(value) if signed else value} ({interval})"


def _settings(settings: Mapping[str, float], t: Language) -> str:
    def said(name: str, value: float) -> str:
        called = t.named("setting", name)
        if name in _SWITCHES:
            return t("worth.with" if value else "worth.without", what=called)
        return f"{called} {t.setting(value)}"

    return ", ".join(said(name, value) for name, value in settings.items())


_SWITCHES: Final = frozenset({"products", "class_weight"})
"""Settings that are on or off."""


def finalist_picture(parts: Sequence[Finalist], objective: ShownObjective, t: Language) -> Picture | None:
    """The finalists' repeats; None where nothing was trained again."""
    if not parts:
        return None
    n_repeats = max(len(one.scores) for one in parts)
    items = [t("sure.finalist_item", trial=one.trial, value=t.score(_mean(one.scores))) for one in parts[:MAX_NAMED]]
    return picture(
        lambda width: evidence_plots.finalists(parts, objective, t=t, width=width), name="finalists",
        alt=t("sure.finalists_alt", n=n_repeats, scores="; ".join(items)),
        caption=t("sure.finalists_caption", n=n_repeats), table=_finalist_table(parts, t),
    )  # fmt: skip


def effect_picture(
    parts: Sequence[Effect], objective: ShownObjective, t: Language, *, name: str, alt: str
) -> Picture | None:
    """What changes do to the winner; None where none could be weighed.

    Args:
        parts: The changes.
        objective: What differences are in.
        t: The language.
        name: Unique in the page.
        alt: Key of the text for those who do not see it.
    """
    if not any(one.is_known for one in parts):
        return None
    items = [_effect_item(one, t) for one in parts if one.is_known]
    return picture(
        lambda width: evidence_plots.effects(parts, objective, t=t, width=width), name=name,
        alt=t(alt, effects="; ".join(items)), caption=t("mattered.effects_caption"), table=_effect_table(parts, t),
    )  # fmt: skip


def importance_picture(parts: Sequence[Importance], t: Language) -> Picture | None:
    """How much each parameter told the best trials from all; None where that is not known."""
    if not parts:
        return None
    shares = [f"{t.named('parameter', one.parameter)} {t.share(one.value)}" for one in parts]
    return picture(
        lambda width: evidence_plots.importances(parts, t=t, width=width), name="importances",
        alt=t("mattered.importances_alt", shares="; ".join(shares)), caption=t("mattered.importances_caption"),
    )  # fmt: skip


def confusion_picture(part: Confusion, t: Language, *, findings: str) -> Picture:
    """Which classes are taken for which; `findings` says it in words."""
    caption, n_classes = t("errors.confusion_caption"), len(part.labels)
    has_all = n_classes <= MAX_CLASSES_LISTED
    if n_classes > error_plots.MAX_CLASSES:
        cut = "errors.confusion_cut" if has_all else "errors.confusion_commonest"
        caption += " " + t(cut, n=error_plots.MAX_CLASSES, total=n_classes)
    return picture(
        lambda width: error_plots.confusion(part, t=t, width=width), name="confusion",
        alt=t("errors.confusion_alt", findings=findings), caption=caption,
        table=_all_confusions(part, t) if has_all else _commonest_confusions(part, t),
    )  # fmt: skip


def _all_confusions(part: Confusion, t: Language) -> ShownTable:
    rows = [
        [Cell(text=label), *(Cell(text=t.count(int(count)), order=float(count)) for count in counts)]
        for label, counts in zip(part.labels, part.counts, strict=True)
    ]
    return ShownTable(
        label=t("errors.confusion"), heads=[f"{t('errors.true')} ↓  {t('errors.answered')} →", *part.labels], rows=rows,
        numbers=frozenset(range(1, len(part.labels) + 1)),
    )  # fmt: skip


def _commonest_confusions(part: Confusion, t: Language) -> ShownTable:
    """Of many classes those that are taken for others most often, for a table of all pairs is megabytes."""
    wrong = part.counts * (1 - np.eye(len(part.labels), dtype=np.int64))
    pairs = [divmod(int(place), len(part.labels)) for place in np.argsort(-wrong, axis=None, kind="stable")]
    rows = [
        [
            Cell(text=part.labels[true]),
            Cell(text=part.labels[answered]),
            Cell(text=t.count(int(wrong[true, answered])), order=float(wrong[true, answered])),
        ]
        for true, answered in pairs[:MAX_PAIRS_LISTED]
        if wrong[true, answered]
    ]
    heads = [t("errors.true"), t("errors.answered"), t("data.rows")]
    return ShownTable(label=t("errors.confusion"), heads=heads, rows=rows, numbers=frozenset({2}))


def reliability_picture(bins: Sequence[Bin], label: str, t: Language) -> Picture:
    """Whether probabilities come true; `label` says of what they are."""
    items = [f"{t.share(one.confidence)} {t('errors.came_true')} {t.share(one.value)}" for one in bins]
    heads = [t("errors.stated"), t("errors.came_true"), t("worth.low"), t("worth.high"), t("data.rows")]
    rows = [
        [*(Cell(text=t.share(share)) for share in (one.confidence, one.value, one.low, one.high)),
         Cell(text=t.count(one.n_rows))]
        for one in bins
    ]  # fmt: skip
    return picture(
        lambda width: error_plots.reliability(bins, label=label, t=t, width=width), name="reliability",
        alt=t("errors.reliability_alt", bins="; ".join(items)), caption=t("errors.reliability_caption"),
        table=ShownTable(label=t("errors.reliability"), heads=heads, rows=rows, numbers=frozenset(range(5))),
    )  # fmt: skip


def residual_picture(part: Residuals, number: int, t: Language) -> Picture:
    """How far predictions of one target are off; `number` tells several targets apart."""
    middle = part.bands[len(part.bands) // 2]
    heads = [t(f"errors.{key}") for key in ("band", "q5", "q25", "q50", "q75", "q95")]
    rows = [[Cell(text=t.score(value)) for value in band] for band in part.bands]
    return picture(
        lambda width: error_plots.residuals(part, t=t, width=width), name=f"residuals-{number}",
        alt=t("errors.residuals_alt", target=shortened(part.target), low=t.score(middle[2]), high=t.score(middle[4]),
              at=t.score(middle[0])),
        caption=t("errors.residuals_caption"),
        table=ShownTable(label=t("errors.residuals"), heads=heads, rows=rows, numbers=frozenset(range(6))),
    )  # fmt: skip


def slice_picture(parts: Sequence[Slice], overall: float, label: str, t: Language) -> Picture:
    """The parts of the table that are worst off; `label` names the loss."""
    items = [
        t("errors.slice_item", column=shortened(one.column), rows=t.slice_name(one.rows),
          value=t.score(one.value), n=t.count(one.n_rows))
        for one in parts[:MAX_NAMED]
    ]  # fmt: skip
    heads = [t(f"errors.{key}") for key in ("column", "rows", "n", "loss")]
    heads += [t("worth.low"), t("worth.high"), t("errors.p"), t("errors.worse")]
    rows = [
        [Cell(text=one.column), Cell(text=t.slice_name(one.rows)), Cell(text=t.count(one.n_rows)),
         *(Cell(text=t.score(value)) for value in (one.value, one.low, one.high)),
         Cell(text=t.p_value(one.p_value)), Cell(text=t("number.yes" if one.is_worse else "number.no"))]
        for one in parts
    ]  # fmt: skip
    return picture(
        lambda width: error_plots.slices(parts, overall=overall, label=label, t=t, width=width), name="slices",
        alt=t("errors.slices_alt", slices="; ".join(items)), caption=t("errors.slices_caption"),
        table=ShownTable(label=t("errors.slices"), heads=heads, rows=rows, numbers=frozenset(range(2, 7))),
    )  # fmt: skip


def _effect_item(one: Effect, t: Language) -> str:
    value, low, high = t.rounded(one.value, one.low, one.high)
    finding = t.named("finding", one.finding)
    return t(
        "mattered.effect_item", change=change_name(one, t), value=t.plus(value), low=low, high=high, finding=finding
    )


def _effect_table(parts: Sequence[Effect], t: Language) -> ShownTable:
    heads = [
        t("mattered.change"),
        t("mattered.value"),
        t("worth.low"),
        t("worth.high"),
        t("mattered.p"),
        t("mattered.finding"),
    ]
    rows = []
    for one in parts:
        texts = [*map(t.score, (one.value, one.low, one.high)), t.p_value(one.p_value), t.named("finding", one.finding)]
        rows.append([Cell(text=change_name(one, t)), *(Cell(text=text) for text in texts)])
    return ShownTable(label=t("mattered.effects"), heads=heads, rows=rows, numbers=frozenset(range(1, 5)))


def _finalist_table(parts: Sequence[Finalist], t: Language) -> ShownTable:
    heads = [
        t("trial.number"), t("trial.topology"), t("sure.searched"), t("sure.mean"), t("sure.low"), t("sure.high"),
        t("sure.chosen"),
    ]  # fmt: skip
    rows = [
        [Cell(text=str(one.trial)), Cell(text=t.topology(one.topology), is_wide=True), Cell(text=t.score(one.searched)),
         Cell(text=t.score(_mean(one.scores))), Cell(text=t.score(float(np.min(one.scores)))),
         Cell(text=t.score(float(np.max(one.scores)))), Cell(text=t("number.yes" if one.is_winner else "number.no"))]
        for one in parts
    ]  # fmt: skip
    return ShownTable(label=t("sure.finalists"), heads=heads, rows=rows, numbers=frozenset({0, 2, 3, 4, 5}))


def _mean(scores: Sequence[float]) -> float:
    return float(np.mean(scores))
