"""What the report of a capacity study shows, computed from its summary alone: no drawing, no words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ffsearch.reports.tables import RunLike
from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.verdict import Verdict
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["Cell", "Disagreement", "Gain", "Line", "SizeTable", "StudyTables", "study_tables"]

_SHARES: Final = ("both_right", "wide_alone", "deep_alone", "neither")


@dataclass(frozen=True, order=True)
class Line:
    """Networks that differ in their number of parameters alone: a line of figure 6.7.

    Args:
        depth: Hidden layers; of convolutional networks convolutional ones.
        widened: What grows with the budget: `layers` of a dense network; of a convolutional one `channels`, or `units`
            of the dense layer.
    """

    depth: int
    widened: str


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One line at one budget: its score with the interval, and how it was trained.

    Args:
        line: Which networks.
        budget: Parameters that were asked for.
        n_params: Parameters it has.
        test: Score on the test rows, mean over seeds.
        low: Lower end of its 95 % interval.
        high: Upper end.
        train: Score on its training rows.
        learning_rate: The tuned one.
        at_edge: Whether that is the last one tried at an end.
        n_untrained: Seeds that hardly learnt.
        n_diverged: Seeds that diverged.
    """

    line: Line
    budget: int
    n_params: int
    test: float
    low: float
    high: float
    train: float
    learning_rate: float
    at_edge: bool
    n_untrained: int
    n_diverged: int

    @property
    def depth(self) -> int:
        """Layers."""
        return self.line.depth


@dataclass(frozen=True, kw_only=True)
class Gain:
    """How much better one thing is than another, with its 95 % interval; positive is better.

    Args:
        depth: The depth it is about.
        wide: What grows in the networks it is compared with, those of the shallowest depth; or in the line it is about.
        budget: At which budget; None: mean over budgets, or not about one.
        value: The gain.
        low: Lower end.
        high: Upper end.
        is_shown: Whether it is shown to differ from nothing, corrected for the number of comparisons.
    """

    depth: int
    wide: str
    budget: int | None
    value: float
    low: float
    high: float
    is_shown: bool


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """How differently the shallowest and the deepest network of a budget answer.

    Args:
        budget: Parameters.
        wide: Depth of the shallow one.
        deep: Depth of the deep one.
        between: Distance between the two.
        wide_seeds: Distance between two seeds of the shallow one.
        deep_seeds: Of the deep one.
        shares: Of test rows: both right, one alone, neither; empty for numbers.
    """

    budget: int
    wide: int
    deep: int
    between: float
    wide_seeds: float
    deep_seeds: float
    shares: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class SizeTable:
    """What networks of one share of the training rows show.

    Args:
        n_train: Training rows of a network.
        code: The verdict there.
        best: Score of the best cell.
        means: Every deeper line against the shallowest, mean over budgets.
    """

    n_train: int
    code: str
    best: Cell
    means: tuple[Gain, ...]


@dataclass(frozen=True, kw_only=True)
class StudyTables:
    """All that is shown.

    Args:
        verdict: What was found.
        objective: What was compared.
        cells: In the order of depth, then budget.
        missing: Cells that cannot exist.
        means: Every deeper depth against the shallowest, mean over budgets.
        singles: The same at every budget.
        overfits: Of every depth whose largest budget is not its best: what the largest gains over the best (`budget`).
        slope: Gain of doubling the depth at equal parameters, or None.
        disagreement: One entry a budget.
        sizes: One entry a share of the training rows, ascending.
        protocol: Every step, as it was done.
        numbers: Other numbers of the study by name.
    """

    verdict: Verdict
    objective: Objective
    cells: tuple[Cell, ...]
    missing: tuple[Finding, ...]
    means: tuple[Gain, ...]
    singles: tuple[Gain, ...]
    overfits: tuple[Gain, ...]
    slope: Gain | None
    disagreement: tuple[Disagreement, ...]
    sizes: tuple[SizeTable, ...]
    protocol: Mapping[str, Any]
    numbers: Mapping[str, Any]

    @property
    def depths(self) -> list[int]:
        """All depths, ascending."""
        return sorted({cell.depth for cell in self.cells})

    @property
    def lines(self) -> list[Line]:
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

    def of_line(self, line: Line) -> list[Cell]:
        """The cells of a line by budget."""
        return [cell for cell in self.cells if cell.line == line]

    def of_budget(self, budget: int) -> list[Cell]:
        """The cells of a budget by depth; those with more dense units have none to be compared with beside them."""
        return [cell for cell in self.cells if cell.budget == budget and cell.line.widened != "units"]

    @property
    def best(self) -> Cell:
        """The best cell."""
        return best_cell(self.cells, self.objective)


def best_cell(cells: Sequence[Cell], objective: Objective) -> Cell:
    """The one with the best score on the test rows."""
    return min(cells, key=lambda cell: objective.sign * cell.test)


def study_tables(run: RunLike) -> StudyTables | None:
    """The tables of a study that came to its end; None of one that has not."""
    summary = run.summary
    capacity, verdict = summary.get("capacity"), Verdict.of_summary(summary)
    if capacity is None or verdict is None:
        return None
    objective = Objective(**summary["objective"])
    return StudyTables(
        verdict=verdict,
        objective=objective,
        cells=tuple(_cell(cell) for cell in capacity["cells"]),
        missing=tuple(map(_missing, capacity["missing"])),
        means=tuple(_gain(one) for one in capacity["means"]),
        singles=tuple(_gain(one) for one in capacity["singles"]),
        overfits=tuple(_gain(one | {"budget": one["beyond"]}) for one in capacity["overfits"]),
        slope=None if capacity["slope"] is None else _gain(capacity["slope"]),
        disagreement=tuple(_disagreement(one) for one in capacity["disagreement"]),
        sizes=tuple(_size(one, objective) for one in capacity.get("train_sizes", ())),
        protocol=capacity["protocol"],
        numbers={
            "n_networks": summary["search"]["n_trials"],
            "wall_s": summary["search"]["wall_s"],
            "n_test": summary["data"]["n_test"],
            "detectable": capacity["detectable"],
            "seeds_needed": capacity["seeds_needed"],
            "margin": capacity["protocol"]["margin"],
            "openings": capacity["openings"],
        },
    )


def _cell(cell: Mapping[str, Any]) -> Cell:
    return Cell(
        line=Line(cell["depth"], cell.get("widened", "layers")),
        budget=cell["budget"],
        n_params=cell["n_params"],
        test=cell["test"]["value"],
        low=cell["test"]["low"],
        high=cell["test"]["high"],
        train=cell["train"],
        learning_rate=cell["learning_rate"],
        at_edge=cell["rate_at_edge"],
        n_untrained=cell["n_untrained"],
        n_diverged=cell["n_diverged"],
    )


def _gain(one: Mapping[str, Any]) -> Gain:
    return Gain(
        depth=one.get("depth", 0),
        wide=one.get("widened", "layers"),
        budget=one.get("budget"),
        value=one["value"],
        low=one["low"],
        high=one["high"],
        is_shown=one.get("is_shown", one["low"] > 0 or one["high"] < 0),
    )


def _size(one: Mapping[str, Any], objective: Objective) -> SizeTable:
    return SizeTable(
        n_train=one["n_train"],
        code=one["code"],
        best=best_cell([_cell(cell) for cell in one["cells"]], objective),
        means=tuple(_gain(each) for each in one["means"]),
    )


def _disagreement(one: Mapping[str, Any]) -> Disagreement:
    names = ("budget", "wide", "deep", "between", "wide_seeds", "deep_seeds")
    return Disagreement(
        **{name: one[name] for name in names}, shares={name: one[name] for name in _SHARES if name in one}
    )


def _missing(kept: Mapping[str, Any]) -> Finding:
    """A cell that cannot exist; early versions had no other kinds of networks than dense ones."""
    near = {end: kept[end] for end in ("below", "above") if kept[end] is not None}
    line = (kept["depth"], kept.get("widened", "layers"))
    return found(Code.CELL_MISSING, kept["why"], line=line, budget=kept["budget"], **near)
