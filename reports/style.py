"""One visual language for all figures: colours with a meaning, text sizes, and bare axes.

Figures are made by matplotlib's objects alone, so drawing one leaves no trace in a notebook's own pyplot. Sizes are in
pixels of the page; a figure is drawn once for a wide page and once for a phone, so that its text stays readable.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from ffsearch.reports.tables import ShownObjective
from ffsearch.search.wording.language import Language, shortened

__all__ = [
    "BAD",
    "BEST",
    "BEST_SOFT",
    "BETWEEN",
    "COLOURS",
    "FAINT",
    "INK",
    "LABEL",
    "LETTER",
    "MARKS",
    "MUTED",
    "NARROW",
    "PAPER",
    "RULE",
    "SMALL",
    "TRAIN",
    "WIDE",
    "Mark",
    "add_axes",
    "canvas",
    "measure",
    "score_axis",
]

WIDE: Final = 880
"""Pixels of a figure on a wide page: the width of its column."""

BETWEEN: Final = 26
"""Pixels of such a column that two figures beside each other leave free: 1.6rem in page.css."""

NARROW: Final = 360
"""Pixels of a figure on a phone."""

LABEL: Final = 12.0
SMALL: Final = 11.0
"""Text sizes in pixels. Choice: a figure is shown at 0.8 of its width at worst, and text under 9 pixels is not read."""

LETTER: Final = 6.6
"""Pixels of a letter, on the wide side of what fonts have at label size."""

_PIXELS_PER_INCH: Final = 72  # matplotlib's SVG unit is the point, 72 an inch: one point is one pixel of the page

# Each colour stands for one meaning and is written nowhere else; the page replaces it by its variable of the same name,
# which has another value in the dark. Contrast on paper: text at least 4.5, marks at least 3 (WCAG AA). Blue and orange
# are told apart in the three common colour blindnesses; in grey, shapes and line styles tell what colours do.
INK: Final = "#1a2230"
MUTED: Final = "#5a6577"
RULE: Final = "#dde2ea"
FAINT: Final = "#b4becd"
PAPER: Final = "#fdfdfc"
BEST: Final = "#0a5fa5"
BEST_SOFT: Final = "#cfe3f5"
TRAIN: Final = "#b34700"
BAD: Final = "#a3123a"

COLOURS: Final = {
    INK: "--ink",
    MUTED: "--muted",
    RULE: "--rule",
    FAINT: "--faint",
    PAPER: "--paper",
    BEST: "--best",
    BEST_SOFT: "--best-soft",
    TRAIN: "--train",
    BAD: "--bad",
}


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How a trial is drawn by why it ended: a shape, its colour, and whether it is filled."""

    shape: str
    colour: str
    filled: bool


MARKS: Final = {
    "stopped": Mark(shape="o", colour=BEST, filled=True),
    "completed": Mark(shape="s", colour=BEST, filled=True),
    "pruned": Mark(shape="v", colour=MUTED, filled=False),
    "budget": Mark(shape="D", colour=MUTED, filled=False),
    "diverged": Mark(shape="x", colour=BAD, filled=True),
    "failed": Mark(shape="+", colour=BAD, filled=True),
}


class _Shown(Figure):
    """A figure that a notebook shows by itself, without pyplot having been set up for it."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=2 * _PIXELS_PER_INCH)
        return buffer.getvalue()


def canvas(width: int, height: float) -> Figure:
    """An empty figure of so many pixels."""
    return _Shown(figsize=(width / _PIXELS_PER_INCH, height / _PIXELS_PER_INCH), facecolor=PAPER)


def add_axes(figure: Figure, *, left: float, top: float, right: float, bottom: float) -> Axes:
    """Axes whose frame lies so many pixels from the figure's edges; ticks without marks, a rule at the bottom only."""
    width, height = figure.get_size_inches() * _PIXELS_PER_INCH
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    axes = figure.add_axes(box)
    axes.set_facecolor("none")
    for side in ("left", "top", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color=RULE, linewidth=1)
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=MUTED, pad=5)
    axes.set_axisbelow(True)
    return axes


def measure(objective: ShownObjective, t: Language) -> str:
    """The metric as an axis names it, with its unit."""
    name = t.named("metric", objective.name)
    if objective.target:
        return t("unit.of_target", metric=name, target=shortened(objective.target, 30))
    if objective.is_standardised:
        return t("unit.standardised", metric=name)
    return t("unit.nats", metric=name) if objective.name == "log_loss" else name


def score_axis(axes: Axes, t: Language, *, label: str, which: str = "y") -> None:
    """A value axis: few ticks, hair lines across, its label at the top left (y) or below (x)."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(_Ticks(t))
    axes.grid(axis="y" if which == "y" else "x", color=RULE, linewidth=1)
    if which == "x":
        axes.set_xlabel(label, fontsize=LABEL, color=MUTED, labelpad=6, parse_math=False)
        return
    axes.set_title(label, fontsize=LABEL, color=MUTED, loc="left", pad=10, x=0.0, parse_math=False)


LONGEST_TICK: Final = 1e7
"""From here on ticks are written with an exponent, as `Language.setting` does."""


class _Ticks(ScalarFormatter):
    """Tick labels with as many decimals as their step needs, in the language's own signs."""

    def __init__(self, t: Language) -> None:
        super().__init__(useOffset=False)
        self.set_scientific(False)
        self._t = t

    def __call__(self, x: float, pos: int | None = None) -> str:
        if abs(x) >= LONGEST_TICK:
            return self._t.setting(x)
        whole, point, decimals = super().__call__(x, pos).partition(".")
        digits = whole.removeprefix("\N{MINUS SIGN}")
        grouped = self._t.count(int(digits)) if digits.isdigit() else digits
        return whole[: len(whole) - len(digits)] + grouped + (self._t.decimal if point else "") + decimals
