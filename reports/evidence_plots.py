"""Figures of what supports the answer: models side by side, finalists, effects, importances.

Intervals are lines through a dot; what is not shown to differ is grey; the better side of zero is shaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ffsearch.reports.evidence import NETWORK, Contender, Finalist
from ffsearch.reports.rows import bars, dot, row_axes, sides
from ffsearch.reports.style import BAD, BEST, INK, LABEL, MUTED, NARROW, PAPER, WIDE, measure, score_axis
from ffsearch.reports.svg import tell
from ffsearch.reports.tables import ShownObjective
from ffsearch.search.folder.results import Effect, Importance
from ffsearch.search.wording.language import ENGLISH, Language

__all__ = ["change_name", "effects", "finalists", "gains", "importances", "models"]

LONG_LABEL: Final = 260
"""Pixels of names that are topologies."""

_COLOURS: Final = {"better": BEST, "worse": BAD}


def models(
    parts: Sequence[Contender], objective: ShownObjective, *, t: Language = ENGLISH, width: int = WIDE
) -> Figure:
    """Scores of all models on the sealed rows, the best on top, each with its interval; the network is filled.

    Args:
        parts: Models with a test score; at least one.
        objective: What the scores are.
        t: The language.
        width: Pixels of the figure.
    """
    known = [(one, one.test) for one in parts if one.test is not None]
    known.sort(key=lambda one: objective.sign * one[1].value)
    names = [f"{t.named('model', one.name)}  {t.score(test.value)}" for one, test in known]
    figure, axes = row_axes(names, width=width, label_width=230, bottom=44)
    for row, (one, test) in enumerate(known):
        is_network = one.name == NETWORK
        dot(axes, row, test, colour=BEST if is_network else MUTED, filled=is_network)
    axes.margins(x=0.06)
    score_axis(axes, t, label=t("sure.on_test", metric=measure(objective, t)), which="x")
    return figure


def gains(parts: Sequence[Contender], objective: ShownObjective, *, t: Language = ENGLISH, width: int = WIDE) -> Figure:
    """What the network gains over each baseline, row by row on the same sealed rows, with zero as a line.

    Args:
        parts: Baselines with a gain; at least one.
        objective: What the gains are in.
        t: The language.
        width: Pixels of the figure.
    """
    known = [(one, one.gain) for one in parts if one.gain is not None]
    values = [t.plus(t.rounded(gain.value, gain.low, gain.high)[0]) for _, gain in known]
    against = [t("worth.against", model=t.named("model", one.name)) for one, _ in known]
    names = [f"{name}  {value}" for name, value in zip(against, values, strict=True)]
    figure, axes = row_axes(names, width=width, label_width=LONG_LABEL, bottom=44, top=30)
    for row, (_, gain) in enumerate(known):
        colour = BEST if gain.low > 0 else BAD if gain.high < 0 else MUTED
        dot(axes, row, gain, colour=colour)
    axes.margins(x=0.08)
    score_axis(axes, t, label=t("worth.gain", metric=measure(objective, t)), which="x")
    sides(axes, t("worth.worse"), t("worth.better"))
    return figure


def finalists(
    parts: Sequence[Finalist], objective: ShownObjective, *, t: Language = ENGLISH, width: int = WIDE
) -> Figure:
    """Every finalist's scores in the repeats as dots, their mean as a bar, and the score of the search as a ring.

    Args:
        parts: In the order they are to stand in; at least one.
        objective: What the scores are.
        t: The language.
        width: Pixels of the figure.
    """
    names = [f"{t('trial.number')} {one.trial}: {_short(one.topology, t)}" for one in parts]
    figure, axes = row_axes(names, width=width, label_width=LONG_LABEL + 60, bottom=44, top=26)
    for row, one in enumerate(parts):
        colour = BEST if one.is_winner else MUTED
        scores = np.array([score for score in one.scores if np.isfinite(score)])
        tips = [t("sure.repeat", n=number + 1, value=t.score(score)) for number, score in enumerate(scores)]
        tell(
            axes.scatter(scores, np.full(len(scores), row), s=26, color=colour, alpha=0.6, linewidths=0, zorder=3), tips
        )
        if len(scores):
            axes.vlines(scores.mean(), row - 0.3, row + 0.3, color=INK if one.is_winner else MUTED, linewidth=2.4)
        axes.plot(
            one.searched, row, "o", color=colour, markerfacecolor=PAPER, markersize=8, markeredgewidth=1.6, zorder=4
        )
    axes.margins(x=0.06)
    _key(axes, t)
    score_axis(axes, t, label=t("search.valid", metric=measure(objective, t)), which="x")
    return figure


def effects(parts: Sequence[Effect], objective: ShownObjective, *, t: Language = ENGLISH, width: int = WIDE) -> Figure:
    """What each change does to the winner: a dot with its interval beside zero; grey where nothing is shown.

    Args:
        parts: Effects, at least one of them known.
        objective: What differences are in.
        t: The language.
        width: Pixels of the figure.
    """
    known = [one for one in parts if one.is_known]
    names = [change_name(one, t) for one in known]
    figure, axes = row_axes(names, width=width, label_width=LONG_LABEL, bottom=44, top=30)
    for row, one in enumerate(known):
        colour = _COLOURS.get(one.finding, MUTED)
        dot(axes, row, one, colour=colour, filled=one.finding in _COLOURS)
    _rules(axes, [one.factor for one in known])
    axes.margins(x=0.08)
    score_axis(axes, t, label=t("mattered.difference", metric=measure(objective, t)), which="x")
    sides(axes, t("mattered.worse"), t("mattered.better"))
    return figure


def importances(parts: Sequence[Importance], *, t: Language = ENGLISH, width: int = WIDE) -> Figure:
    """How much each parameter told the best trials from all, with intervals; grey where chance does as much.

    Args:
        parts: The most important first; at least one.
        t: The language.
        width: Pixels of the figure.
    """
    names = [t.named("parameter", one.parameter) for one in parts]
    figure, axes = row_axes(names, width=width, label_width=230)
    notes = [
        t("mattered.share" if one.is_shown else "mattered.share_chance", share=t.share(one.value),
          low=t.share(one.low), high=t.share(one.high))
        for one in parts
    ]  # fmt: skip
    ends = [max(one.value, one.high) for one in parts]
    bars(axes, ends, colours=["none"] * len(parts), notes=notes)
    for row, one in enumerate(parts):
        colour = BEST if one.is_shown else MUTED
        axes.barh(row, one.value, height=0.42, color=colour, alpha=0.35)
        dot(axes, row, one, colour=colour, filled=one.is_shown)
    reach = max(ends) * (1.9 if width <= NARROW else 1.55) or 1
    axes.set_xlim(-0.02 * reach, reach)  # a dot at zero is drawn whole
    return figure


def change_name(effect: Effect, t: Language) -> str:
    """What was changed, to what: "deeper, as many parameters", "activation tanh", "dropout rate off"."""
    if effect.factor in ("depth", "width"):
        is_plain = effect.against == "winner"
        return t.named("change", effect.change if is_plain else f"{effect.change}_than_{effect.against}")
    change = {"off": t("parameters.off"), "on": t("parameters.on")}.get(effect.change) or t.written(effect.change)
    return t("change.other", name=t.named("parameter", effect.factor), change=change)


def _short(topology: str, t: Language) -> str:
    """A topology line without its inputs and outputs, which all finalists share."""
    parts = t.topology(topology).split(" → ")
    if len(parts) != 3:
        return topology
    return f"{parts[1]} {parts[2].partition(' ')[2]}"


def _key(axes: Axes, t: Language) -> None:
    """What ring, dots and bar are, above the first row."""
    axes.annotate(
        t("sure.key"), (0, 1), xycoords="axes fraction", xytext=(0, 6), textcoords="offset points", ha="left",
        va="bottom", fontsize=LABEL, color=MUTED, parse_math=False,
    )  # fmt: skip


def _rules(axes: Axes, factors: Sequence[str]) -> None:
    """Hair lines between the rows of different factors."""
    end = 0
    for length in [len(list(group)) for _, group in groupby(factors)][:-1]:
        end += length
        axes.axhline(end - 0.5, color=MUTED, linewidth=0.6, alpha=0.4)
