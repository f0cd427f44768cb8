"""The answer of a study as a terminal shows it: the cells as a table, then the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ffsearch.search.console.wrapping import labelled, wrapped
from ffsearch.search.folder.study_results import CellResults
from ffsearch.search.folder.summary import Summary
from ffsearch.search.folder.verdict import Verdict
from ffsearch.search.wording.language import PLAIN, Language

__all__ = ["study_lines", "wrapped_verdict"]


def study_lines(summary: Summary, path: Path, t: Language = PLAIN, *, ignored: Iterable[str] = ()) -> list[str]:
    """The lines of a study that came to its end."""
    capacity = summary.capacity
    assert capacity is not None
    scores = t(
        "console.study_scores", metric=t.named("metric", summary.objective.name), rows=t.count(summary.data.n_test),
        seeds=capacity.protocol.seeds,
    )  # fmt: skip
    tables = (t("console.label.tables"), str(path / "capacity.parquet"))
    if summary.verdict is None:
        return ["", *wrapped([scores]), *_table(capacity.cells, t), "", *labelled([tables])]
    answer, *ends = labelled([(t("console.label.verdict"), t.named("capacity.head", summary.verdict.code)), tables])
    return [
        "",
        *wrapped([scores]),
        *_table(capacity.cells, t),
        "",
        answer,
        *wrapped_verdict(summary.verdict, ignored, t),
        *ends,
    ]


def wrapped_verdict(verdict: Verdict, ignored: Iterable[str], t: Language = PLAIN) -> list[str]:
    """Each of its sentences from a line's beginning on, with its code; those of ignored codes left out."""
    return wrapped(verdict.tagged(t, ignored=ignored))


def _table(cells: Sequence[CellResults], t: Language) -> list[str]:
    """Depths down, budgets across."""
    budgets = sorted({cell.budget for cell in cells})
    by_place = {(_line(cell), cell.budget): _cell(cell, t) for cell in cells}
    rows = [[t("console.depth"), *(t.count(budget) for budget in budgets)]]
    for line in dict.fromkeys(map(_line, cells)):
        rows.append([line, *(by_place.get((line, budget), "-") for budget in budgets)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows]


def _line(cell: CellResults) -> str:
    """The depth, and for convolutional networks what grows with the budget."""
    return str(cell.depth) if cell.widened == "layers" else f"{cell.depth} {cell.widened}"


def _cell(cell: CellResults, t: Language) -> str:
    marks = "*" * cell.rate_at_edge + "!" * bool(cell.n_untrained)
    return f"{t.score(cell.test.value)} ({t.score(cell.train)}){marks:<2}"
