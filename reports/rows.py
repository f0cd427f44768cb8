"""Figures of one named row an item: names on the left (on a phone above), dots with intervals or bars to the right."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ffsearch.reports.style import BEST_SOFT, INK, LABEL, LETTER, MUTED, NARROW, PAPER, add_axes, canvas
from ffsearch.search.folder.results import Estimate

__all__ = ["LABEL_WIDTH", "bars", "dot", "row_axes", "sides"]

LABEL_WIDTH: Final = 180
"""Pixels that the names of rows take on a wide page."""


def row_axes(
    names: Sequence[str], *, width: int, label_width: int, bottom: int = 8, top: int = 8
) -> tuple[Figure, Axes]:
    """Axes with one named row an item, the first on top; on a phone the name stands above its row.

    Args:
        names: Of the rows; a long one is broken into two lines.
        width: Pixels of the figure.
        label_width: Pixels for names on a wide page.
        bottom: Pixels below the rows.
        top: Pixels above them.
    """
    is_narrow = width <= NARROW
    row_height = 48 if is_narrow else 34
    figure = canvas(width, bottom + top + row_height * len(names))
    axes = add_axes(figure, left=8 if is_narrow else label_width, right=8, top=top, bottom=bottom)
    axes.set_yticks([])
    axes.set_ylim(len(names) - 0.4, -0.75 if is_narrow else -0.6)
    n_letters = int((width - 16 if is_narrow else label_width - 16) / LETTER)
    for row, name in enumerate(names):
        axes.annotate(
            _broken(name, n_letters, n_lines=1 if is_narrow else 2), (0, row), xycoords=("axes fraction", "data"),
            xytext=(0, 13) if is_narrow else (-12, 0), textcoords="offset points",
            ha="left" if is_narrow else "right", va="bottom" if is_narrow else "center", fontsize=LABEL, color=INK,
            parse_math=False, linespacing=1.1, zorder=6,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.8, "alpha": 0.8} if is_narrow else None,
        )  # fmt: skip
    return figure, axes


def dot(axes: Axes, row: float, estimate: Estimate | float, *, colour: str, filled: bool = True) -> None:
    """A value as a dot on its row, with its interval as a line through it."""
    value = estimate if isinstance(estimate, float) else estimate.value
    if isinstance(estimate, Estimate):
        axes.plot(
            [estimate.low, estimate.high], [row, row], color=colour, linewidth=3, alpha=0.55, solid_capstyle="round"
        )
    face = colour if filled else PAPER
    axes.plot(value, row, "o", color=colour, markerfacecolor=face, markersize=9, markeredgewidth=2, zorder=4)


def bars(axes: Axes, values: Sequence[float], *, colours: Sequence[str], notes: Sequence[str]) -> None:
    """One bar a row with its note at the end; no axis, as the note says the number."""
    axes.barh(range(len(values)), values, height=0.42, color=colours)
    for row, (value, note) in enumerate(zip(values, notes, strict=True)):
        axes.annotate(
            note, (value, row), xytext=(8, 0), textcoords="offset points", va="center", fontsize=LABEL, color=MUTED,
            parse_math=False,
        )  # fmt: skip
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    axes.set_xlim(0, max(values) * 1.55 or 1)


def sides(axes: Axes, worse: str, better: str) -> None:
    """A line at no difference, the better side shaded, and what each side means above it."""
    low, high = axes.get_xlim()
    low, high = min(low, -0.12 * high), max(high, -0.12 * low)
    axes.set_xlim(low, high)
    axes.axvspan(0, high, color=BEST_SOFT, alpha=0.28, linewidth=0, zorder=0)
    axes.axvline(0, color=INK, linewidth=1.2, zorder=1)
    for text, end, align in ((f"← {worse}", 0, "left"), (f"{better} →", 1, "right")):  # at the ends there is room
        axes.annotate(
            text, (end, 1), xycoords="axes fraction", xytext=(0, 5), textcoords="offset points", ha=align, va="bottom",
            fontsize=LABEL, color=MUTED, parse_math=False,
        )  # fmt: skip


def _broken(name: str, n_letters: int, *, n_lines: int) -> str:
    """A name on so many lines at most, cut where it is longer."""
    return "\n".join(textwrap.wrap(name, max(8, n_letters), max_lines=n_lines, placeholder=" …")) or name
