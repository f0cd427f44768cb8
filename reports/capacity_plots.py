"""Figures of a capacity study: tables in, a matplotlib Figure out.

    from ffsearch.reports import capacity_plots, capacity_tables
    capacity_plots.score_by_depth(capacity_tables.study_tables(run), t=words)

Lines are told apart by their marks, their strength and the label at their end, so that colours are not needed.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from ffsearch.reports.capacity_tables import StudyTables
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
from ffsearch.search.folder.study_results import CellResults, DepthGain, LossBeyondBest, StudyLine
from ffsearch.search.wording.language import Language

__all__ = [
    "SAMPLE",
    "disagreement",
    "end_labels",
    "gains",
    "gains_by_rows",
    "line_name",
    "map_of_rates",
    "map_of_scores",
    "map_of_training",
    "score_by_depth",
    "score_by_size",
    "size_ticks",
]

_MARKS: Final = ("o", "s", "D", "^", "v", "P", "X", "*")
_ROW: Final = 22
"""Pixels of a row in the figure of gains."""

SAMPLE: Final = 26
"""Points, which are the page's pixels, of a piece of a line before its label."""

_MAX_COLUMNS: Final = 4
"""Panels side by side on a wide page."""


def line_name(line: StudyLine, t: Language) -> str:
    """`3 layers`; of convolutional networks `3 layers, more channels`."""
    return t.line((line.depth, line.widened))


def score_by_depth(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """The score against the number of layers, a line a budget, with intervals."""
    figure = canvas(width, 320 if width > NARROW else 280)
    axes = add_axes(figure, left=56, top=40, right=96 if width > NARROW else 64, bottom=46)
    places = {depth: place for place, depth in enumerate(study.depths)}
    lines = [study.of_budget(budget) for budget in study.budgets]
    for number, (cells, mark) in enumerate(zip(lines, cycle(_MARKS), strict=False)):
        shift = (number - (len(lines) - 1) / 2) * 0.06
        x = [places[cell.depth] + shift for cell in cells]
        _line(axes, x, cells, mark=mark, strength=(number + 1) / len(lines))
    ends = [(places[cells[-1].depth] + 0.16, cells[-1].test.value, t.count(cells[-1].budget)) for cells in lines]
    axes.set_xticks(list(places.values()), [t.count(depth) for depth in places])
    axes.set_xlim(-0.3, len(places) - 0.7)
    kind = "capacity.convolutional_layers" if study.is_convolutional else "capacity.layers"
    axes.set_xlabel(t(kind), fontsize=LABEL, color=MUTED, labelpad=6)
    score_axis(axes, t, label=_metric(study, t))
    end_labels(axes, ends, heading=t("capacity.parameters"))
    return figure


def score_by_size(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """The score against the number of parameters, a panel a line; training rows dashed.

    The other lines stand faint behind. A ring marks the size beyond which one is shown to overfit.
    """
    lines = study.lines
    n_columns = min(len(lines), (_MAX_COLUMNS if width > NARROW else 2) if not study.is_convolutional else 3)
    if width <= NARROW and study.is_convolutional:
        n_columns = 1
    n_rows = math.ceil(len(lines) / n_columns)
    above = 18 if width > NARROW else 34  # pixels of a panel's name; letters are larger on a narrow page
    height, top, bottom = 172 + above, 52, 52
    figure = canvas(width, top + n_rows * height + bottom)
    low, high = _limits([value for cell in study.cells for value in (cell.test.low, cell.test.high, cell.train)])
    overfits = {gain.line: gain for gain in study.found.overfits if gain.is_shown}
    wide = (width - 56 - 16) / n_columns
    for place, line in enumerate(lines):
        row, column = divmod(place, n_columns)
        axes = add_axes(
            figure, left=56 + column * wide, right=width - 56 - (column + 1) * wide + 14,
            top=top + row * height + above, bottom=bottom + (n_rows - 1 - row) * height + 18,
        )  # fmt: skip
        for other in lines:
            axes.plot(*_points(study.of_line(other)), color=FAINT, linewidth=1, zorder=1)
        _with_training(axes, study.of_line(line))
        if line in overfits:
            _ring(axes, study.of_line(line), overfits[line])
        axes.set_xscale("log")
        axes.set_ylim(low, high)
        score_axis(axes, t, label=line_name(line, t))
        if column:
            axes.tick_params(labelleft=False)
        size_ticks(axes, study, t)
    _heading(figure, f"{_metric(study, t)}; {t('capacity.against_size')}", width=width)
    _key(figure, t, width=width)
    return figure


def gains_by_rows(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """What depth gains at equal parameters, mean over budgets, against the number of training rows."""
    figure = canvas(width, 300)
    axes = add_axes(figure, left=64, top=40, right=150 if width > NARROW else 110, bottom=46)
    margin = study.found.protocol.margin
    axes.axhspan(-margin, margin, color=RULE, zorder=0, linewidth=0)
    axes.axhline(0, color=MUTED, linewidth=1, zorder=1)
    sizes = study.found.train_sizes
    rows = [size.n_train for size in sizes]
    pairs = dict.fromkeys(gain.line for size in sizes for gain in size.means)
    ends = []
    for number, (line, mark) in enumerate(zip(pairs, cycle(_MARKS), strict=False)):
        found = [next((gain for gain in size.means if gain.line == line), None) for size in sizes]
        shift = 1 + 0.03 * (number - (len(pairs) - 1) / 2)
        x = [n * shift for n, gain in zip(rows, found, strict=True) if gain]
        known = [gain for gain in found if gain]
        alpha = 0.35 + 0.65 * (number + 1) / len(pairs)
        axes.vlines(x, [gain.low for gain in known], [gain.high for gain in known], color=BEST, alpha=alpha)
        axes.plot(x, [gain.value for gain in known], color=BEST, alpha=alpha, marker=mark, markersize=6)
        ends.append((x[-1], known[-1].value, line_name(StudyLine(line.depth), t)))
    axes.set_xscale("log")
    axes.set_xticks(rows, [t.count(n) for n in rows])
    axes.set_xticks([], minor=True)
    axes.set_xlabel(t("capacity.training_rows"), fontsize=LABEL, color=MUTED, labelpad=6)
    score_axis(axes, t, label=t("capacity.gain_short", metric=t.named("metric", study.objective.name)))
    end_labels(axes, ends, heading="", gap=10)
    return figure


def gains(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """Every depth against the shallowest at equal parameters, with intervals; the margin is shaded."""
    groups = [
        (depth, wide, found)
        for depth in study.depths[1:]
        for wide in [line for line in study.lines if line.depth == study.depths[0]]
        if (found := _gains_of(study, depth, wide))
    ]
    n_rows = sum(len(of_depth) + 1 for *_, of_depth in groups)
    left = (150 if width > NARROW else 132) + (30 if study.is_convolutional else 0)
    bottom = 50 if width > NARROW else 66
    figure = canvas(width, 40 + n_rows * _ROW + bottom)
    axes = add_axes(figure, left=left, top=40, right=20, bottom=bottom)
    margin = study.found.protocol.margin
    axes.axvspan(-margin, margin, color=RULE, zorder=0, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=1, zorder=1)
    row, labels = 0, []
    for depth, wide, of_depth in groups:
        named, said = "capacity.against", t.counted("layers", depth)
        if wide.widened != "layers":
            named, said = f"capacity.against.{wide.widened}", t.count(depth)
        labels.append((row, t(named, depth=said, reference=wide.depth), True))
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
    label = t("capacity.gain_axis", metric=t.named("metric", study.objective.name))
    score_axis(axes, t, label=textwrap.fill(label, int((width - left) / LETTER)), which="x")
    return figure


def map_of_scores(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """The score of every cell."""
    return _map(study, lambda cell: cell.test.value, lambda cell: t.score(cell.test.value), t=t, width=width)


def map_of_rates(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """The tuned learning rate of every cell; one that is the last tried at an end has a star."""

    def text(cell: CellResults) -> str:
        return t.setting(cell.learning_rate) + (" *" if cell.rate_at_edge else "")

    return _map(
        study, lambda cell: math.log(cell.learning_rate), text, t=t, width=width, flagged=lambda c: c.rate_at_edge
    )


def map_of_training(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """The score of every cell on its own training rows; seeds that hardly learnt are counted."""

    def text(cell: CellResults) -> str:
        return t.score(cell.train) + (f" !{cell.n_untrained}" if cell.n_untrained else "")

    return _map(study, lambda cell: cell.train, text, t=t, width=width, flagged=lambda c: bool(c.n_untrained))


def disagreement(study: StudyTables, *, t: Language, width: int = WIDE) -> Figure:
    """How differently wide and deep networks answer, beside two seeds of each."""
    found = study.found.disagreement
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
    better = t("answer.lower" if study.objective.is_lower_better else "answer.higher")
    return f"{t.named('metric', study.objective.name)} ({better})"


def _line(axes: Axes, x: Sequence[float], cells: Sequence[CellResults], *, mark: str, strength: float) -> None:
    """A line with marks and whiskers; the stronger, the larger what it stands for."""
    y = [cell.test.value for cell in cells]
    alpha = 0.35 + 0.65 * strength
    axes.vlines(
        x, [cell.test.low for cell in cells], [cell.test.high for cell in cells], color=BEST, alpha=alpha, linewidth=1
    )
    axes.plot(x, y, marker=mark, color=BEST, alpha=alpha, linewidth=1 + strength, markersize=6)


def end_labels(
    axes: Axes,
    ends: Sequence[tuple[float, float, str]],
    *,
    heading: str,
    gap: int = 4,
    samples: Mapping[str, Line2D] | None = None,
) -> None:
    """Labels at the right ends of lines, so many points beside them, moved apart where they would meet.

    With `samples`, a piece of each label's line stands before it, for who has moved apart is no longer beside its line.
    """
    axes.figure.canvas.draw()
    ordered = sorted(ends, key=lambda end: end[1])
    a_point = axes.figure.dpi / 72  # in pixels, which is what data are transformed to
    heights = [axes.transData.transform((x, y))[1] / a_point for x, y, _ in ordered]
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + 18) if placed else height)
    highest = axes.bbox.y1 / a_point + 10
    placed = [min(height, highest - 18 * below) for below, height in enumerate(reversed(placed))][::-1]
    right = max(x for x, _, _ in ends)
    for (_, y, text), height in zip(ordered, placed, strict=True):
        x_end, y_end = axes.transData.transform((right, y)) / a_point
        axes.annotate(
            text, (right, y), xytext=(gap, height - y_end), textcoords="offset points", va="center", fontsize=SMALL,
            color=INK, annotation_clip=False,
        )  # fmt: skip
        if samples is not None:
            _sample(axes, samples[text], x=(x_end + gap - SAMPLE - 4) * a_point, y=height * a_point)
    axes.annotate(
        heading, (1, 1), xycoords="axes fraction", xytext=(-4, 14), textcoords="offset points", ha="left",
        fontsize=SMALL, color=MUTED, annotation_clip=False,
    )  # fmt: skip


def _sample(axes: Axes, line: Line2D, *, x: float, y: float) -> None:
    """A piece of a line with its mark in the middle, from a place in pixels."""
    figure = axes.figure
    length = SAMPLE * figure.dpi / 72
    pixels = [(x + share * length, y) for share in (0, 0.5, 1)]
    places = figure.transFigure.inverted().transform(pixels)
    look = {
        name: getattr(line, f"get_{name}")() for name in ("color", "linestyle", "linewidth", "marker", "markersize")
    }
    figure.add_artist(Line2D(*places.T, transform=figure.transFigure, clip_on=False, markevery=[1], **look))


def _points(cells: Sequence[CellResults]) -> tuple[list[int], list[float]]:
    return [cell.n_params for cell in cells], [cell.test.value for cell in cells]


def _with_training(axes: Axes, cells: Sequence[CellResults]) -> None:
    """A depth's own line with its band, and its training score dashed."""
    sizes = [cell.n_params for cell in cells]
    axes.fill_between(
        sizes,
        [cell.test.low for cell in cells],
        [cell.test.high for cell in cells],
        color=BEST_SOFT,
        linewidth=0,
        zorder=2,
    )
    axes.plot(*_points(cells), color=BEST, linewidth=2, marker="o", markersize=5, zorder=4)
    axes.plot(
        sizes, [cell.train for cell in cells], color=TRAIN, linewidth=1.5, linestyle=(0, (4, 3)), marker=".", zorder=3
    )


def _ring(axes: Axes, cells: Sequence[CellResults], gain: LossBeyondBest) -> None:
    best = next(cell for cell in cells if cell.budget == gain.beyond)
    axes.plot(
        [best.n_params], [best.test.value], "o", markersize=13, markerfacecolor="none", markeredgecolor=BAD,
        markeredgewidth=1.5, zorder=5,
    )  # fmt: skip


def _limits(values: Sequence[float]) -> tuple[float, float]:
    span = (max(values) - min(values)) or 1.0
    return min(values) - 0.05 * span, max(values) + 0.05 * span


def size_ticks(axes: Axes, study: StudyTables, t: Language) -> None:
    """Sizes at the budgets, in thousands; every second one where they would meet."""
    step = 1 if len(study.budgets) <= 4 else 2
    shown = list(islice(study.budgets, 0, None, step))
    axes.set_xticks(shown, [t.short_count(budget) for budget in shown])
    axes.set_xticks([], minor=True)
    axes.set_xlim(study.budgets[0] * 0.75, study.budgets[-1] * 1.35)


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


def _gains_of(study: StudyTables, depth: int, wide: StudyLine) -> list[DepthGain]:
    """The comparisons of a depth with one that is wide: every budget, then their mean where there are several."""
    singles, means = (
        [gain for gain in gains if (gain.depth, gain.widened) == (depth, wide.widened)]
        for gains in (study.found.singles, study.found.means)
    )
    return singles + (means if len(singles) > 1 else [])


def _whisker(axes: Axes, row: int, gain: DepthGain) -> None:
    """A gain with its interval; filled where it is shown to differ from nothing, a diamond for a mean."""
    mark = "D" if gain.budget is None else "o"
    axes.hlines(row, gain.low, gain.high, color=BEST, linewidth=2 if gain.budget is None else 1.2, zorder=2)
    axes.plot(
        [gain.value], [row], mark, color=BEST, markersize=7, markerfacecolor=BEST if gain.is_shown else PAPER,
        markeredgewidth=1.4, zorder=3,
    )  # fmt: skip


def _map(
    study: StudyTables,
    value: Callable[[CellResults], float],
    text: Callable[[CellResults], str],
    *,
    t: Language,
    width: int,
    flagged: Callable[[CellResults], bool] | None = None,
) -> Figure:
    """Depths down, budgets across, a number in every cell; the shade repeats the number."""
    lines, budgets = study.lines, study.budgets
    figure = canvas(width, 56 + 30 * len(lines) + 8)
    axes = add_axes(figure, left=152 if study.is_convolutional else 64, top=52, right=4, bottom=8)
    values = [value(cell) for cell in study.cells]
    low, span = min(values), (max(values) - min(values)) or 1.0
    for cell in study.cells:
        place = (budgets.index(cell.budget), lines.index(cell.line))
        is_flagged = flagged is not None and flagged(cell)
        shade = min(1.0, 0.1 + 0.9 * (value(cell) - low) / span)
        axes.add_patch(Rectangle(place, 1, 1, facecolor=BEST_SOFT, alpha=shade, linewidth=0))
        axes.annotate(
            text(cell), (place[0] + 0.5, place[1] + 0.5), ha="center", va="center", fontsize=SMALL,
            color=BAD if is_flagged else INK, weight="bold" if is_flagged else "normal",
        )  # fmt: skip
    axes.set_xlim(0, len(budgets))
    axes.set_ylim(len(lines), 0)
    axes.set_xticks(np.arange(len(budgets)) + 0.5, [t.short_count(budget) for budget in budgets])
    named = [
        line_name(line, t).replace(", ", ",\n") if study.is_convolutional else t.count(line.depth) for line in lines
    ]
    axes.set_yticks(np.arange(len(lines)) + 0.5, named)
    axes.xaxis.tick_top()
    axes.spines["bottom"].set_visible(False)
    for edge in range(1, len(budgets)):
        axes.axvline(edge, color=PAPER, linewidth=2)
    for edge in range(1, len(lines)):
        axes.axhline(edge, color=PAPER, linewidth=2)
    _heading(figure, t("capacity.map_axes"), width=width)
    return figure
