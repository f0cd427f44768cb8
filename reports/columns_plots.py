"""Figures of the table's columns: what each is worth to the models, and how the answer changes along it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.figure import Figure

from ffsearch.reports.rows import dot, row_axes
from ffsearch.reports.style import BEST, BEST_SOFT, LABEL, MUTED, NARROW, WIDE, add_axes, canvas, score_axis
from ffsearch.search.folder.results import ColumnFacts, Estimate
from ffsearch.search.wording.language import ENGLISH, Language, shortened

__all__ = ["N_SHOWN", "curves", "group_name", "importances", "unit_of"]

N_SHOWN: Final = 8
"""Columns in the figure. Choice: what is read; the table has all."""

_OFF: Final = 0.17
"""Rows between the network's dot and that of another model."""


def group_name(columns: Sequence[str], t: Language) -> str:
    """A column, or those that go together: the first two by name."""
    names = [shortened(name, 28) for name in columns[:2]]
    return " + ".join(names) + (f" +{t.count(len(columns) - 2)}" if len(columns) > 2 else "")


def unit_of(found: ColumnFacts) -> float:
    """What the network knows more than nothing, in its loss; where that is not known, its own loss."""
    gain = found.naive - found.network
    return gain if gain > 0 else max(found.network, 1e-12)


def importances(found: ColumnFacts, *, t: Language = ENGLISH, width: int = WIDE) -> Figure:
    """What shuffling each column costs the network, and beside it boosted trees; hollow where it is not shown.

    Args:
        found: With at least one column.
        t: The language.
        width: Pixels of the figure.
    """
    parts, unit = found.importances[:N_SHOWN], unit_of(found)
    figure, axes = row_axes([group_name(one.columns, t) for one in parts], width=width, label_width=260, bottom=48)
    for row, one in enumerate(parts):
        others = list(one.others.values())
        for other in others[:1]:
            dot(axes, row + _OFF, _scaled(other, unit), colour=MUTED)
        colour = BEST if one.is_useful else MUTED
        dot(axes, row - _OFF * bool(others), _scaled(one.network, unit), colour=colour, filled=one.is_useful)
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.margins(x=0.06)
    score_axis(axes, t, label=t("columns.axis"), which="x")
    return figure


def curves(found: ColumnFacts, *, t: Language = ENGLISH, width: int = WIDE) -> Figure:
    """How the answer changes along each column, a panel a column on one scale, intervals as bands.

    Args:
        found: With at least one curve.
        t: The language.
        width: Pixels of the figure.
    """
    parts, is_class = found.curves, found.loss == "log_loss"
    label = t("columns.probability" if is_class else "columns.value", name=t.quoted(found.output))
    n_columns = min(len(parts), 3 if width > NARROW else 1)
    n_rows, high, top = math.ceil(len(parts) / n_columns), 190, 30
    figure = canvas(width, top + n_rows * high)
    wide = (width - 56) / n_columns
    low_end = min(min(one.low) for one in parts)
    high_end = max(max(one.high) for one in parts)
    room = 0.05 * (high_end - low_end or 1)
    for place, one in enumerate(parts):
        row, column = divmod(place, n_columns)
        axes = add_axes(
            figure, left=56 + column * wide, right=width - 56 - (column + 1) * wide + 18, top=top + row * high + 6,
            bottom=(n_rows - 1 - row) * high + 48,
        )  # fmt: skip
        axes.fill_between(one.at, one.low, one.high, color=BEST_SOFT, linewidth=0)
        axes.plot(one.at, one.value, color=BEST, linewidth=2)
        axes.axhline(0, color=MUTED, linewidth=1, zorder=0)
        axes.set_ylim(low_end - room, high_end + room)
        score_axis(axes, t, label=label if not place else "")
        if column:
            axes.tick_params(labelleft=False)
        axes.locator_params(axis="x", nbins=4)
        axes.set_xlabel(shortened(one.column, 30), fontsize=LABEL, color=MUTED, labelpad=5, parse_math=False)
    return figure


def _scaled(estimate: Estimate, unit: float) -> Estimate:
    """In per cent of a unit."""
    return Estimate(**{name: 100 * value / unit for name, value in vars(estimate).items()})
