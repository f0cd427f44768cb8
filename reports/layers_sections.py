"""The section of the layers: what each adds, which of its units say nothing, and what losing it costs."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ffsearch.reports.listings import Cell, ShownTable
from ffsearch.reports.parts import Block, Fold, Section
from ffsearch.reports.pictures import Picture, picture
from ffsearch.reports.style import BEST, LABEL, MUTED, NARROW, WIDE, add_axes, canvas, score_axis
from ffsearch.reports.tables import RunLike
from ffsearch.search.folder.results import LayerFacts, ShallowTwin
from ffsearch.search.wording.language import Language

__all__ = ["layers", "layers_figure"]


def layers(run: RunLike, t: Language) -> Section | None:
    """What each layer does, or how to ask; None of a run without sealed rows or of an early version."""
    found, evidence = run.results.layers, run.results.evidence
    if not found:
        was_asked = (evidence.settings or {}).get("layers", True)
        return None if was_asked else Section(key="layers", title=t("layers.title"), texts=[t("layers.not_asked")])
    blocks = [
        Block(title=t("layers.rising"), pictures=[_picture(found, run.results.shallow_twin, t)], fold=Fold.ALL),
        Block(title=t("layers.table"), table=_table(found, t), fold=Fold.ALL),
    ]
    texts = [t("layers.text"), _said(found, t), *_beside_shallow(run.results.shallow_twin, t)]
    return Section(key="layers", title=t("layers.title"), texts=texts, blocks=blocks)


def _said(found: Sequence[LayerFacts], t: Language) -> str:
    """The layers that are shown to add something; those before the last of them are not called useless by that."""
    shown = [one.layer for one in found if one.is_shown]
    if not shown:
        return t("layers.none_add")
    if len(shown) == len(found):
        return t("layers.all_add")
    rest = [t.count(one.layer) for one in found if not one.is_shown]
    said = t("layers.some_add", shown=t.listed(map(t.count, shown)), rest=t.listed(rest))
    before = [t.count(one.layer) for one in found if not one.is_shown and one.layer < shown[-1]]
    return f"{said} {t('layers.may_prepare', before=t.listed(before))}" if before else said


def _beside_shallow(twin: ShallowTwin | None, t: Language) -> list[str]:
    """What one layer as large comes to, and whether the last layer here explains more."""
    if twin is None:
        return []
    gain, low, high = t.rounded(*(100 * end for end in (twin.gain.value, twin.gain.low, twin.gain.high)))
    key = "layers.shallow_less" if twin.is_shown else "layers.shallow_alike"
    return [
        t(key, units=t.count(twin.n_units), share=t.share(max(0.0, twin.probe.value)), gain=gain, low=low, high=high)
    ]


def _picture(found: Sequence[LayerFacts], twin: ShallowTwin | None, t: Language) -> Picture:
    items = [t("layers.item", layer=t.count(one.layer), share=t.share(max(0.0, one.probe.value))) for one in found]
    return picture(
        lambda width: layers_figure(found, twin, t=t, width=width), name="layers",
        alt=t("layers.alt", before=t.share(max(0.0, found[0].before)), items="; ".join(items)),
        caption=t("layers.caption"),
    )  # fmt: skip


def layers_figure(
    found: Sequence[LayerFacts], twin: ShallowTwin | None = None, *, t: Language, width: int = WIDE
) -> Figure:
    """The share that a linear model explains, from the columns to the last layer, and what one layer as large comes to.

    Args:
        found: At least one.
        twin: The one layer, if it was trained.
        t: The language.
        width: Pixels of the figure.
    """
    figure = canvas(width, 260 if width > NARROW else 250)
    axes = add_axes(figure, left=52, top=40, right=16, bottom=46)
    x = [0, *(one.layer for one in found)]
    y = [100 * found[0].before, *(100 * one.probe.value for one in found)]
    axes.vlines(x[1:], [100 * one.probe.low for one in found], [100 * one.probe.high for one in found], color=BEST)
    axes.plot(x, y, color=BEST, linewidth=2, marker="o", markersize=7)
    if twin is not None:
        level = 100 * twin.probe.value
        axes.axhline(level, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate(
            t("layers.shallow"), (-0.28, level), xytext=(0, 4), textcoords="offset points", fontsize=LABEL, color=MUTED,
        )  # fmt: skip
    axes.set_xticks(x, [t("layers.columns"), *(t.count(one.layer) for one in found)])
    axes.set_xlim(-0.3, len(found) + 0.3)
    axes.set_xlabel(t("layers.axis"), fontsize=LABEL, color=MUTED, labelpad=6)
    score_axis(axes, t, label=t("layers.share"))
    return figure


def _table(found: Sequence[LayerFacts], t: Language) -> ShownTable:
    rows = []
    for one in found:
        gain, low, high = t.rounded(*(100 * end for end in (one.gain.value, one.gain.low, one.gain.high)))
        reset, reset_low, reset_high = t.rounded(one.reset.value, one.reset.low, one.reset.high)
        rows.append(
            (
                Cell(text=t.count(one.layer), order=one.layer),
                Cell(text=t.count(one.n_units), order=one.n_units),
                Cell(text=t("layers.points", value=t.plus(gain), low=low, high=high), order=one.gain.value),
                Cell(text=t.share(one.idle), order=one.idle),
                Cell(text=t("layers.cost", value=reset, low=reset_low, high=reset_high), order=one.reset.value),
            )
        )
    heads = [t(f"layers.head.{name}") for name in ("layer", "units", "gain", "idle", "reset")]
    return ShownTable(label=t("layers.table"), heads=heads, rows=rows, numbers=frozenset(range(5)))
