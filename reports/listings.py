"""The tables of the page: what a person reads as text and may sort, built from a run's frames."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from ffsearch.reports import tables
from ffsearch.reports.parameter_plots import level_name
from ffsearch.reports.tables import ParameterSlice, RunLike, ShownObjective
from ffsearch.search.folder.trial_record import end_of
from ffsearch.search.wording.finding import reasons_in, unsilenced
from ffsearch.search.wording.language import Language

__all__ = [
    "MAX_COLUMN_ROWS",
    "Cell",
    "ShownTable",
    "column_table",
    "curve_table",
    "group_table",
    "pair_table",
    "trial_table",
]

MAX_COLUMN_ROWS: Final = 300
"""Columns of the user's table that are listed. Choice: a longer list is not read, and weighs the file down."""

MAX_CURVE_ROWS: Final = 100
"""Epochs of the winner's curve that its table lists."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell of a table.

    Args:
        text: What it says.
        order: The number it is sorted by, where it is one; NaN goes last.
        is_wide: Whether its column must not be narrow.
        note: What stands behind the text, set small.
    """

    text: str
    order: float | None = None
    is_wide: bool = False
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ShownTable:
    """A table.

    Args:
        label: Its name for those who do not see it.
        heads: Headings.
        rows: Cells of each row.
        numbers: Columns that hold numbers.
        trials: The trial of each row, where rows are trials.
        stacks: Whether on a phone each row is a list of its own, so that nothing has to be scrolled to.
    """

    label: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: frozenset[int] = frozenset()
    trials: Sequence[int] = ()
    stacks: bool = False


def curve_table(best: pd.DataFrame, label: str, t: Language) -> ShownTable:
    """The winner's curve, every epoch or evenly chosen ones."""
    step = -(-len(best) // MAX_CURVE_ROWS)
    rows = [
        [Cell(text=str(row["epoch"])), Cell(text=t.score(row["train_loss"])), Cell(text=t.score(row["valid_loss"]))]
        for row in best.iloc[::step].to_dict("records")
    ]
    heads = (t("learning.epoch"), t("learning.train"), t("learning.valid"))
    return ShownTable(label=label, heads=heads, rows=rows, numbers=frozenset({0, 1, 2}))


def trial_table(run: RunLike, t: Language) -> ShownTable:
    """Every trial, the winner first, then by score."""
    metric = t("search.valid", metric=t.named("metric", tables.objective(run).name))
    columns = ("number", "topology", "ended", "params", "learning_rate", "train_s")
    heads = [t(f"trial.{column}") for column in columns]
    ranked = tables.ranked(run)
    return ShownTable(
        label=t("search.all"), heads=[heads[0], metric, *heads[1:]], numbers=frozenset({0, 1, 4, 5, 6}),
        rows=[_trial_cells(row, t) for row in ranked.to_dict("records")], trials=ranked["trial"].tolist(),
    )  # fmt: skip


def _trial_cells(row: Mapping[Any, Any], t: Language) -> list[Cell]:
    """One trial's row; why it failed or what it repeats stands with its end."""
    n_folds = row.get("n_folds_judged", 0)  # runs of before this column have epochs alone
    end = end_of(row["ended"], n=row["n_epochs"], best=row["best_epoch"], n_folds_judged=n_folds)
    remarks = [t.says(end)]
    if pd.notna(row.get("repeat_of")):
        remarks.append(t("trial.repeat", trial=int(row["repeat_of"])))
    if isinstance(row.get("error"), str):
        remarks.append(row["error"])
    rate = row.get("point.learning_rate")
    return [
        Cell(text=str(row["trial"]), order=row["trial"]),
        Cell(text=t.score(row["value"]), order=row["value"]),
        Cell(text=t.topology(str(row["topology"])), is_wide=True),
        Cell(text="; ".join(remarks)),
        Cell(text=t.count(int(row["n_params"])), order=row["n_params"]),
        Cell(text="–" if rate is None else t.setting(rate), order=rate),
        Cell(text=t.fixed(row["train_s"], 1 if row["train_s"] >= 0.1 else 2), order=row["train_s"]),
    ]


def group_table(slices: Sequence[ParameterSlice], objective: ShownObjective, t: Language) -> ShownTable:
    """Several slices as one table."""
    rows = [
        [Cell(text=t.named("parameter", part.name)), Cell(text=_group(part, row, t)), Cell(text=t.count(row["n"])),
         Cell(text=t.score(row["best"])), Cell(text=t.score(row["median"]))]
        for part in slices
        for row in tables.slice_groups(part, objective).to_dict("records")
    ]  # fmt: skip
    heads = [t(f"parameters.{key}") for key in ("parameter", "group", "n", "best", "median")]
    return ShownTable(label=t("parameters.title"), heads=heads, rows=rows, numbers=frozenset({2, 3, 4}))


def _group(part: ParameterSlice, row: Mapping[Any, Any], t: Language) -> str:
    """The values of one group: a name, a number, or from one to another."""
    if not part.is_number:
        return level_name(str(row["low"]), t)
    if part.has_off and row["high"] == 0:
        return t("parameters.off")
    ends = dict.fromkeys(t.setting(row[end]) for end in ("low", "high"))
    return " – ".join(ends)


def column_table(columns: Sequence[Mapping[str, Any]], t: Language, *, ignored: Collection[str] = ()) -> ShownTable:
    """How each column of the table was understood; findings of the ignored codes are left out."""
    rows = [
        [
            Cell(text=str(column.get("name", ""))),
            Cell(text=_kind(column, t)),
            *(
                Cell(text="" if (count := column.get(key)) is None else t.count(int(count)))
                for key in ("n_missing", "n_levels")
            ),
            _why(column, ignored, t),
        ]
        for column in columns[:MAX_COLUMN_ROWS]
    ]
    heads = [t(f"data.{key}") for key in ("column", "kind", "missing", "levels", "why")]
    return ShownTable(label=t("data.columns"), heads=heads, rows=rows, numbers=frozenset({2, 3}))


def _why(column: Mapping[str, Any], ignored: Collection[str], t: Language) -> Cell:
    """The reasons of a column, and their codes."""
    reasons = unsilenced(reasons_in(column), ignored)
    return Cell(text="; ".join(map(t.says, reasons)), note=" ".join(reason.code for reason in reasons))


def _kind(column: Mapping[str, Any], t: Language) -> str:
    """What a column is; of one that is not used, that and why."""
    kind = t.named("kind", str(column.get("kind", "")))
    return kind if column.get("used", True) else f"{t('data.dropped')} ({kind})"


def pair_table(entries: Sequence[tuple[str, str]], *, label: str, t: Language) -> ShownTable:
    """Names and their values."""
    rows = [[Cell(text=name), Cell(text=value)] for name, value in entries]
    return ShownTable(label=label, heads=(t("repeat.name"), t("repeat.value")), rows=rows)
