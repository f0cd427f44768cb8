"""The section of the table's columns: which carry the answer, and how the answer changes along them."""

from __future__ import annotations

import json
import shlex
from typing import Final

from ffsearch.reports import columns_plots, tables
from ffsearch.reports.columns_plots import N_SHOWN, group_name, unit_of
from ffsearch.reports.listings import Cell, ShownTable
from ffsearch.reports.parts import Block, Fold, Section
from ffsearch.reports.pictures import Picture, picture
from ffsearch.reports.tables import RunLike
from ffsearch.search.folder.results import ColumnFacts, ColumnImportance
from ffsearch.search.wording.language import Language

__all__ = ["columns"]

N_NAMED: Final = 8
"""Columns that a sentence names."""


def columns(run: RunLike, t: Language) -> Section | None:
    """Which columns carry the answer, or how to ask; None of a run without sealed rows or of an early version."""
    found, evidence = run.results.columns, run.results.evidence
    if found is None:
        was_asked = (evidence.settings or {}).get("columns", True)
        return None if was_asked else Section(key="columns", title=t("columns.title"), texts=[t("columns.not_asked")])
    useful = [one for one in found.importances if one.is_useful and len(one.columns) == 1]
    in_groups = {name for one in found.importances if len(one.columns) > 1 and one.is_useful for name in one.columns}
    single = [one for one in found.importances if len(one.columns) == 1]
    spare = [one.columns[0] for one in single if not one.is_useful and one.columns[0] not in in_groups]
    texts = [t("columns.text", n=t.count(found.n_rows)), _shown(useful, t)]
    texts += [_together(one, t) for one in found.importances if len(one.columns) > 1]
    blocks = []
    if spare:
        code, text = _without(run, spare), _spare(spare, t)
        blocks.append(Block(title=t("columns.spare"), text=text, code=code, fold=Fold.ALL))
    if found.curves:
        blocks.append(Block(title=t("columns.curves"), pictures=[_curves(found, t)], fold=Fold.ALL))
    blocks.append(Block(title=t("columns.table"), table=_table(found, t), is_sortable=True, fold=Fold.ALL))
    return Section(
        key="columns", title=t("columns.title"), texts=texts, pictures=[_importances(found, t)], blocks=blocks
    )


def _shown(useful: list[ColumnImportance], t: Language) -> str:
    if not useful:
        return t("columns.none_shown")
    names = [t.quoted(one.columns[0]) for one in useful[:N_NAMED]]
    more = len(useful) - len(names)
    return (
        t("columns.shown_more", names=", ".join(names), n=t.count(more))
        if more
        else t("columns.shown", names=t.listed(names))
    )


def _together(one: ColumnImportance, t: Language) -> str:
    names = t.listed([t.quoted(name) for name in one.columns[:N_NAMED]])
    return t("columns.together" if one.is_useful else "columns.together_not", names=names)


def _spare(spare: list[str], t: Language) -> str:
    names = ", ".join(t.quoted(name) for name in spare[:N_NAMED])
    return t("columns.spare_text", names=names + (", ..." if len(spare) > N_NAMED else ""), n=t.count(len(spare)))


def _without(run: RunLike, spare: list[str]) -> str:
    """The command that tries the table without some columns; those left out already stay out."""
    kept = list((tables.space(run).get("data") or {}).get("drop") or [])
    setting = "data.drop=" + json.dumps([*kept, *spare], ensure_ascii=False)
    return f"ffsearch run space.yaml --set {shlex.quote(setting)} --out {shlex.quote(f'{run.path.name}-fewer')}"


def _importances(found: ColumnFacts, t: Language) -> Picture:
    shown, unit = found.importances[:N_SHOWN], unit_of(found)
    items = [f"{group_name(one.columns, t)} {t.share(max(0.0, one.network.value / unit))}" for one in shown]
    return picture(
        lambda width: columns_plots.importances(found, t=t, width=width), name="columns",
        alt=t("columns.alt", items="; ".join(items)),
        caption=t("columns.caption" if found.importances[0].others else "columns.caption_alone"),
    )  # fmt: skip


def _curves(found: ColumnFacts, t: Language) -> Picture:
    names = ", ".join(t.quoted(one.column) for one in found.curves)
    return picture(
        lambda width: columns_plots.curves(found, t=t, width=width), name="dependence",
        alt=t("columns.curves_alt", names=names), caption=t("columns.curves_caption"),
    )  # fmt: skip


def _table(found: ColumnFacts, t: Language) -> ShownTable:
    others = list(found.importances[0].others)
    heads = [t(f"columns.head.{name}") for name in ("column", "network", "interval")]
    heads += [t.named("model", name) for name in others]
    rows = []
    for one in found.importances:
        value, low, high = t.rounded(one.network.value, one.network.low, one.network.high)
        cells = [
            Cell(text=group_name(one.columns, t)),
            Cell(text=value, order=one.network.value),
            Cell(text=t("capacity.interval", low=low, high=high), order=one.network.low),
        ]
        cells += [Cell(text=t.score(one.others[name].value), order=one.others[name].value) for name in others]
        rows.append(tuple(cells))
    return ShownTable(label=t("columns.table"), heads=heads, rows=rows, numbers=frozenset(range(1, len(heads))))
