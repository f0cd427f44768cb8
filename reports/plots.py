"""Figures of the winner and of the search: tables in, a matplotlib Figure out, no state left behind.

    from ffsearch.reports import plots, tables
    plots.search_history(tables.history(run), tables.objective(run))

All take the language and the width in pixels; both have defaults that suit a notebook.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon
from matplotlib.ticker import MaxNLocator

from ffsearch.reports.curves import Curves
from ffsearch.reports.rows import LABEL_WIDTH, bars, dot, row_axes
from ffsearch.reports.style import (
    BEST,
    BEST_SOFT,
    FAINT,
    INK,
    LABEL,
    MARKS,
    MUTED,
    NARROW,
    PAPER,
    RULE,
    SMALL,
    TRAIN,
    WIDE,
    add_axes,
    canvas,
    measure,
    score_axis,
)
from ffsearch.reports.svg import tell
from ffsearch.reports.tables import Layers, NamedScore, ShownObjective
from ffsearch.search.wording.language import ENGLISH, Language

__all__ = [
    "ScoreRange",
    "ending_reasons",
    "learning",
    "mark_lane",
    "network",
    "score_line",
    "score_range",
    "search_history",
    "time_spent",
    "whole_x",
]

SHOWN_QUANTILE: Final = 0.9
"""Share of scores that an axis is made for. Choice: the start of a search must not flatten the rest of it."""

STRETCH: Final = 1.6
"""Scores beyond this many times the usual span lie in a lane of their own; closer ones stretch the axis. By eye."""

LAYER_WIDTH: Final = 12
"""Pixels of a layer's bar."""

MAX_TIPS: Final = 100
"""Epochs of the winner that tell their losses when pointed at."""

LINE_GAP: Final = 15
"""Pixels between the labels of two lines."""


@dataclass(frozen=True, kw_only=True)
class ScoreRange:
    """The part of the score axis that is drawn to scale, and the lane past its bad end for all that does not fit.

    Args:
        best: The best score.
        worst: The worst score drawn to scale.
        has_beyond: Whether a score is worse than that.
        has_unscored: Whether a trial has no score.
    """

    best: float
    worst: float
    has_beyond: bool
    has_unscored: bool

    @property
    def lane(self) -> float | None:
        """Middle of the lane; None when everything fits."""
        return self.worst + 0.15 * self._span if self.has_beyond or self.has_unscored else None

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the axis, the lower first."""
        bad_end = 0.22 if self.lane is not None else 0.06
        good, bad = self.best - 0.08 * self._span, self.worst + bad_end * self._span
        return min(good, bad), max(good, bad)

    @property
    def lane_limits(self) -> tuple[float, float]:
        """Ends of the lane."""
        return self.worst + 0.08 * self._span, self.worst + 0.22 * self._span

    def place(self, values: pd.Series[float]) -> pd.Series[float]:
        """Where scores are drawn: at their value, or in the lane."""
        fits = (values - self.worst) * np.sign(self._span) <= 0
        return values if self.lane is None else values.where(fits, self.lane)

    @property
    def _span(self) -> float:
        """From the best to the worst, with its sign; never zero."""
        return (self.worst - self.best) or max(abs(self.best) * 0.1, 1e-6)


def score_range(values: pd.Series[float], objective: ShownObjective) -> ScoreRange | None:
    """What of these scores an axis shows to scale; None when there is no score."""
    known = values.dropna()
    if known.empty:
        return None
    best, worst = objective.best(known), float(known.max() if objective.is_lower_better else known.min())
    quantile = SHOWN_QUANTILE if objective.is_lower_better else 1 - SHOWN_QUANTILE
    usual = float(known.quantile(quantile))
    has_beyond = abs(worst - best) > STRETCH * abs(usual - best) > 0
    shown = best + 1.1 * (usual - best) if has_beyond else worst
    return ScoreRange(best=best, worst=shown, has_beyond=has_beyond, has_unscored=bool(values.isna().any()))


def network(layers: Layers, *, t: Language = ENGLISH, width: int = WIDE, note: str = "") -> Figure:
    """The network drawn as one bar a layer, the taller the more units (logarithmic).

    Args:
        layers: Units of every layer.
        t: The language.
        width: Pixels of the figure.
        note: What is said below the layers: activation, regularisers.
    """
    lines = textwrap.wrap(note, max(20, width // 9))
    figure = canvas(width, 215 + 16 * len(lines))
    axes = add_axes(figure, left=24, right=24, top=4, bottom=6 + 16 * len(lines))
    axes.axis("off")
    sizes = (layers.n_inputs, *layers.hidden, layers.n_outputs)
    heights = [0.1 + 0.9 * float(np.log1p(units) / np.log1p(max(sizes))) for units in sizes]
    last = len(sizes) - 1
    for at in range(last):
        _connection(axes, at, heights[at], heights[at + 1])
    for at, (units, height) in enumerate(zip(sizes, heights, strict=True)):
        _layer(
            axes, at, height, t.count(units), breadth=LAYER_WIDTH * (last + 0.7) / (width - 48), is_hidden=0 < at < last
        )
    for at, key in ((0, "answer.inputs"), (last, "answer.outputs")):
        axes.text(at, -heights[at] / 2 - 0.05, t(key), ha="center", va="top", fontsize=LABEL, color=MUTED)
    axes.set(xlim=(-0.35, last + 0.35), ylim=(-0.64, 0.66))
    figure.text(0.5, 0.02, "\n".join(lines), ha="center", va="bottom", fontsize=LABEL, color=INK, parse_math=False)
    return figure


def score_line(
    scores: Sequence[NamedScore], objective: ShownObjective, *, t: Language = ENGLISH, width: int = WIDE
) -> Figure:
    """All estimates of one network's score under each other on one axis, with their intervals; the test is filled."""
    names = [f"{t.named('score', score.name)}  {t.score(score.value)}" for score in scores]
    figure, axes = row_axes(names, width=width, label_width=230, bottom=44)
    for row, score in enumerate(scores):
        dot(axes, row, score.estimate, colour=BEST if score.name == "test" else MUTED, filled=score.name == "test")
    axes.margins(x=0.08)
    score_axis(axes, t, label=measure(objective, t), which="x")
    return figure


def learning(curves: Curves, *, t: Language = ENGLISH, width: int = WIDE, label: str | None = None) -> Figure:
    """The winner's losses by epoch, its best epoch marked, its other repeats thin, and other trials' faint.

    Where it was not trained again the other finalists' are thin.
    """
    figure = canvas(width, 340 if width > NARROW else 300)
    axes = add_axes(figure, left=48, right=84, top=40, bottom=42)
    faint = (*curves.others, *curves.finalists) if curves.repeats else curves.others
    for colour, width_of_line, those in ((FAINT, 0.8, faint), (BEST, 1.0, curves.repeats or curves.finalists)):
        for curve in those:
            (line,) = axes.plot(curve.epochs, curve.losses, color=colour, linewidth=width_of_line, alpha=0.6, zorder=1)
            tell(line, trials=[curve.trial])
    best = curves.best
    axes.plot(best["epoch"], best["train_loss"], color=TRAIN, linewidth=1.8, linestyle=(0, (4, 1.6)), zorder=3)
    axes.plot(best["epoch"], best["valid_loss"], color=BEST, linewidth=2.4, zorder=4)
    _epoch_tips(axes, best, t)
    axes.set_ylim(*_loss_limits(curves))
    axes.set_xlim(0.5, max(2.0, float(best["epoch"].max())) * 1.02)
    _mark_best_epoch(axes, curves, t)
    _end_labels(axes, best, t)
    score_axis(axes, t, label=label or t("learning.loss"))
    whole_x(axes, t("learning.epoch"))
    return figure


def search_history(
    history: pd.DataFrame, objective: ShownObjective, *, t: Language = ENGLISH, width: int = WIDE
) -> Figure:
    """Every trial's score in the order of the search, its shape telling why it ended, and the best so far as a line.

    Raises:
        ValueError: If no trial has a score.
    """
    shown = score_range(history["value"], objective)
    if shown is None:
        raise ValueError("No trial has a score, so there is no history to draw.")
    n_columns = 4 if width > NARROW else 2
    legend_height = 16 * math.ceil((history["ended"].nunique() + 1) / n_columns)
    figure = canvas(width, 330 + legend_height)
    axes = add_axes(figure, left=52, right=16, top=40 + legend_height, bottom=42)
    _marks(axes, history["trial"], shown.place(history["value"]), ended=history["ended"], t=t)
    _best_so_far(axes, history, objective, t=t, is_narrow=width <= NARROW)
    mark_lane(axes, shown)
    if shown.lane is not None:
        beyond = {"search.beyond": shown.has_beyond, "search.unscored": shown.has_unscored}
        what = t("search.shaded", what=" · ".join(t(key) for key, is_there in beyond.items() if is_there))
        axes.set_title(what, fontsize=SMALL, color=MUTED, loc="right", pad=10)
    score_axis(axes, t, label=t("search.valid", metric=measure(objective, t)))
    axes.set_ylim(*shown.limits)
    last = max(1, int(history["trial"].max()))
    axes.set_xlim(-0.02 * last - 0.4, 1.02 * last + 0.4)
    whole_x(axes, t("search.trial"))
    figure.legend(
        loc="upper left", ncols=n_columns, frameon=False, fontsize=SMALL, labelcolor=INK,
        handletextpad=0.3, columnspacing=1.6, borderaxespad=0.2,
    )  # fmt: skip
    return figure


def ending_reasons(endings: pd.DataFrame, *, t: Language = ENGLISH, width: int = WIDE) -> Figure:
    """How many trials ended for which reason; the bar's label adds the training time they took."""
    names = [t.named("ended", reason) for reason in endings["ended"]]
    figure, axes = row_axes(names, width=width, label_width=LABEL_WIDTH)
    colours = [MARKS[reason].colour if reason in MARKS else MUTED for reason in endings["ended"]]
    counted = zip(endings["n"].astype(int), endings["train_s"].astype(float), strict=True)
    notes = [f"{t.counted('trials', n)}, {t.duration(seconds)}" for n, seconds in counted]
    bars(axes, list(endings["n"]), colours=colours, notes=notes)
    return figure


def time_spent(parts: dict[str, float], *, t: Language = ENGLISH, width: int = WIDE) -> Figure:
    """What the run's time went into."""
    figure, axes = row_axes([t.named("time", name) for name in parts], width=width, label_width=LABEL_WIDTH)
    total = sum(parts.values())
    notes = [f"{t.duration(seconds)}, {t.share(seconds / total)}" for seconds in parts.values()]
    colours = [BEST if name == "train" else MUTED for name in parts]
    bars(axes, list(parts.values()), colours=colours, notes=notes)
    return figure


def mark_lane(axes: Axes, shown: ScoreRange, *, which: str = "y") -> None:
    """The lane of what does not fit on the score axis, shaded."""
    if shown.lane is not None:
        (axes.axhspan if which == "y" else axes.axvspan)(*shown.lane_limits, color=RULE, alpha=0.45, linewidth=0)


def _connection(axes: Axes, at: int, left: float, right: float) -> None:
    """The weights between two layers, as one pale band."""
    corners = [(at, -left / 2), (at, left / 2), (at + 1, right / 2), (at + 1, -right / 2)]
    axes.add_patch(Polygon(corners, closed=True, facecolor=BEST_SOFT, edgecolor="none", alpha=0.6))


def _layer(axes: Axes, at: int, height: float, label: str, *, breadth: float, is_hidden: bool) -> None:
    """One layer: a bar around the middle line, its units above it."""
    bar = FancyBboxPatch(
        (at - breadth / 2, -height / 2), breadth, height, boxstyle=f"round,pad=0,rounding_size={breadth / 4}",
        facecolor=BEST if is_hidden else MUTED, edgecolor="none",
    )  # fmt: skip
    axes.add_patch(bar)
    axes.text(at, height / 2 + 0.03, label, ha="center", va="bottom", fontsize=LABEL + 1, color=INK, parse_math=False)


def _loss_limits(curves: Curves) -> tuple[float, float]:
    """Ends of the loss axis: all of the winner's curve, and of the others as much as does not squeeze it."""
    own = curves.best[["train_loss", "valid_loss"]].to_numpy(dtype=float)
    own = own[np.isfinite(own)]
    all_others = (*curves.others, *curves.finalists, *curves.repeats)
    lows = [float(curve.losses.min()) for curve in all_others if len(curve.losses)]
    low, high = min([float(own.min()), *lows]), float(own.max())
    span = (high - low) or abs(high) or 1.0
    return low - 0.06 * span, high + 0.08 * span


def _epoch_tips(axes: Axes, best: pd.DataFrame, t: Language) -> None:
    """Unseen marks along the winner's curve that say its losses at each epoch."""
    step = -(-len(best) // MAX_TIPS)
    shown = best[np.isfinite(best["valid_loss"])].iloc[::step]
    tips = [
        t("learning.tip", epoch=row["epoch"], valid=t.score(row["valid_loss"]), train=t.score(row["train_loss"]))
        for row in shown.to_dict("records")
    ]
    tell(axes.scatter(shown["epoch"], shown["valid_loss"], s=90, color=BEST, alpha=0.0, linewidths=0, zorder=6), tips)


def _mark_best_epoch(axes: Axes, curves: Curves, t: Language) -> None:
    """A ring on the winner's validation loss where its weights were kept, and a line up to its name."""
    at = curves.best.loc[curves.best["epoch"] == curves.best_epoch, "valid_loss"]
    if at.empty:
        return
    axes.axvline(curves.best_epoch, color=MUTED, linewidth=1, linestyle=(0, (1, 2)), zorder=2)
    axes.plot(
        curves.best_epoch, at.iloc[0], "o", color=BEST, markerfacecolor=PAPER, markersize=8, markeredgewidth=2, zorder=5
    )
    is_late = curves.best_epoch > 0.6 * float(axes.get_xlim()[1])
    axes.annotate(
        t("learning.best", epoch=curves.best_epoch), (curves.best_epoch, 1), xycoords=("data", "axes fraction"),
        xytext=(-6 if is_late else 6, -4), textcoords="offset points", ha="right" if is_late else "left", va="top",
        fontsize=LABEL, color=INK,
    )  # fmt: skip


def _end_labels(axes: Axes, best: pd.DataFrame, t: Language) -> None:
    """The names of both lines at their ends, moved apart where they would touch."""
    ends = {"learning.valid": (BEST, best["valid_loss"]), "learning.train": (TRAIN, best["train_loss"])}
    known = {
        key: (colour, float(losses.dropna().iloc[-1])) for key, (colour, losses) in ends.items() if losses.notna().any()
    }
    ordered = sorted(known, key=lambda key: known[key][1])
    pixel = [float(axes.transData.transform((0, known[key][1]))[1]) * 72 / axes.figure.dpi for key in ordered]
    missing = max(0.0, LINE_GAP - (pixel[-1] - pixel[0])) / 2 if len(ordered) == 2 else 0.0
    for key, shift in zip(ordered, (-missing, missing), strict=False):
        colour, value = known[key]
        axes.annotate(
            t(key), (1, value), xycoords=("axes fraction", "data"), xytext=(6, shift), textcoords="offset points",
            va="center", fontsize=LABEL, color=colour,
        )  # fmt: skip


def _marks(axes: Axes, x: pd.Series[int], y: pd.Series[float], *, ended: pd.Series[str], t: Language) -> None:
    """Trials as marks that tell why each ended, with an entry for the legend."""
    for reason, mark in MARKS.items():
        chosen = ended == reason
        if not chosen.any():
            continue
        label = f"{t.named('ended', reason)} ({t.count(int(chosen.sum()))})"
        marks = axes.scatter(
            x[chosen], y[chosen], s=30, marker=mark.shape, color=mark.colour, linewidths=1.3, alpha=0.85, label=label
        )
        tell(marks, trials=x[chosen].tolist())
        if not mark.filled:
            marks.set_facecolor(PAPER)


def _best_so_far(axes: Axes, history: pd.DataFrame, objective: ShownObjective, *, t: Language, is_narrow: bool) -> None:
    """The step line of the best so far, and the best trial's ring with its name, of which a phone has no room."""
    axes.step(
        history["trial"],
        history["best_so_far"],
        where="post",
        color=INK,
        linewidth=1.6,
        label=t("search.best_so_far"),
        zorder=2,
    )
    chosen = history[history["is_best"] & history["value"].notna()]
    if chosen.empty:
        return
    row = chosen.iloc[0]
    axes.plot(row["trial"], row["value"], "o", color=INK, markerfacecolor="none", markersize=13, markeredgewidth=1.6)
    is_late = row["trial"] > 0.6 * history["trial"].max()
    score = t.score(row["value"])
    axes.annotate(
        score if is_narrow else t("search.best_label", trial=row["trial"], value=score), (row["trial"], row["value"]),
        xytext=(-11 if is_late else 11, -4 * objective.sign), textcoords="offset points", fontsize=LABEL, color=INK,
        ha="right" if is_late else "left", va="top" if objective.is_lower_better else "bottom", parse_math=False,
    )  # fmt: skip


def whole_x(axes: Axes, label: str) -> None:
    """An x axis of whole numbers."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.set_xlabel(label, fontsize=LABEL, color=MUTED, labelpad=6)
