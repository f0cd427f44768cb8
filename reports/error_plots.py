"""Figures of where the model errs on the sealed rows: confused classes, calibration, residuals, worst slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ffsearch.reports.evidence import Confusion
from ffsearch.reports.rows import dot, row_axes
from ffsearch.reports.style import (
    BAD,
    BEST,
    BEST_SOFT,
    INK,
    LABEL,
    MUTED,
    NARROW,
    PAPER,
    RULE,
    SMALL,
    WIDE,
    add_axes,
    canvas,
    score_axis,
)
from ffsearch.reports.svg import tell
from ffsearch.search.folder.results import Bin, Residuals, Slice
from ffsearch.search.wording.language import ENGLISH, Language, shortened

__all__ = ["confusion", "reliability", "residuals", "slices"]

MAX_CLASSES: Final = 26
"""Classes that are drawn; the page's table has them all. Choice: smaller cells cannot be read on a phone."""

LINE: Final = 11.0
"""Pixels of a row at least, so that its label does not run into the next."""

_LETTER: Final = 6.6
"""Pixels of a letter of a class's name, on average and a little more."""

MAX_NUMBERED: Final = 10
"""Classes up to which each cell has its count written in it."""

DARK: Final = 0.55
"""Share of a row from which on a cell's number is written in paper on ink."""


def confusion(part: Confusion, *, t: Language = ENGLISH, width: int = WIDE) -> Figure:
    """Rows by true class (down) and answered class (across): the right ones blue, the wrong ones red, by row share.

    Args:
        part: Labels and counts.
        t: The language.
        width: Pixels of the figure.
    """
    counts, n = part.counts[:MAX_CLASSES, :MAX_CLASSES], min(len(part.labels), MAX_CLASSES)
    left = 96 if width <= NARROW else 150
    cell = min(64 if n > 2 else 88, (width - left - 10) / n)
    names = [shortened(label, 14) for label in part.labels[:n]]
    longest = max(map(len, names)) * _LETTER
    is_upright = n > 2 and longest > cell
    top = 34 + max(18, longest if is_upright else 0)  # what is answered stands above the names, which may be upright
    figure = canvas(width, top + n * max(0.72 * cell, LINE) + 8)
    axes = add_axes(figure, left=left, right=width - left - n * cell, top=top, bottom=8)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    for down in range(n):
        for across in range(n):
            _cell(axes, down, across, count=int(counts[down, across]), share=float(shares[down, across]), n=n, t=t)
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5))
    axes.set_xticks(range(n), names, rotation=90 if is_upright else 0, color=INK, parse_math=False)
    axes.set_yticks(range(n), names, color=INK, parse_math=False)
    axes.xaxis.tick_top()
    axes.tick_params(labelsize=SMALL)
    axes.spines["bottom"].set_visible(False)
    figure.text(left / width, 0.995, f"{t('errors.answered')} →", ha="left", va="top", fontsize=LABEL, color=MUTED)
    figure.text(0.004, 0.995, f"{t('errors.true')} ↓", ha="left", va="top", fontsize=LABEL, color=MUTED)
    return figure


def reliability(bins: Sequence[Bin], *, label: str, t: Language = ENGLISH, width: int = WIDE) -> Figure:
    """Stated probability against how often it came true, with intervals; the diagonal is perfect. Dots grow with rows.

    Args:
        bins: At least one.
        label: What the probability is of.
        t: The language.
        width: Pixels of the figure.
    """
    side = min(width - 66, 360)
    figure = canvas(width, side + 88)
    axes = add_axes(figure, left=54, right=width - 54 - side, top=40, bottom=48)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    n_all = sum(one.n_rows for one in bins)
    confidence = [one.confidence for one in bins]
    axes.vlines(confidence, [b.low for b in bins], [b.high for b in bins], color=BEST, linewidth=2, alpha=0.5)
    shares = [one.value for one in bins]
    sizes = [25 + 220 * one.n_rows / n_all for one in bins]
    tips = [
        t("errors.bin", confidence=t.share(one.confidence), share=t.share(one.value), low=t.share(one.low),
          high=t.share(one.high), n=t.count(one.n_rows))
        for one in bins
    ]  # fmt: skip
    tell(axes.scatter(confidence, shares, s=sizes, color=BEST, linewidths=0, zorder=3), tips)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    score_axis(axes, t, label=t("errors.share"))
    ticks = np.linspace(0, 1, 5)
    axes.set_xticks(ticks, [t.share(tick) for tick in ticks])
    axes.set_yticks(ticks, [t.share(tick) for tick in ticks])
    axes.set_xlabel(label, fontsize=LABEL, color=MUTED, labelpad=6, parse_math=False)
    return figure


def residuals(part: Residuals, *, t: Language = ENGLISH, width: int = WIDE) -> Figure:
    """Truth less prediction against prediction: rows as dots, half and nine tenths of them as bands, the median a line.

    Args:
        part: Residuals of one target.
        t: The language.
        width: Pixels of the figure.
    """
    figure = canvas(width, 360 if width > NARROW else 300)
    axes = add_axes(figure, left=64, right=16, top=40, bottom=46)
    at, *points = part.bands.T
    axes.scatter(part.predicted, part.residual, s=9, color=MUTED, alpha=0.4, linewidths=0, zorder=4)
    axes.fill_between(at, points[0], points[4], color=BEST_SOFT, alpha=0.55, linewidth=0, zorder=2)
    axes.fill_between(at, points[1], points[3], color=BEST, alpha=0.25, linewidth=0, zorder=3)
    axes.plot(at, points[2], color=BEST, linewidth=2.2, zorder=5)
    axes.axhline(0, color=INK, linewidth=1, zorder=5)
    low, high = np.quantile(part.residual, [0.005, 0.995])
    reach = max(abs(low), abs(high), float(np.abs(part.bands[:, 1:]).max())) * 1.1 or 1.0
    axes.set_ylim(-reach, reach)
    score_axis(axes, t, label=t("errors.residual", target=shortened(part.target)))
    score_axis(axes, t, label=t("errors.predicted", target=shortened(part.target)), which="x")
    axes.grid(axis="x", visible=False)
    return figure


def slices(parts: Sequence[Slice], *, overall: float, label: str, t: Language = ENGLISH, width: int = WIDE) -> Figure:
    """The mean loss of parts of the table with its interval, beside that of all rows; red where it is worse.

    Args:
        parts: The surest first; at least one.
        overall: Mean loss of all rows.
        label: Of the loss axis.
        t: The language.
        width: Pixels of the figure.
    """
    names = [f"{shortened(one.column)}: {t.slice_name(one.rows)} ({t.counted('rows', one.n_rows)})" for one in parts]
    figure, axes = row_axes(names, width=width, label_width=300, bottom=44, top=28)
    for row, one in enumerate(parts):
        dot(axes, row, one, colour=BAD if one.is_worse else MUTED, filled=one.is_worse)
    axes.axvline(overall, color=INK, linewidth=1.2, zorder=1)
    axes.margins(x=0.06)
    low, high = axes.get_xlim()
    is_late = overall > (low + high) / 2
    axes.annotate(
        t("errors.all_rows", value=t.score(overall)), (overall, 1), xycoords=("data", "axes fraction"),
        xytext=(-4 if is_late else 4, 4), textcoords="offset points", ha="right" if is_late else "left", va="bottom",
        fontsize=LABEL, color=INK,
    )  # fmt: skip
    score_axis(axes, t, label=label, which="x")
    return figure


def _cell(axes: Axes, down: int, across: int, *, count: int, share: float, n: int, t: Language) -> None:
    """One cell: the more of its row, the stronger its colour."""
    colour = BEST if down == across else BAD
    axes.add_patch(Rectangle((across - 0.5, down - 0.5), 1, 1, facecolor=PAPER, edgecolor=RULE, linewidth=1))
    if count:
        axes.add_patch(
            Rectangle((across - 0.5, down - 0.5), 1, 1, facecolor=colour, edgecolor="none", alpha=0.08 + 0.92 * share)
        )
    if n <= MAX_NUMBERED:
        ink = PAPER if share > DARK else INK if count else MUTED
        axes.text(across, down, t.count(count), ha="center", va="center", fontsize=LABEL, color=ink)
