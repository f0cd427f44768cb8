"""The figure of one-row intervals: what they promise to hold, beside what they hold of the sealed rows."""

from __future__ import annotations

from matplotlib.figure import Figure

from ffsearch.reports.style import BEST, MUTED, NARROW, WIDE, add_axes, canvas, score_axis
from ffsearch.search.folder.results import RowIntervalFacts
from ffsearch.search.wording.language import ENGLISH, Language

__all__ = ["held"]


def held(found: RowIntervalFacts, *, t: Language = ENGLISH, width: int = WIDE) -> Figure:
    """The share held at every level, with its interval; on the line what is promised is held.

    Args:
        found: With at least one level.
        t: The language.
        width: Pixels of the figure.
    """
    figure = canvas(width, 280 if width > NARROW else 260)
    axes = add_axes(figure, left=52, top=40, right=16, bottom=46)
    levels = [100 * one.level for one in found.levels]
    axes.plot([min(levels) - 5, 100], [min(levels) - 5, 100], color=MUTED, linewidth=1)
    low, high = ([100 * getattr(one.held, end) for one in found.levels] for end in ("low", "high"))
    axes.vlines(levels, low, high, color=BEST)
    axes.plot(levels, [100 * one.held.value for one in found.levels], "o", color=BEST, markersize=8)
    score_axis(axes, t, label=t("row_intervals.promised"), which="x")
    score_axis(axes, t, label=t("row_intervals.held"))
    axes.set_xticks(levels)
    return figure
