"""Figures of a capacity study: tables in, a matplotlib Figure out.

    from ffsearch.reports import capacity_plots, capacity_tables
    capacity_plots.score_by_depth(capacity_tables.study_tables(run), t=words)

Lines are told apart by their marks, their strength and the label at their end, so that colours are not needed.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ffsearch.reports.capacity_tables import Cell, Gain, StudyTables
from ffsearch.reports.style import (
    BAD,
    BEST,
    BEST_SOFT,
    FAINT,
    INK,
    LABEL,
    LETTER,
    MUTED,
    NARROW,
    PAPER,
    RULE,
    SMALL,
    TRAIN,
    WIDE,
    add_axes,
    canvas,
    score_axis,
)
from ffsearch.reports.texts import Language

__all__ = [
    "disagreement",
    "gains",
    "map_of_rates",
    "map_of_scores",
    "map_of_training",
    "score_by_depth",
    "score_by_size",
]

_MARKS: Final = ("o", "s", "D", "^", "v", "P", "X", "*")
_ROW: Final = 22
"""Pixels of a row in the figure of gains."""

_MAX_COLUMNS: Final = 4
"""Panels side by side on a wide page."""


def score_by_depth(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """The book's figure 6.6: the score against the number of layers, a line a budget, with intervals."""
    figure = canvas(width, 320 if width > NARROW else 280)
    axes = add_axes(figure, left=56, top=40, right=96 if width > NARROW else 64, bottom=46)
    places = {depth: place for place, depth in enumerate(study.depths)}
    lines = [study.of_budget(budget) for budget in study.budgets]
    for number, (cells, mark) in enumerate(zip(lines, cycle(_MARKS), strict=False)):
        shift = (number - (len(lines) - 1) / 2) * 0.06
        x = [places[cell.depth] + shift for cell in cells]
        _line(axes, x, cells, mark=mark, strength=(number + 1) / len(lines))
    ends = [(places[cells[-1].depth] + 0.16, cells[-1].test, t.count(cells[-1].budget)) for cells in lines]
    axes.set_xticks(list(places.values()), [t.count(depth) for depth in places])
    axes.set_xlim(-0.3, len(places) - 0.7)
    axes.set_xlabel(t("capacity.layers"), fontsize=LABEL, color=MUTED, labelpad=6)
    score_axis(axes, t, label=_metric(study, t))
    _end_labels(axes, ends, heading=t("capacity.parameters"))
    return figure


def score_by_size(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """The book's figure 6.7: the score against the number of parameters, a panel a depth; training rows dashed.

    The other depths stand faint behind. A ring marks the size beyond which a depth is shown to overfit.
    """
    n_columns = min(len(study.depths), _MAX_COLUMNS if width > NARROW else 2)
    n_rows = math.ceil(len(study.depths) / n_columns)
    height, top, bottom = 190, 52, 52
    figure = canvas(width, top + n_rows * height + bottom)
    low, high = _limits([value for cell in study.cells for value in (cell.low, cell.high, cell.train)])
    overfits = {gain.depth: gain for gain in study.overfits if gain.is_shown}
    wide = (width - 56 - 16) / n_columns
    for place, depth in enumerate(study.depths):
        row, column = divmod(place, n_columns)
        axes = add_axes(
            figure, left=56 + column * wide, right=width - 56 - (column + 1) * wide + 14,
            top=top + row * height + 18, bottom=bottom + (n_rows - 1 - row) * height + 18,
        )  # fmt: skip
        for other in study.depths:
            axes.plot(*_points(study.of_depth(other)), color=FAINT, linewidth=1, zorder=1)
        _with_training(axes, study.of_depth(depth))
        if depth in overfits:
            _ring(axes, study.of_depth(depth), overfits[depth])
        axes.set_xscale("log")
        axes.set_ylim(low, high)
        score_axis(axes, t, label=t.counted("layers", depth))
        if column:
            axes.tick_params(labelleft=False)
        _size_ticks(axes, study, t)
    _heading(figure, f"{_metric(study, t)}; {t('capacity.against_size')}", width=width)
    _key(figure, t, width=width)
    return figure


def gains(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """Every depth against the shallowest at equal parameters, with intervals; the margin is shaded."""
    groups = [(depth, _gains_of(study, depth)) for depth in study.depths[1:]]
    n_rows = sum(len(of_depth) + 1 for _, of_depth in groups)
    left = 150 if width > NARROW else 132
    bottom = 50 if width > NARROW else 66
    figure = canvas(width, 40 + n_rows * _ROW + bottom)
    axes = add_axes(figure, left=left, top=40, right=20, bottom=bottom)
    margin = study.numbers["margin"]
    axes.axvspan(-margin, margin, color=RULE, zorder=0, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=1, zorder=1)
    row, labels = 0, []
    for depth, of_depth in groups:
        labels.append((row, t("capacity.against", depth=t.counted("layers", depth), reference=study.depths[0]), True))
        for gain in of_depth:
            row += 1
            _whisker(axes, row, gain)
            labels.append((row, t("capacity.mean") if gain.budget is None else t.count(gain.budget), False))
        row += 1
    axes.set_ylim(row - 0.5, -0.7)
    axes.set_yticks([])
    for place, text, is_head in labels:
        axes.annotate(
            text, (0, place), xycoords=("axes fraction", "data"), xytext=(-8, 0), textcoords="offset points",
            ha="right", va="center", fontsize=SMALL, color=INK if is_head else MUTED,
            weight="bold" if is_head else "normal", annotation_clip=False,
        )  # fmt: skip
    label = t("capacity.gain_axis", metric=t.named("metric", study.metric))
    score_axis(axes, t, label=textwrap.fill(label, int((width - left) / LETTER)), which="x")
    return figure


def map_of_scores(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """The score of every cell."""
    return _map(study, lambda cell: cell.test, lambda cell: t.score(cell.test), t=t, width=width)


def map_of_rates(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """The tuned learning rate of every cell; one that is the last tried at an end has a star."""

    def text(cell: Cell) -> str:
        return t.setting(cell.learning_rate) + (" *" if cell.at_edge else "")

    return _map(study, lambda cell: math.log(cell.learning_rate), text, t=t, width=width, flagged=lambda c: c.at_edge)


def map_of_training(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """The score of every cell on its own training rows; seeds that hardly learnt are counted."""

    def text(cell: Cell) -> str:
        return t.score(cell.train) + (f" !{cell.n_untrained}" if cell.n_untrained else "")

    return _map(study, lambda cell: cell.train, text, t=t, width=width, flagged=lambda c: bool(c.n_untrained))


def disagreement(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """How differently wide and deep networks answer, beside two seeds of each."""
    found = study.disagreement
    above, key = (20, 44) if width > NARROW else (36, 76)  # pixels of the heading and of the key below it
    figure = canvas(width, 216 + above + key)
    axes = add_axes(figure, left=56, top=above + key, right=20, bottom=46)
    series = (
        ("between", "o", BEST, True), ("wide_seeds", "s", MUTED, False), ("deep_seeds", "D", MUTED, False),
    )  # fmt: skip
    for shift, (name, mark, colour, filled) in zip((-0.12, 0.0, 0.12), series, strict=True):
        axes.plot(
            np.arange(len(found)) + shift, [getattr(one, name) for one in found], mark, color=colour, markersize=8,
            markerfacecolor=colour if filled else "none", markeredgewidth=1.5,
            label=t(f"capacity.{name}", wide=found[0].wide, deep=found[0].deep),
        )  # fmt: skip
    axes.set_xticks(range(len(found)), [t.count(one.budget) for one in found])
    axes.set_xlim(-0.5, len(found) - 0.5)
    axes.margins(y=0.15)  # marks at the top are drawn whole
    axes.set_ylim(bottom=0)
    axes.set_xlabel(t("capacity.parameters"), fontsize=LABEL, color=MUTED, labelpad=6)
    kind = "capacity.distance_classes" if found[0].shares else "capacity.distance_numbers"
    score_axis(axes, t, label="")
    _heading(figure, t(kind), width=width)
    figure.legend(
        loc="upper left", bbox_to_anchor=(0.0, 1 - above / (216 + above + key)), ncols=3 if width > NARROW else 1,
        frameon=False, fontsize=SMALL, labelcolor=MUTED, handletextpad=0.2, columnspacing=1.2, borderaxespad=0,
    )  # fmt: skip
    return figure


# --- parts of figures ------------------------------------------------------------------------------------------------


def _metric(study: StudyTables, t: Language) -> str:
    better = t("answer.lower" if study.minimize else "answer.higher")
    return f"{t.named('metric', study.metric)} ({better})"


def _line(axes: Axes, x: Sequence[float], cells: Sequence[Cell], *, mark: str, strength: float) -> None:
    """A line with marks and whiskers; the stronger, the larger what it stands for."""
    y = [cell.test for cell in cells]
    alpha = 0.35 + 0.65 * strength
    axes.vlines(x, [cell.low for cell in cells], [cell.high for cell in cells], color=BEST, alpha=alpha, linewidth=1)
    axes.plot(x, y, marker=mark, color=BEST, alpha=alpha, linewidth=1 + strength, markersize=6)


def _end_labels(axes: Axes, ends: Sequence[tuple[float, float, str]], *, heading: str) -> None:
    """Labels at the right ends of lines, moved apart where they would meet."""
    axes.figure.canvas.draw()
    ordered = sorted(ends, key=lambda end: end[1])
    pixels = [axes.transData.transform((x, y))[1] for x, y, _ in ordered]
    placed: list[float] = []
    for pixel in pixels:
        placed.append(max(pixel, placed[-1] + 14) if placed else pixel)
    right = max(x for x, _, _ in ends)
    for (_, y, text), pixel in zip(ordered, placed, strict=True):
        axes.annotate(
            text, (right, y), xytext=(4, (pixel - axes.transData.transform((right, y))[1])),
            textcoords="offset points", va="center", fontsize=SMALL, color=INK, annotation_clip=False,
        )  # fmt: skip
    axes.annotate(
        heading, (1, 1), xycoords="axes fraction", xytext=(-4, 14), textcoords="offset points", ha="left",
        fontsize=SMALL, color=MUTED, annotation_clip=False,
    )  # fmt: skip


def _points(cells: Sequence[Cell]) -> tuple[list[int], list[float]]:
    return [cell.n_params for cell in cells], [cell.test for cell in cells]


def _with_training(axes: Axes, cells: Sequence[Cell]) -> None:
    """A depth's own line with its band, and its training score dashed."""
    sizes = [cell.n_params for cell in cells]
    axes.fill_between(
        sizes, [cell.low for cell in cells], [cell.high for cell in cells], color=BEST_SOFT, linewidth=0, zorder=2
    )
    axes.plot(*_points(cells), color=BEST, linewidth=2, marker="o", markersize=5, zorder=4)
    axes.plot(
        sizes, [cell.train for cell in cells], color=TRAIN, linewidth=1.5, linestyle=(0, (4, 3)), marker=".", zorder=3
    )


def _ring(axes: Axes, cells: Sequence[Cell], gain: Gain) -> None:
    best = next(cell for cell in cells if cell.budget == gain.budget)
    axes.plot(
        [best.n_params], [best.test], "o", markersize=13, markerfacecolor="none", markeredgecolor=BAD,
        markeredgewidth=1.5, zorder=5,
    )  # fmt: skip


def _limits(values: Sequence[float]) -> tuple[float, float]:
    span = (max(values) - min(values)) or 1.0
    return min(values) - 0.05 * span, max(values) + 0.05 * span


def _size_ticks(axes: Axes, study: StudyTables, t: Language) -> None:
    """Sizes at the budgets, in thousands; every second one where they would meet."""
    step = 1 if len(study.budgets) <= 4 else 2
    shown = list(islice(study.budgets, 0, None, step))
    axes.set_xticks(shown, [_short(budget, t) for budget in shown])
    axes.set_xticks([], minor=True)
    axes.set_xlim(study.budgets[0] * 0.75, study.budgets[-1] * 1.35)


def _short(budget: int, t: Language) -> str:
    """3k, 1.5M; a count below a thousand as it is."""
    for divisor, unit in ((1_000_000, "M"), (1_000, "k")):
        if budget >= divisor:
            return f"{budget / divisor:.3g}{unit}".replace(".", t.decimal)
    return t.count(budget)


def _heading(figure: Figure, text: str, *, width: int) -> None:
    """What the figure shows, in as many lines as its width asks for."""
    figure.text(
        0.0,
        1.0,
        textwrap.fill(text, int(width / LETTER)),
        fontsize=LABEL,
        color=MUTED,
        ha="left",
        va="top",
        transform=_from_top(figure),
    )


def _from_top(figure: Figure) -> object:
    """Places in the figure whose y is counted in shares from the bottom, a few pixels below the upper edge."""
    from matplotlib.transforms import ScaledTranslation

    return figure.transFigure + ScaledTranslation(2 / 72, -4 / 72, figure.dpi_scale_trans)


def _key(figure: Figure, t: Language, *, width: int) -> None:
    """What the lines of the panels are."""
    handles = [
        figure.axes[0].plot([], [], color=BEST, linewidth=2, marker="o", markersize=5)[0],
        figure.axes[0].plot([], [], color=TRAIN, linewidth=1.5, linestyle=(0, (4, 3)))[0],
        figure.axes[0].plot([], [], color=FAINT, linewidth=1)[0],
    ]
    names = [t("capacity.key_test"), t("capacity.key_train"), t("capacity.key_others")]
    figure.legend(
        handles, names, loc="lower left", bbox_to_anchor=(0.0, 0.0), ncols=3 if width > NARROW else 1, frameon=False,
        fontsize=SMALL, labelcolor=MUTED, borderaxespad=0.1, columnspacing=1.4, labelspacing=0.2,
    )  # fmt: skip


def _gains_of(study: StudyTables, depth: int) -> list[Gain]:
    """The comparisons of a depth: every budget, then their mean where there are several."""
    singles = [gain for gain in study.singles if gain.depth == depth]
    means = [gain for gain in study.means if gain.depth == depth]
    return singles + (means if len(singles) > 1 else [])


def _whisker(axes: Axes, row: int, gain: Gain) -> None:
    """A gain with its interval; filled where it is shown to differ from nothing, a diamond for a mean."""
    mark = "D" if gain.budget is None else "o"
    axes.hlines(row, gain.low, gain.high, color=BEST, linewidth=2 if gain.budget is None else 1.2, zorder=2)
    axes.plot(
        [gain.value], [row], mark, color=BEST, markersize=7, markerfacecolor=BEST if gain.is_shown else PAPER,
        markeredgewidth=1.4, zorder=3,
    )  # fmt: skip


def _map(
    study: StudyTables,
    value: Callable[[Cell], float],
    text: Callable[[Cell], str],
    *,
    t: Language,
    width: int,
    flagged: Callable[[Cell], bool] | None = None,
) -> Figure:
    """Depths down, budgets across, a number in every cell; the shade repeats the number."""
    depths, budgets = study.depths, study.budgets
    figure = canvas(width, 56 + 30 * len(depths) + 8)
    axes = add_axes(figure, left=64, top=52, right=4, bottom=8)
    values = [value(cell) for cell in study.cells]
    low, span = min(values), (max(values) - min(values)) or 1.0
    for cell in study.cells:
        place = (budgets.index(cell.budget), depths.index(cell.depth))
        is_flagged = flagged is not None and flagged(cell)
        shade = min(1.0, 0.1 + 0.9 * (value(cell) - low) / span)
        axes.add_patch(Rectangle(place, 1, 1, facecolor=BEST_SOFT, alpha=shade, linewidth=0))
        axes.annotate(
            text(cell), (place[0] + 0.5, place[1] + 0.5), ha="center", va="center", fontsize=SMALL,
            color=BAD if is_flagged else INK, weight="bold" if is_flagged else "normal",
        )  # fmt: skip
    axes.set_xlim(0, len(budgets))
    axes.set_ylim(len(depths), 0)
    axes.set_xticks(np.arange(len(budgets)) + 0.5, [_short(budget, t) for budget in budgets])
    axes.set_yticks(np.arange(len(depths)) + 0.5, [t.count(depth) for depth in depths])
    axes.xaxis.tick_top()
    axes.spines["bottom"].set_visible(False)
    for edge in range(1, len(budgets)):
        axes.axvline(edge, color=PAPER, linewidth=2)
    for edge in range(1, len(depths)):
        axes.axhline(edge, color=PAPER, linewidth=2)
    _heading(figure, t("capacity.map_axes"), width=width)
    return figure
