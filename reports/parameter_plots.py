"""The parameter pictures: each searched parameter against the score, as clouds for numbers and strips for choices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator
from numpy.typing import NDArray

from ffsearch.reports.plots import ScoreRange, mark_lane, score_range
from ffsearch.reports.style import (
    BEST,
    INK,
    LABEL,
    MUTED,
    NARROW,
    PAPER,
    RULE,
    WIDE,
    add_axes,
    canvas,
    measure,
    score_axis,
)
from ffsearch.reports.svg import tell
from ffsearch.reports.tables import ParameterSlice, ShownObjective, slice_groups
from ffsearch.search.wording.language import ENGLISH, Language

__all__ = ["Scale", "choice_strips", "level_name", "number_clouds"]

OFF_AT: Final = -0.18
"""Middle of the lane of "off", in widths of the axis left of its low end."""

LANE_HALF: Final = 0.07
"""Half its breadth."""

JITTER: Final = 0.6
"""Share of a lane's or a row's breadth over which equal values are spread."""

COUNTED_JITTER: Final = 0.5
"""That share again for whole numbers, so that no dot seems to lie between two."""

MAX_COUNTED: Final = 8
"""Whole numbers over a span of so many are ticked one by one, and their trials spread sideways."""

_GOLDEN: Final = 0.6180339887498949  # its multiples modulo 1 lie evenly: jitter that needs no generator

Numbers = NDArray[np.floating[Any]]


def number_clouds(
    slices: Sequence[ParameterSlice], objective: ShownObjective, *, t: Language = ENGLISH, width: int = WIDE
) -> Figure:
    """One panel a number: its value against the score, on a log axis where it was searched so, "off" in its own lane.

    Args:
        slices: Those with `is_number`; at least one.
        objective: What the scores are.
        t: The language.
        width: Pixels of the figure.
    """
    n_columns, height, n_ticks = (3, 215, 4) if width > NARROW else (2, 190, 2)
    n_rows = math.ceil(len(slices) / n_columns)
    figure = canvas(width, 26 + n_rows * height)
    shown = _shared_range(slices, objective)
    for index, part in enumerate(slices):
        row, column = divmod(index, n_columns)
        axes = add_axes(
            figure,
            left=column * width / n_columns + 44,
            right=width - (column + 1) * width / n_columns + 8,
            top=26 + row * height + 28,
            bottom=(n_rows - 1 - row) * height + 32,
        )
        _cloud(axes, part, shown, t=t, n_ticks=n_ticks)
        name = _panel_name(part, t, is_narrow=width <= NARROW)
        axes.set_title(name, fontsize=LABEL, color=INK, loc="left", pad=7, parse_math=False)
    _headline(figure, t("search.valid", metric=measure(objective, t)))
    return figure


def choice_strips(
    slices: Sequence[ParameterSlice], objective: ShownObjective, *, t: Language = ENGLISH, width: int = WIDE
) -> Figure:
    """One row a choice, the best median on top: every trial a dot on the score axis, the median a bar.

    Args:
        slices: Those without `is_number`; at least one.
        objective: What the scores are.
        t: The language.
        width: Pixels of the figure.
    """
    tables = [slice_groups(part, objective) for part in slices]
    row_height, head, foot = 26, 36, 46
    heights = [head + row_height * len(table) for table in tables]
    figure = canvas(width, sum(heights) + foot)
    shown = _shared_range(slices, objective)
    for index, (part, table) in enumerate(zip(slices, tables, strict=True)):
        axes = add_axes(
            figure,
            left=112 if width > NARROW else 88,
            right=12,
            top=sum(heights[:index]) + head,
            bottom=sum(heights[index + 1 :]) + foot,
        )
        label = t("search.valid", metric=measure(objective, t)) if index == len(slices) - 1 else ""
        _strips(axes, part, [str(level) for level in table["low"]], shown=shown, t=t)
        score_axis(axes, t, label=label, which="x")
        axes.tick_params(labelbottom=bool(label))
        axes.set_title(t.named("parameter", part.name), fontsize=LABEL, color=INK, loc="left", pad=7, parse_math=False)
    return figure


class Scale:
    """Where the values of one number lie along its panel, from 0 to 1.

    Args:
        values: What is placed, "off" aside, shape (n,).
        log: Whether equal ratios take equal room.
    """

    def __init__(self, values: Numbers, *, log: bool) -> None:
        self._warp = np.log10 if log else np.asarray
        self._log = log
        known = np.unique(values)
        self._low, self._high = (float(known[0]), float(known[-1])) if len(known) else (0.0, 1.0)
        self.is_counted = self._high - self._low < MAX_COUNTED and bool(np.all(known == known.round()))
        self._known = known
        gaps = np.diff(self.place(known))
        self.step = float(gaps.min()) if len(gaps) else 0.2  # 0.2: any room that looks like one value

    def place(self, values: Numbers) -> Numbers:
        """Positions of values; a lone value lies in the middle."""
        low, high = self._warp([self._low, self._high])
        if low == high:
            return np.full(len(values), 0.5)
        return np.asarray((self._warp(values) - low) / (high - low), dtype=np.float64)

    def ticks(self, t: Language, *, n_most: int) -> dict[float, str]:
        """Labels by position, no more than so many, unless values are counted."""
        if self.is_counted:
            return self._labels(self._known, t)
        locator = LogLocator(subs=(1.0, 3.0)) if self._log else MaxNLocator(nbins=n_most)
        inside = np.asarray(locator.tick_values(self._low, self._high))
        inside = inside[(inside >= self._low * 0.999) & (inside <= self._high * 1.001)]
        if self._log and len(inside) > n_most:
            inside = inside[np.isclose(np.log10(inside) % 1, 0)]
        if len(inside) < 2:
            inside = self._known[[0, -1]] if len(self._known) > 1 else self._known
        return self._labels(inside[:: math.ceil(len(inside) / n_most)] if len(inside) else inside, t)

    def _labels(self, values: Numbers, t: Language) -> dict[float, str]:
        return {float(at): t.setting(float(value)) for at, value in zip(self.place(values), values, strict=True)}


def _shared_range(slices: Sequence[ParameterSlice], objective: ShownObjective) -> ScoreRange:
    """The score axis that all panels share."""
    shown = score_range(pd.concat([part.frame["value"] for part in slices]), objective)
    if shown is None:
        raise ValueError("No trial has a score, so its parameters cannot be drawn against one.")
    return shown


def _cloud(axes: Axes, part: ParameterSlice, shown: ScoreRange, *, t: Language, n_ticks: int) -> None:
    """One panel of a number."""
    values = part.frame["x"].to_numpy(dtype=np.float64)
    is_off = (values == 0) & part.has_off
    scale = Scale(values[~is_off], log=part.log)
    jitter = _jitter(part.frame["trial"])
    at = np.full(len(values), OFF_AT) + jitter * 2 * LANE_HALF
    at[~is_off] = scale.place(values[~is_off]) + (
        jitter[~is_off] * COUNTED_JITTER * scale.step if scale.is_counted else 0
    )
    ticks = scale.ticks(t, n_most=n_ticks)
    if is_off.any():
        ticks = {at: text for at, text in ticks.items() if at > LANE_HALF}  # "off" needs the room
        axes.axvspan(OFF_AT - LANE_HALF, OFF_AT + LANE_HALF, color=RULE, alpha=0.45, linewidth=0)
        ticks[OFF_AT] = t("parameters.off")
    mark_lane(axes, shown)
    _dots(axes, at, shown.place(part.frame["value"]).to_numpy(), part)
    score_axis(axes, t, label="")
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_xlim(OFF_AT - LANE_HALF - 0.03 if is_off.any() else -0.08, 1.08)
    axes.set_ylim(*shown.limits)


def _panel_name(part: ParameterSlice, t: Language, *, is_narrow: bool) -> str:
    """The parameter with what it is counted in and its scale; on a phone without them, as panels stand close there."""
    name, _, unit = t.named("parameter", part.name).partition(" (")
    notes = [*([unit.removesuffix(")")] if unit else []), *([t("parameters.log")] if part.log else [])]
    return name if is_narrow or not notes else f"{name} ({', '.join(notes)})"


def _strips(axes: Axes, part: ParameterSlice, levels: Sequence[str], *, shown: ScoreRange, t: Language) -> None:
    """The rows of one choice."""
    row = part.frame["x"].map({level: row for row, level in enumerate(levels)}).to_numpy(dtype=np.float64)
    scores = shown.place(part.frame["value"])
    mark_lane(axes, shown, which="x")
    _dots(axes, scores.to_numpy(), row + _jitter(part.frame["trial"]), part)
    medians = scores.groupby(row).median()
    axes.vlines(medians, medians.index - 0.36, medians.index + 0.36, color=INK, linewidth=2.2, zorder=4)
    axes.set_yticks(range(len(levels)), [level_name(level, t) for level in levels], color=INK)
    axes.set_ylim(len(levels) - 0.45, -0.55)
    axes.set_xlim(*shown.limits)


def level_name(level: str, t: Language) -> str:
    """What a choice is called: switches are on or off."""
    return {"True": t("parameters.on"), "False": t("parameters.off")}.get(level, level)


def _dots(axes: Axes, x: Numbers, y: Numbers, part: ParameterSlice) -> None:
    """Trials as dots, the best one ringed in ink."""
    is_best, trials = part.frame["is_best"].to_numpy(dtype=bool), part.frame["trial"].to_numpy()
    others = axes.scatter(x[~is_best], y[~is_best], s=17, color=BEST, alpha=0.5, linewidths=0, zorder=3)
    tell(others, trials=trials[~is_best].tolist())
    axes.scatter(x[is_best], y[is_best], s=62, facecolors=PAPER, edgecolors=INK, linewidths=1.8, zorder=5)
    tell(
        axes.scatter(x[is_best], y[is_best], s=17, color=BEST, linewidths=0, zorder=6), trials=trials[is_best].tolist()
    )


def _jitter(trials: pd.Series[int]) -> Numbers:
    """A shift for each trial, evenly spread over ±JITTER/2 and the same in every figure."""
    return ((trials.to_numpy(dtype=np.float64) + 1) * _GOLDEN % 1 - 0.5) * JITTER


def _headline(figure: Figure, text: str) -> None:
    """The label that all panels' score axes share, at the figure's top left."""
    figure.text(0.004, 0.995, text, ha="left", va="top", fontsize=LABEL, color=MUTED, parse_math=False)
