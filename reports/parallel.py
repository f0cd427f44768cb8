"""All trials as lines through the axes of their parameters, ending at their score: what the best have in common."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ffsearch.reports.parameter_plots import Scale, level_name
from ffsearch.reports.plots import score_range
from ffsearch.reports.style import (
    BEST,
    FAINT,
    INK,
    MUTED,
    NARROW,
    PAPER,
    RULE,
    SMALL,
    WIDE,
    add_axes,
    canvas,
    measure,
)
from ffsearch.reports.svg import tell
from ffsearch.reports.tables import ParameterSlice, ShownObjective
from ffsearch.search.wording.language import ENGLISH, Language

__all__ = ["MAX_LINES", "lines_drawn", "parallel"]

MAX_LINES: Final = 200
"""Trials drawn. Choice: of more than that, only the best can be followed by eye."""

BEST_SHARE: Final = 0.1
"""Share of trials that are drawn in colour. Source: what counts as best in the importances (search/evidence)."""

MIN_BEST: Final = 3

NAME_LETTERS: Final = 14
"""Letters of a line of an axis' name on a wide page: what lies between two axes."""

_OFF_AT: Final = -0.12
"""Where "off" lies, in lengths of an axis below its low end."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """One axis: where each trial crosses it, from 0 to 1, and its labels by position."""

    name: str
    at: pd.Series[float]
    ticks: dict[float, str]


def lines_drawn(slices: Sequence[ParameterSlice], objective: ShownObjective) -> pd.DataFrame:
    """The trials that are drawn, worst first so that the best lie on top: trial, value, is_best, is_good.

    The best tenth, and an even choice over the ranks of the others.
    """
    frame = slices[0].frame[["trial", "value", "is_best"]]
    for part in slices[1:]:
        frame = frame[frame["trial"].isin(part.frame["trial"])]
    ranked = frame.sort_values(["value", "trial"], ascending=[objective.is_lower_better, True]).reset_index(drop=True)
    n_good = min(MAX_LINES // 2, max(MIN_BEST, round(BEST_SHARE * len(ranked))))
    ranked["is_good"] = (ranked.index < n_good) | ranked["is_best"]
    others = ranked[~ranked["is_good"]]
    n_others = MAX_LINES - n_good
    if len(others) > n_others:
        others = others.iloc[np.linspace(0, len(others) - 1, n_others).round().astype(int)]
    shown = pd.concat([ranked[ranked["is_good"] & ~ranked["is_best"]], others])
    return pd.concat([ranked[ranked["is_best"]], shown]).iloc[::-1].reset_index(drop=True)


def parallel(
    slices: Sequence[ParameterSlice], objective: ShownObjective, *, t: Language = ENGLISH, width: int = WIDE
) -> Figure:
    """Lines through one axis a parameter and one of the score; across on a wide page, down on a phone.

    Args:
        slices: The searched parameters; at least one.
        objective: What the scores are.
        t: The language.
        width: Pixels of the figure.
    """
    shown = lines_drawn(slices, objective)
    columns = [*(_axis(part, t) for part in slices), _score_axis(shown, objective, t)]
    is_narrow = width <= NARROW
    figure = canvas(width, 40 + 62 * len(columns) if is_narrow else 380)
    margins = (
        {"left": 16, "right": 30, "top": 26, "bottom": 28}
        if is_narrow
        else {"left": 52, "right": 44, "top": 44, "bottom": 14}
    )
    axes = add_axes(figure, **margins)
    axes.axis("off")
    places = np.arange(len(columns), dtype=np.float64)
    at = np.stack([column.at.reindex(shown["trial"]).to_numpy(dtype=np.float64) for column in columns], axis=1)
    for row, trial in enumerate(shown.itertuples(index=False)):
        line = (at[row], places) if is_narrow else (places, at[row])
        (drawn,) = axes.plot(*line, **_look(is_best=bool(trial.is_best), is_good=bool(trial.is_good)))
        tell(drawn, trials=[int(str(trial.trial))])
    for place, column in enumerate(columns):
        _draw_axis(axes, place, column, is_narrow=is_narrow)
    if is_narrow:
        axes.set(xlim=(_OFF_AT - 0.02, 1.02), ylim=(len(columns) - 0.9, -0.25))
    else:
        axes.set(ylim=(_OFF_AT - 0.03, 1.02), xlim=(-0.02, len(columns) - 0.98))
    return figure


def _look(*, is_best: bool, is_good: bool) -> dict[str, Any]:
    if is_best:
        return {"color": INK, "linewidth": 2.6, "zorder": 5}
    if is_good:
        return {"color": BEST, "linewidth": 1.4, "alpha": 0.75, "zorder": 4}
    return {"color": FAINT, "linewidth": 0.8, "alpha": 0.6, "zorder": 2}


def _axis(part: ParameterSlice, t: Language) -> _Axis:
    """A parameter's axis."""
    trials = part.frame["trial"].to_numpy()
    if not part.is_number:
        levels = sorted(part.frame["x"].unique())
        places = {level: place / max(1, len(levels) - 1) for place, level in enumerate(levels)}
        at = part.frame["x"].map(places).to_numpy(dtype=np.float64)
        ticks = {place: level_name(level, t) for level, place in places.items()}
        return _Axis(name=t.named("parameter", part.name), at=pd.Series(at, index=trials), ticks=ticks)
    values = part.frame["x"].to_numpy(dtype=np.float64)
    is_off = (values == 0) & part.has_off
    scale = Scale(values[~is_off], log=part.log)
    at = np.full(len(values), _OFF_AT)
    at[~is_off] = scale.place(values[~is_off])
    ticks = scale.ticks(t, n_most=5)
    if is_off.any():
        ticks = {place: text for place, text in ticks.items() if place > 0.06} | {_OFF_AT: t("parameters.off")}
    return _Axis(name=t.named("parameter", part.name), at=pd.Series(at, index=trials), ticks=ticks)


def _score_axis(shown: pd.DataFrame, objective: ShownObjective, t: Language) -> _Axis:
    """The score's axis, the best at its upper end; scores beyond the usual lie at the lower end."""
    range_ = score_range(shown["value"], objective)
    assert range_ is not None  # slices hold scored trials alone
    span = (range_.worst - range_.best) or 1.0
    at = np.clip(1 - (shown["value"].to_numpy(dtype=np.float64) - range_.best) / span, 0.0, 1.0)
    steps = np.linspace(0, 1, 4)
    ticks = {float(1 - step): t.score(range_.best + step * span) for step in steps}
    return _Axis(name=measure(objective, t), at=pd.Series(at, index=shown["trial"].to_numpy()), ticks=ticks)


def _draw_axis(axes: Axes, place: int, column: _Axis, *, is_narrow: bool) -> None:
    """An axis with its name at its head and its labels along it, on ground that keeps them readable over lines."""
    ends = [_OFF_AT if any(at < 0 for at in column.ticks) else 0.0, 1.0]
    axes.plot(*((ends, [place] * 2) if is_narrow else ([place] * 2, ends)), color=RULE, linewidth=1.4, zorder=3)
    ground = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.6, "alpha": 0.75}
    axes.annotate(
        column.name if is_narrow else "\n".join(textwrap.wrap(column.name, NAME_LETTERS)),
        (ends[0], place) if is_narrow else (place, 1.0), xytext=(0, 6) if is_narrow else (0, 14),
        textcoords="offset points", ha="left" if is_narrow else "center", va="bottom", fontsize=SMALL, color=INK,
        parse_math=False, zorder=7, bbox=ground,
    )  # fmt: skip
    for at, text in column.ticks.items():
        axes.annotate(
            text, (at, place) if is_narrow else (place, at), xytext=(0, -5) if is_narrow else (-5, 0),
            textcoords="offset points", ha="center" if is_narrow else "right", va="top" if is_narrow else "center",
            fontsize=SMALL - 1, color=MUTED, parse_math=False, zorder=6, bbox=ground,
        )  # fmt: skip
