"""What a larger network brings: every trial by size and score, and the front of those worth their size."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ffsearch.reports import tables
from ffsearch.reports.listings import Cell, ShownTable
from ffsearch.reports.pictures import Picture, better, picture
from ffsearch.reports.plots import mark_lane, score_range
from ffsearch.reports.style import (
    BEST,
    FAINT,
    INK,
    LABEL,
    MUTED,
    NARROW,
    SMALL,
    WIDE,
    add_axes,
    canvas,
    measure,
    score_axis,
)
from ffsearch.reports.svg import tell
from ffsearch.reports.tables import RunLike, ShownObjective
from ffsearch.search.folder.pareto import pareto_front
from ffsearch.search.wording.language import ENGLISH, Language

__all__ = ["front", "front_picture", "score_by_size", "sizes"]


_HEADS = ("number", "topology", "ended")


def front(run: RunLike) -> pd.DataFrame:
    """The networks that no smaller one does as well as; see `pareto_front` for its columns."""
    return pareto_front(run.trials, objective=tables.objective(run))


def sizes(run: RunLike) -> pd.DataFrame:
    """Trials with a score: trial, value, is_best, n_params."""
    history = tables.history(run).dropna(subset=["value"])
    return history.merge(run.trials[["trial", "n_params"]], on="trial")


def front_picture(run: RunLike, t: Language) -> Picture:
    """The front among all trials, and what is on it as a table."""
    found, trials, objective = front(run), sizes(run), tables.objective(run)
    metric = t.named("metric", objective.name)
    items = [
        t("front.item", n=t.count(int(row["n_params"])), value=t.score(row["value"]))
        for row in found.to_dict("records")
    ]
    return picture(
        lambda width: score_by_size(trials, found, objective, t=t, width=width), name="front",
        alt=t("front.alt", metric=metric, n=len(trials), points="; ".join(items)),
        caption=t("front.caption", metric=metric, better=better(objective, t)), table=front_table(found, metric, t),
    )  # fmt: skip


def front_table(found: pd.DataFrame, metric: str, t: Language) -> ShownTable:
    """The networks on the front, the smallest first."""
    rows = [
        [
            Cell(text=t.count(int(row["n_params"])), order=row["n_params"]),
            Cell(text=t.score(row["value"]), order=row["value"]),
            Cell(text=str(row["trial"]), order=row["trial"]),
            Cell(text=t.topology(str(row["topology"])), is_wide=True),
            Cell(text=t.named("ended", str(row["ended"]))),
        ]
        for row in found.to_dict("records")
    ]
    heads = [t("trial.params"), t("search.valid", metric=metric), *(t(f"trial.{key}") for key in _HEADS)]
    return ShownTable(
        label=t("front.table"), heads=heads, rows=rows, numbers=frozenset({0, 1, 2}), trials=found["trial"].tolist()
    )


def score_by_size(
    trials: pd.DataFrame, found: pd.DataFrame, objective: ShownObjective, *, t: Language = ENGLISH, width: int = WIDE
) -> Figure:
    """Scores against parameters: all trials faint, the front as steps, the winner ringed.

    Args:
        trials: As `sizes` gives them; at least one.
        found: The front.
        objective: What the scores are.
        t: The language.
        width: Pixels of the figure.

    Raises:
        ValueError: If no trial has a score.
    """
    shown = score_range(trials["value"], objective)
    if shown is None:
        raise ValueError("No trial has a score, so there is no front to draw.")
    n_columns = 3 if width > NARROW else 1
    legend_height = 48 // n_columns
    figure = canvas(width, 300 + legend_height)
    axes = add_axes(figure, left=52, right=16, top=40 + legend_height, bottom=46)
    others = trials[~trials["trial"].isin(found["trial"])]
    kinds = [(others, FAINT, 22, t("front.others")), (found, BEST, 40, t("front.points"))]
    for rows, colour, size, label in kinds:
        dots = axes.scatter(
            rows["n_params"], shown.place(rows["value"]), s=size, color=colour, linewidths=0, label=label, zorder=3
        )
        tell(dots, trials=rows["trial"].tolist())
    axes.step(found["n_params"], shown.place(found["value"]), where="post", color=BEST, linewidth=1.6, zorder=2)
    winner = trials[trials["is_best"]]
    axes.plot(
        winner["n_params"], shown.place(winner["value"]), "o", color=INK, markerfacecolor="none", markersize=13,
        markeredgewidth=1.6, linestyle="none", label=t("front.winner"), zorder=4,
    )  # fmt: skip
    mark_lane(axes, shown)
    score_axis(axes, t, label=t("search.valid", metric=measure(objective, t)))
    axes.set_ylim(*shown.limits)
    _size_axis(axes, trials["n_params"], t, n_most=6 if width > NARROW else 4)
    figure.legend(
        loc="upper left", ncols=n_columns, frameon=False, fontsize=SMALL, labelcolor=INK, handletextpad=0.3,
        columnspacing=1.6, borderaxespad=0.2,
    )  # fmt: skip
    return figure


def _size_axis(axes: Axes, n_params: pd.Series[int], t: Language, *, n_most: int) -> None:
    """Parameters on a log scale, a number at 1 and 3 of each decade, or at 1 alone where those would meet."""
    low, high = float(n_params.min()) / 1.3, float(n_params.max()) * 1.3
    axes.set_xscale("log")
    for subs in ((1.0, 3.0), (1.0,)):
        ticks = [tick for tick in LogLocator(subs=subs).tick_values(low, high) if low <= tick <= high]
        if len(ticks) <= n_most:
            break
    axes.set_xticks(ticks, [t.setting(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(low, high)
    axes.set_xlabel(t("front.axis"), fontsize=LABEL, color=MUTED, labelpad=6)
