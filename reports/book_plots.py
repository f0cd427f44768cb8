"""Figures 6.6 and 6.7 as the book draws them: right answers in per cent, rising upwards.

    from ffsearch.reports import book_plots, capacity_tables
    book_plots.by_depth(capacity_tables.study_tables(run), t=words)

Of numbers the share of the variance that is explained stands for the share of right answers.
"""

from __future__ import annotations

import textwrap
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ffsearch.reports.capacity_plots import SAMPLE, end_labels, size_ticks
from ffsearch.reports.capacity_tables import StudyTables, everyday
from ffsearch.reports.style import (
    BAD,
    BEST,
    FAINT,
    INK,
    LABEL,
    LETTER,
    MUTED,
    NARROW,
    WIDE,
    add_axes,
    canvas,
    score_axis,
)
from ffsearch.search.folder.study_results import StudyLine
from ffsearch.search.wording.language import Language

__all__ = ["by_depth", "by_size", "kind_name"]

_MARKS: Final = ("o", "s", "D", "^", "v", "P", "X", "*")
_DASHES: Final = ("-", "--", "-.", ":")
_COLOURS: Final = (BEST, BAD, INK, MUTED)

_HEIGHT: Final = 340
"""Pixels of both figures, for they stand beside each other."""


def kind_name(line: StudyLine, study: StudyTables, t: Language) -> str:
    """A line as the legend of figure 6.7 names it: `3, convolutional`."""
    is_convolutional = study.is_convolutional and line.widened != "units"
    return t("capacity.book.convolutional" if is_convolutional else "capacity.book.dense", depth=line.depth)


def by_depth(study: StudyTables, *, title: str, t: Language, width: int = WIDE) -> Figure:
    """Figure 6.6: the test score against the number of hidden layers.

    A point is a depth at the size that its validation rows chose; its whisker is the interval of the difference to the
    shallowest depth, so that one which leaves the dashed line out is shown to differ. Lines of one size stand behind.
    """
    figure = canvas(width, _HEIGHT)
    axes = _axes(figure, title, study, t, width=width, right=16)
    points = study.found.by_depth
    for budget in study.budgets:
        cells = study.of_budget(budget)
        axes.plot([cell.depth for cell in cells], [100 * everyday(cell).value for cell in cells], color=FAINT, zorder=1)
    depths = [point.depth for point in points]
    axes.axhline(100 * points[0].value, color=MUTED, linewidth=1, linestyle=(0, (2, 3)), zorder=1)
    axes.vlines(
        depths[1:], [100 * point.low for point in points[1:]], [100 * min(point.high, 1.0) for point in points[1:]],
        color=BEST, linewidth=1.4, zorder=2,
    )  # fmt: skip
    axes.plot(
        depths, [100 * point.value for point in points], color=BEST, linewidth=2, marker="o", markersize=7, zorder=3
    )
    axes.set_xticks(depths, [t.count(depth) for depth in depths])
    span = max(1, depths[-1] - depths[0])
    axes.set_xlim(depths[0] - 0.06 * span, depths[-1] + 0.06 * span)
    axes.set_xlabel(t("capacity.book.layers"), fontsize=LABEL, color=MUTED, labelpad=6)
    return figure


def by_size(study: StudyTables, *, title: str, t: Language, width: int = WIDE) -> Figure:
    """Figure 6.7: the test score against the number of parameters, a line for each kind of network, with intervals."""
    is_wide = width > NARROW
    right, below = (128, 0) if is_wide else (16, 24 * len(study.lines))  # where the kinds are named
    figure = canvas(width, _HEIGHT + below)
    axes = _axes(figure, title, study, t, width=width, right=right, below=below)
    ends, samples = [], {}
    for number, line in enumerate(study.lines):
        cells = study.of_line(line)
        sizes = [cell.n_params for cell in cells]
        values, lows, highs = (
            [100 * getattr(everyday(cell), part) for cell in cells] for part in ("value", "low", "high")
        )
        colour, mark, dashes = _look(number)
        axes.fill_between(sizes, lows, highs, color=colour, alpha=0.1, linewidth=0)
        name = kind_name(line, study, t)
        samples[name] = axes.plot(
            sizes, values, color=colour, linewidth=2, linestyle=dashes, marker=mark, markersize=6, label=name, zorder=3
        )[0]
        ends.append((float(sizes[-1]), values[-1], name))
    axes.set_xscale("log")
    size_ticks(axes, study, t)
    axes.set_xlabel(t("capacity.book.parameters"), fontsize=LABEL, color=MUTED, labelpad=6)
    if is_wide:
        end_labels(axes, ends, heading="", gap=10 + SAMPLE + 4, samples=samples)
    else:
        figure.legend(
            loc="lower left", bbox_to_anchor=(0.0, 0.0), ncols=1, frameon=False, labelcolor=MUTED, borderaxespad=0.1,
            handlelength=3,
        )  # fmt: skip
    return figure


def _look(number: int) -> tuple[str, str, str]:
    """Colour, mark and dashes of a line; no two of sixteen share both colour and dashes."""
    turn, colour = divmod(number, len(_COLOURS))
    return _COLOURS[colour], _MARKS[number % len(_MARKS)], _DASHES[(colour + turn) % len(_DASHES)]


def _axes(
    figure: Figure, title: str, study: StudyTables, t: Language, *, width: int, right: float, below: float = 0
) -> Axes:
    """Axes of a score in per cent under a title of as many lines as it needs."""
    lines = textwrap.wrap(title, int(0.9 * width / LETTER))  # bold letters are wider
    axes = add_axes(figure, left=52, top=44 + 18 * len(lines), right=right, bottom=46 + below)
    figure.text(
        0.0, 1.0, "\n".join(lines), fontsize=LABEL, weight="bold", color=INK, ha="left", va="top", parse_math=False
    )
    score_axis(axes, t, label=t(f"capacity.book.{study.found.everyday}"))
    return axes
