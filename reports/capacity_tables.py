"""What the report of a capacity study shows, read from its results alone: no drawing, no words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ffsearch.reports.tables import RunLike
from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.results import Estimate
from ffsearch.search.folder.study_results import CapacityResults, CellResults, StudyLine
from ffsearch.search.folder.verdict import Verdict

__all__ = ["StudyTables", "best_cell", "everyday", "study_tables"]


@dataclass(frozen=True, kw_only=True)
class StudyTables:
    """All that is shown.

    Args:
        found: What the study found.
        verdict: The answer.
        objective: What was compared.
        n_networks: Networks trained.
        wall_s: Seconds it took.
        n_test: Test rows.
    """

    found: CapacityResults
    verdict: Verdict
    objective: Objective
    n_networks: int
    wall_s: float
    n_test: int

    @property
    def cells(self) -> tuple[CellResults, ...]:
        """In the order of depth, then budget."""
        return self.found.cells

    @property
    def depths(self) -> list[int]:
        """All depths, ascending."""
        return sorted({cell.depth for cell in self.cells})

    @property
    def lines(self) -> list[StudyLine]:
        """All lines, ascending."""
        return sorted({cell.line for cell in self.cells})

    @property
    def is_convolutional(self) -> bool:
        """Whether the networks are convolutional."""
        return any(line.widened != "layers" for line in self.lines)

    @property
    def budgets(self) -> list[int]:
        """All budgets, ascending."""
        return sorted({cell.budget for cell in self.cells})

    def of_line(self, line: StudyLine) -> list[CellResults]:
        """The cells of a line by budget."""
        return [cell for cell in self.cells if cell.line == line]

    def of_budget(self, budget: int) -> list[CellResults]:
        """The cells of a budget by depth; those with more dense units have none to be compared with beside them."""
        return [cell for cell in self.cells if cell.budget == budget and cell.widened != "units"]

    @property
    def best(self) -> CellResults:
        """The best cell."""
        return best_cell(self.cells, self.objective)


def everyday(cell: CellResults) -> Estimate:
    """The score of the book's figures, of a run that has one."""
    assert cell.everyday is not None
    return cell.everyday


def best_cell(cells: Sequence[CellResults], objective: Objective) -> CellResults:
    """The one with the best score on the test rows."""
    return min(cells, key=lambda cell: objective.sign * cell.test.value)


def study_tables(run: RunLike) -> StudyTables | None:
    """The tables of a study that came to its end; None of one that has not."""
    results = run.results
    if results.capacity is None or results.verdict is None:
        return None
    return StudyTables(
        found=results.capacity,
        verdict=results.verdict,
        objective=results.objective,
        n_networks=results.search.n_trials,
        wall_s=results.search.wall_s,
        n_test=results.data.n_test,
    )
