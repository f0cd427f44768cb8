"""What a study trains: its cells, and a number for every training of it. Pure arithmetic.

    training  =  cell (depth x budget)  x  learning rate  x  seed

The number of a training says which it is, so that a line of the log needs nothing else to be understood, and the same
training has the same number before and after a kill.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ffsearch.search.capacity.rates import RateGrid
from ffsearch.search.capacity.widths import TOLERANCE, Misfit, Why, fit_widths
from ffsearch.search.seeds import Purpose, child
from ffsearch.search.topology import MIN_WIDTH, Activation, Point
from ffsearch.search.training.protocol import Job
from ffsearch.spaces.capacity import CapacitySpec

__all__ = ["Cell", "MissingCell", "Plan", "Training", "make_plan"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One depth at one budget.

    Args:
        depth: Hidden layers.
        budget: Parameters that were asked for.
        n_params: Parameters it has.
        point: The network; its learning rate is the training's.
    """

    depth: int
    budget: int
    n_params: int
    point: Point


@dataclass(frozen=True, kw_only=True)
class MissingCell:
    """A depth and a budget that no network has, and why."""

    depth: int
    budget: int
    misfit: Misfit

    @property
    def sentence(self) -> str:
        """What cannot be, and why."""
        below, above = self.misfit.below, self.misfit.above
        why = {
            Why.TOO_SMALL: f"{MIN_WIDTH} units a layer, the fewest there are, already make {above or 0:,} parameters",
            Why.TOO_LARGE: f"the widest layers there are make {below or 0:,} parameters",
            Why.TOO_COARSE: f"a unit more or less is a step over it, to {below or 0:,} or {above or 0:,} parameters",
        }
        what = f"No network of depth {self.depth} has {self.budget:,} parameters to {TOLERANCE:.0%}"
        return f"{what}: {why[self.misfit.why]}."


@dataclass(frozen=True, order=True)
class Training:
    """One network of a study.

    Args:
        place: Of its learning rate in the grid.
        cell: Of its cell among those of the plan.
        seed: Number of its seed, from 0.
    """

    place: int
    cell: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All trainings of a study.

    Args:
        cells: Depths in ascending order, within them budgets.
        missing: Cells that cannot exist.
        rates: The grid of learning rates.
        n_seeds: Networks a cell and learning rate.
        seed: The study's seed.
    """

    cells: tuple[Cell, ...]
    missing: tuple[MissingCell, ...]
    rates: RateGrid
    n_seeds: int
    seed: int

    def number(self, training: Training) -> int:
        """The number of a training: by learning rate, then by cell, then by seed."""
        rank = self.rates.all_places.index(training.place)
        return (rank * len(self.cells) + training.cell) * self.n_seeds + training.seed

    def training(self, number: int) -> Training:
        """The training of a number."""
        row, seed = divmod(number, self.n_seeds)
        rank, cell = divmod(row, len(self.cells))
        return Training(place=self.rates.all_places[rank], cell=cell, seed=seed)

    def job(self, training: Training) -> Job:
        """What a trainer is given. The seed of a job is that of its number alone: alike in all cells and rates.

        So networks of one seed start from draws of one stream, read rows in one order, and have the same training and
        validation rows (a fold a seed): what tells two cells apart is then all that differs.
        """
        point = replace(self.cells[training.cell].point, learning_rate=self.rates.rate(training.place))
        seed = child(self.seed, Purpose.TRIAL, training.seed)
        return Job(trial=self.number(training), point=point, seed=seed, fold=training.seed)

    def of(self, cells: Iterable[int], place: int) -> Iterator[Training]:
        """All seeds of some cells at one learning rate."""
        return (Training(place, cell, seed) for cell in cells for seed in range(self.n_seeds))

    def first_trainings(self) -> Iterator[Training]:
        """The grid as it was asked for, depth by depth.

        The cells of a depth take turns, so that programs of two shapes compile side by side.
        """
        for depth in dict.fromkeys(cell.depth for cell in self.cells):
            cells = [number for number, cell in enumerate(self.cells) if cell.depth == depth]
            for place in self.rates.places:
                yield from self.of(cells, place)

    def more_trainings(self, scores: Mapping[Training, float | None]) -> list[Training]:
        """What the cells still need whose best learning rate is the last one tried at an end; none: all are tuned.

        Args:
            scores: Of every training that ended, lower is better; None: it diverged.
        """
        wanted: list[Training] = []
        for cell in range(len(self.cells)):
            place = self.rates.more(self.scores_of(cell, scores))
            if place is not None:
                wanted += self.of([cell], place)
        return wanted

    def scores_of(self, cell: int, scores: Mapping[Training, float | None]) -> dict[int, list[float | None]]:
        """Scores of a cell by place, in the order of seeds, of the places where all seeds have ended."""
        by_place: dict[int, list[float | None]] = {}
        for training in sorted(training for training in scores if training.cell == cell):
            by_place.setdefault(training.place, []).append(scores[training])
        return {place: each for place, each in by_place.items() if len(each) == self.n_seeds}


def make_plan(spec: CapacitySpec, *, n_features: int, n_outputs: int) -> Plan:
    """The plan of a study.

    Args:
        spec: The `capacity:` section, settled.
        n_features: Columns of the matrix.
        n_outputs: Units of the output layer.
    """
    assert spec.depths is not None
    assert spec.budgets is not None
    assert spec.seeds is not None
    cells, missing = [], []
    like = Point(depth=1, width=1, **_shared(spec))
    for depth in spec.depths:
        for budget in spec.budgets:
            fit = fit_widths(budget, depth=depth, like=like, n_features=n_features, n_outputs=n_outputs)
            if isinstance(fit, Misfit):
                missing.append(MissingCell(depth=depth, budget=budget, misfit=fit))
                continue
            point = replace(like, depth=depth, width=fit.widths[0], widths=fit.widths)
            cells.append(Cell(depth=depth, budget=budget, n_params=fit.n_params, point=point))
    rates = spec.learning_rates
    assert rates.n is not None
    return Plan(
        cells=tuple(cells),
        missing=tuple(missing),
        rates=RateGrid(low=rates.low, high=rates.high, n=rates.n),
        n_seeds=spec.seeds,
        seed=spec.seed,
    )


def _shared(spec: CapacitySpec) -> dict[str, Any]:
    """What all networks of a study have in common."""
    return {
        "activation": Activation(spec.activation),
        "batch_norm": spec.batch_norm,
        "dropout": spec.dropout,
        "l2": spec.l2,
    }
