"""The answer of a study as a terminal shows it: the cells as a table, then the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from shutil import get_terminal_size
from textwrap import wrap

from ffsearch.search.folder.study_results import CellResults
from ffsearch.search.folder.summary import Summary
from ffsearch.search.folder.verdict import Verdict
from ffsearch.search.wording.language import PLAIN

__all__ = ["amount", "stands", "study_lines", "wrapped", "wrapped_verdict"]

LEAST_WIDTH, MOST_WIDTH = 40, 100
"""Letters a line of prose has. Choice: no longer than one reads with ease; narrower than any terminal is no use."""


def amount(*, n_cells: int, n_trainings: int, n_told: int) -> str:
    """How much there is to do."""
    told = f", of which {n_told} are told," if n_told else ""
    return (
        f"training {n_trainings} networks{told} in {n_cells} cells, and more where a learning rate is best at an end,"
    )


def stands(n_done: int, n_trainings: int, n_cells_done: int, n_cells: int, left_s: float) -> str:
    """How far a study is."""
    return f"{n_done} of {n_trainings} networks, {n_cells_done} of {n_cells} cells, about {PLAIN.duration(left_s)} left"


def study_lines(summary: Summary, path: Path, *, ignored: Iterable[str] = ()) -> list[str]:
    """The lines of a study that came to its end."""
    capacity = summary.capacity
    assert capacity is not None
    return [
        "",
        f"{PLAIN.named('metric', summary.objective.name)} on {summary.data.n_test:,} test rows, mean of "
        f"{capacity.protocol.seeds} seeds "
        f"(in brackets on training rows; * best learning rate at an end; ! a seed that hardly learnt)",
        *_table(capacity.cells),
        "",
        *([] if summary.verdict is None else _said(summary.verdict, ignored)),
        f"tables    {path / 'capacity.parquet'}",
    ]


def _said(verdict: Verdict, ignored: Iterable[str]) -> list[str]:
    answer = PLAIN(f"capacity.head.{verdict.code}")
    return [f"verdict   {answer}", *wrapped_verdict(verdict, ignored)]


def wrapped_verdict(verdict: Verdict, ignored: Iterable[str]) -> list[str]:
    """Each of its sentences from a line's beginning on, with its code; those of ignored codes left out."""
    return wrapped(verdict.tagged(PLAIN, ignored=ignored))


def wrapped(sentences: Iterable[str]) -> list[str]:
    """Each sentence from a line's beginning on, in lines that fit the terminal; 100 letters where there is none."""
    columns = get_terminal_size((MOST_WIDTH, 24)).columns
    width = max(LEAST_WIDTH, min(columns, MOST_WIDTH))
    return [
        line for sentence in sentences for line in wrap(sentence, width, break_on_hyphens=False, break_long_words=False)
    ]


def _table(cells: Sequence[CellResults]) -> list[str]:
    """Depths down, budgets across."""
    budgets = sorted({cell.budget for cell in cells})
    by_place = {(_line(cell), cell.budget): _cell(cell) for cell in cells}
    rows = [["depth", *(f"{budget:,}" for budget in budgets)]]
    for line in dict.fromkeys(map(_line, cells)):
        rows.append([line, *(by_place.get((line, budget), "-") for budget in budgets)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows]


def _line(cell: CellResults) -> str:
    """The depth, and for convolutional networks what grows with the budget."""
    return str(cell.depth) if cell.widened == "layers" else f"{cell.depth} {cell.widened}"


def _cell(cell: CellResults) -> str:
    marks = "*" * cell.rate_at_edge + "!" * bool(cell.n_untrained)
    return f"{PLAIN.score(cell.test.value)} ({PLAIN.score(cell.train)}){marks:<2}"
