"""Where to cut the probability of one of two classes: the panel of what each threshold comes to, and the one chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ffsearch.reports.listings import Cell, ShownTable
from ffsearch.reports.parts import Block, Fold, Section
from ffsearch.reports.pictures import Picture, picture
from ffsearch.reports.style import BAD, BEST, INK, LABEL, MUTED, NARROW, RULE, TRAIN, WIDE, add_axes, canvas, score_axis
from ffsearch.reports.tables import RunLike, shown
from ffsearch.search.folder.cut_results import MEASURES, CutRule, SealedCut, Threshold
from ffsearch.search.folder.of_model import threshold_finding
from ffsearch.search.folder.results import Estimate
from ffsearch.search.wording.language import ENGLISH, Language, shortened

__all__ = ["panel", "threshold"]

_LINES: Final[Mapping[str, tuple[str, str | tuple[int, tuple[float, ...]]]]] = {
    "recall": (BEST, "-"),
    "precision": (TRAIN, (0, (6, 2))),
    "f1": (INK, (0, (1, 1.5))),
    "balanced_accuracy": (MUTED, (0, (4, 1.5, 1, 1.5))),
}
"""Colour and stroke of every measure between 0 and 1: in grey the strokes tell what the colours do."""

STEP: Final = 5
"""Of the hundred thresholds every fifth is listed. Choice: a figure's table is read, not computed with."""


def threshold(run: RunLike, t: Language) -> Section | None:
    """The panel, what thresholds would bring, what was chosen; None without repeats, and of other than two classes."""
    found = run.results.threshold
    if found is None:
        return None
    label = shortened(found.positive)
    texts = [
        t("threshold.text", label=t.quoted(label), share=t.share(found.share), n=t.count(found.n_rows)),
        t("threshold.costs" if found.costs_given else "threshold.costs_alike", label=t.quoted(label),
          false_negative=t.setting(found.false_negative), false_positive=t.setting(found.false_positive)),
    ]  # fmt: skip
    said = shown(run, [threshold_finding(found)])
    blocks = [Block(findings=said)] if said else []
    blocks += [
        Block(title=t("threshold.curves"), pictures=[_picture(found, t)], fold=Fold.ALL),
        Block(title=t("threshold.rules"), text=t("threshold.rules_text"), table=_rule_table(found, t), fold=Fold.ALL),
    ]
    if found.sealed:
        blocks.append(_sealed(found, t))
    return Section(key="threshold", title=t("threshold.title"), texts=texts, blocks=blocks)


def panel(found: Threshold, *, t: Language = ENGLISH, width: int = WIDE) -> Figure:
    """Recall, precision, F1 and balanced accuracy against the threshold, and below what errors cost a row.

    Args:
        found: With its curve.
        t: The language.
        width: Pixels of the figure.
    """
    is_narrow = width <= NARROW
    height, cost_height, left = 230, 110, 54
    right, top = (16, 92) if is_narrow else (210, 40)  # where the key stands
    figure = canvas(width, top + height + cost_height + 96)
    above = add_axes(figure, left=left, right=right, top=top, bottom=cost_height + 96)
    below = add_axes(figure, left=left, right=right, top=top + height + 48, bottom=48)
    at = [point["threshold"] for point in found.curve]
    for name, (colour, stroke) in _LINES.items():
        values = [point[name] for point in found.curve]
        above.plot(at, values, color=colour, linestyle=stroke, linewidth=2, label=t.named("metric", name))
    below.plot(at, [point["cost"] for point in found.curve], color=BAD, linewidth=2)
    for axes in (above, below):
        axes.axvline(0.5, color=RULE, linewidth=1)
        if found.in_model:
            axes.axvline(found.value, color=INK, linewidth=1.5, linestyle=(0, (4, 3)))
        axes.set_xlim(0, 1)
        ticks = np.linspace(0, 1, 5)
        axes.set_xticks(ticks, [t.setting(tick) for tick in ticks])
    above.set_ylim(-0.02, 1.02)
    score_axis(above, t, label=t("threshold.measures"))
    score_axis(below, t, label=t("threshold.cost"))
    below.set_ylim(bottom=0)
    below.set_xlabel(t("threshold.axis", label=shortened(found.positive, 30)), fontsize=LABEL, color=MUTED, labelpad=6,
                     parse_math=False)  # fmt: skip
    _key(above, is_narrow=is_narrow)
    return figure


def _key(axes: Axes, *, is_narrow: bool) -> None:
    """Beside the lines, on a phone above them."""
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)}
    if is_narrow:
        place = {"loc": "lower left", "bbox_to_anchor": (-0.14, 1.1), "ncols": 2, "columnspacing": 1.2}
    axes.legend(frameon=False, fontsize=LABEL, labelcolor=MUTED, handlelength=2.4, borderpad=0, **place)


def _picture(found: Threshold, t: Language) -> Picture:
    """The panel, with every fifth threshold as a table."""
    at_half = t.listed(f"{t.named('metric', name)} {_measure(found.at_half, name, t)}" for name in MEASURES)
    alt = t("threshold.alt", at_half=at_half)
    heads = [t("threshold.threshold"), *(t.named("metric", name) for name in MEASURES)]
    rows = [
        [
            Cell(text=t.setting(round(point["threshold"], 2))),
            *(Cell(text=_measure(point, name, t)) for name in MEASURES),
        ]
        for point in found.curve[::STEP]
    ]
    table = ShownTable(label=t("threshold.title"), heads=heads, rows=rows, numbers=frozenset(range(len(heads))))
    return picture(
        lambda width: panel(found, t=t, width=width), name="threshold", alt=alt,
        caption=t("threshold.caption" if found.in_model else "threshold.caption_half"), table=table,
    )  # fmt: skip


def _rule_table(found: Threshold, t: Language) -> ShownTable:
    """What each rule would choose, and what it would bring over one half by its own measure."""
    heads = [
        t("threshold.rule"), t("threshold.threshold"), *(t.named("metric", name) for name in MEASURES),
        t("threshold.gain"),
    ]  # fmt: skip
    half = [Cell(text=t("threshold.half")), Cell(text=t.setting(0.5)), *_measures(found.at_half, t), Cell(text="")]
    rows = [half, *(_rule_row(found, rule, t) for rule in found.rules)]
    return ShownTable(label=t("threshold.rules"), heads=heads, rows=rows, numbers=frozenset(range(1, len(heads))))


def _rule_row(found: Threshold, rule: CutRule, t: Language) -> list[Cell]:
    is_chosen = found.chosen is not None and found.chosen.name == rule.name
    note = t("threshold.chosen") if is_chosen else ""
    return [
        Cell(text=t.named("metric", rule.name), note=note), Cell(text=_interval(rule.threshold, t)),
        *_measures(rule.measures, t), Cell(text="" if rule.gain is None else _interval(rule.gain, t)),
    ]  # fmt: skip


def _sealed(found: Threshold, t: Language) -> Block:
    """What the models come to on the sealed rows; where precision has a floor, whether it holds there."""
    title = t("threshold.sealed")
    if found.chosen is not None and found.chosen.name == "recall_at_precision":
        text = t("threshold.sealed_floor", wanted=found.wanted)
        return Block(title=title, text=text, table=_floor_table(found, t), fold=Fold.ALL)
    text = t("threshold.sealed_text", measure=t.named("metric", found.measure))
    return Block(title=title, text=text, table=_sealed_table(found, t), fold=Fold.ALL)


def _floor_table(found: Threshold, t: Language) -> ShownTable:
    """Precision and recall of every model at its threshold and at one half."""
    at = [t("threshold.at_threshold"), t("threshold.at_half")]
    names = [t("metric.precision"), t("metric.recall")]
    heads = [t("threshold.model"), t("threshold.threshold"), *(f"{name}, {place}" for place in at for name in names)]
    rows = [
        [
            Cell(text=t.named("model", one.name)), Cell(text=t.setting(float(f"{one.threshold:.3g}"))),
            Cell(text=_interval(one.value, t)), Cell(text=t.score(one.measures["recall"])),
            Cell(text=_interval(one.at_half, t)), Cell(text=t.score(one.measures_at_half["recall"])),
        ]
        for one in found.sealed
    ]  # fmt: skip
    return ShownTable(label=t("threshold.sealed"), heads=heads, rows=rows, numbers=frozenset(range(1, len(heads))))


def _sealed_table(found: Threshold, t: Language) -> ShownTable:
    """The network and the baselines at their own thresholds on the sealed rows."""
    heads = [
        t("threshold.model"), t("threshold.threshold"), t("threshold.at_threshold"), t("threshold.at_half"),
        t("threshold.gain"), t("threshold.network_gain"),
    ]  # fmt: skip
    rows = [_sealed_row(one, t) for one in found.sealed]
    return ShownTable(label=t("threshold.sealed"), heads=heads, rows=rows, numbers=frozenset(range(1, len(heads))))


def _sealed_row(one: SealedCut, t: Language) -> list[Cell]:
    values = [one.value, one.at_half, one.gain]
    gain = "" if one.network_gain is None else _interval(one.network_gain, t)
    threshold = Cell(text=t.setting(float(f"{one.threshold:.3g}")))
    return [
        Cell(text=t.named("model", one.name)), threshold, *(Cell(text=_interval(each, t)) for each in values),
        Cell(text=gain),
    ]  # fmt: skip


def _measures(values: Mapping[str, float], t: Language) -> list[Cell]:
    return [Cell(text=_measure(values, name, t)) for name in MEASURES]


def _measure(values: Mapping[str, float], name: str, t: Language) -> str:
    return t.score(values[name]) if name == "cost" else t.share(values[name])


def _interval(estimate: Estimate, t: Language) -> str:
    return t.in_interval(estimate.value, estimate.low, estimate.high)
