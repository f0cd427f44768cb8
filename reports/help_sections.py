"""The section of what would help most: more rows, fewer columns, another topology, a mean, bins, or boosted trees."""

from __future__ import annotations

import shlex

from matplotlib.figure import Figure

from ffsearch.reports import tables
from ffsearch.reports.evidence_plots import change_name
from ffsearch.reports.listings import Cell, ShownTable
from ffsearch.reports.parts import Block, Fold, Section
from ffsearch.reports.pictures import Picture, picture
from ffsearch.reports.rows import dot, row_axes, sides
from ffsearch.reports.style import BAD, BEST, MUTED, WIDE, measure, score_axis
from ffsearch.reports.tables import RunLike, ShownObjective
from ffsearch.search.folder.results import Help, Way
from ffsearch.search.wording.language import Language

__all__ = ["helps", "helps_figure"]


def helps(run: RunLike, t: Language) -> Section | None:
    """What would help most; None of a run that can tell of nothing."""
    found = run.results.helps
    known = [one for one in found if one.gain is not None]
    if not known:
        return None
    objective = tables.objective(run)
    shown = [one for one in known if one.is_shown]
    texts = [t("help.text"), _best(shown, objective, t) if shown else t("help.none_shown")]
    return Section(
        key="help", title=t("help.title"), texts=texts, pictures=[_gains(known, objective, t)],
        blocks=[Block(title=t("help.ways"), table=_table(found, run, t), fold=Fold.ALL)],
    )  # fmt: skip


def _name(one: Help, t: Language) -> str:
    if one.way is Way.OTHER and one.change is not None:
        return change_name(one.change, t)
    return t(f"help.way.{one.way}")


def _best(shown: list[Help], objective: ShownObjective, t: Language) -> str:
    first = shown[0]
    assert first.gain is not None
    value, low, high = t.rounded(first.gain.value, first.gain.low, first.gain.high)
    name = _name(first, t)
    return t(
        "help.best", way=name[:1].upper() + name[1:], value=value, low=low, high=high,
        metric=t.named("metric", objective.name),
    )  # fmt: skip


def _gains(known: list[Help], objective: ShownObjective, t: Language) -> Picture:
    items = [f"{_name(one, t)} {t.score(one.gain.value)}" for one in known if one.gain is not None]
    return picture(
        lambda width: helps_figure(known, objective, t=t, width=width), name="help",
        alt=t("help.alt", items="; ".join(items)), caption=t("help.caption"),
    )  # fmt: skip


def helps_figure(known: list[Help], objective: ShownObjective, *, t: Language, width: int = WIDE) -> Figure:
    """A gain a row, with its interval beside zero; hollow where nothing is shown.

    Args:
        known: Ways whose gain is known; at least one.
        objective: What gains are in.
        t: The language.
        width: Pixels of the figure.
    """
    figure, axes = row_axes([_name(one, t) for one in known], width=width, label_width=260, bottom=44, top=30)
    for row, one in enumerate(known):
        assert one.gain is not None
        colour = BEST if one.is_shown else BAD if one.gain.high < 0 else MUTED
        dot(axes, row, one.gain, colour=colour, filled=colour is not MUTED)
    axes.margins(x=0.08)
    score_axis(axes, t, label=t("worth.gain", metric=measure(objective, t)), which="x")
    sides(axes, t("help.worse"), t("help.better"))
    return figure


def _table(found: tuple[Help, ...], run: RunLike, t: Language) -> ShownTable:
    rows = []
    for one in found:
        if one.gain is None:
            cells = [Cell(text=_name(one, t)), Cell(text=t("help.not_asked")), Cell(text="")]
        else:
            value, low, high = t.rounded(one.gain.value, one.gain.low, one.gain.high)
            interval = Cell(text=t("capacity.interval", low=low, high=high), order=one.gain.low)
            cells = [Cell(text=_name(one, t)), Cell(text=value, order=one.gain.value), interval]
        rows.append((*cells, Cell(text=_how(one, run, t))))
    heads = [t(f"help.head.{name}") for name in ("way", "gain", "interval", "how")]
    return ShownTable(label=t("help.ways"), heads=heads, rows=rows, numbers=frozenset({1, 2}))


def _how(one: Help, run: RunLike, t: Language) -> str:
    """The command that tries it, or what else is to be done."""
    if one.setting:
        setting, out = shlex.quote(one.setting), shlex.quote(f"{run.path.name}-{one.way}")
        return f"ffsearch run space.yaml --set {setting} --out {out}"
    return t(f"help.how.{one.way}")
