"""What a study trains: its cells, and a number for every training of it. Pure arithmetic.

    line      =  depth, and what grows with the budget          the lines of the book's figure 6.7
    cell      =  line  x  budget  x  training rows
    training  =  cell  x  learning rate  x  seed

The number of a training says which it is, so that a line of the log needs nothing else to be understood, and the same
training has the same number before and after a kill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.capacity.rates import RateGrid
from ffsearch.search.capacity.widths import (
    Build,
    Misfit,
    with_channels,
    with_units,
    with_widths,
)
from ffsearch.search.capacity.widths import fit as fit_budget
from ffsearch.search.folder.study_results import MissedBudget, StudyLine
from ffsearch.search.network.topology import Activation, Convolutions, Point, n_params
from ffsearch.search.training.protocol import Job
from ffsearch.spaces.capacity import CapacitySpec

__all__ = ["Plan", "StudyCell", "Training", "Widened", "make_plan"]


class Widened(StrEnum):
    """What grows with the budget."""

    LAYERS = "layers"  # all hidden layers of a dense network
    CHANNELS = "channels"  # all convolutional layers
    UNITS = "units"  # the dense layer behind convolutional ones


@dataclass(frozen=True, kw_only=True)
class StudyCell:
    """One depth at one budget.

    Args:
        depth: Hidden layers; of convolutional networks convolutional ones.
        budget: Parameters that were asked for.
        n_params: Parameters it has.
        point: The network; its learning rate is the training's.
        widened: What grows with the budget.
        size: Place of its share of training rows among those of the plan.
    """

    depth: int
    budget: int
    n_params: int
    point: Point
    widened: Widened = Widened.LAYERS
    size: int = 0

    @property
    def line(self) -> StudyLine:
        """The line it lies on."""
        return StudyLine(self.depth, self.widened)


@dataclass(frozen=True, order=True)
class Training:
    """One network of a study.

    Args:
        place: Of its learning rate in the grid.
        cell: Of its cell among those of the plan.
        seed: Number of its seed, from 0.
        is_longer: Whether it is one of those trained longer in the end, whose scores tune and compare nothing.
    """

    place: int
    cell: int
    seed: int
    is_longer: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All trainings of a study.

    Args:
        cells: Shares of the training rows in ascending order, within them lines, within them budgets.
        missing: Cells that cannot exist.
        budgets: Parameters, in ascending order.
        shares: Shares of the training rows, in ascending order; the verdict is that of the last.
        rates: The grid of learning rates, as the shallowest networks have it.
        by_depth: Power of the depth that learning rates fall with.
        n_seeds: Networks a cell and learning rate.
        seed: The study's seed.
        longer: How many times the updates networks that are trained longer make; 1: there are none.
    """

    cells: tuple[StudyCell, ...]
    missing: tuple[MissedBudget, ...]
    budgets: tuple[int, ...]
    shares: tuple[float, ...]
    rates: RateGrid
    n_seeds: int
    seed: int
    by_depth: float = 0.0
    longer: int = 1

    def of_size(self, size: int) -> slice:
        """The places of one share's cells: `cells` holds those of each share together, as many of every share."""
        n_cells = len(self.cells) // len(self.shares)
        return slice(size * n_cells, (size + 1) * n_cells)

    @property
    def main(self) -> slice:
        """Where the cells of the largest share stand, which the verdict is about."""
        return self.of_size(len(self.shares) - 1)

    def number(self, training: Training) -> int:
        """The number of a training: by learning rate, then by cell, then by seed; those trained longer come last."""
        rank = self.rates.all_places.index(training.place) + training.is_longer * len(self.rates.all_places)
        return (rank * len(self.cells) + training.cell) * self.n_seeds + training.seed

    def training(self, number: int) -> Training:
        """The training of a number."""
        row, seed = divmod(number, self.n_seeds)
        rank, cell = divmod(row, len(self.cells))
        is_longer, rank = divmod(rank, len(self.rates.all_places))
        return Training(place=self.rates.all_places[rank], cell=cell, seed=seed, is_longer=bool(is_longer))

    def rate_of(self, cell: StudyCell, place: int) -> float:
        """The learning rate of a cell at a place of the grid.

        Source: Jelassi, Hanin et al. 2023, arXiv 2305.07810, for the power 3/2 of plain relu layers; Yang et al. 2023,
        arXiv 2310.02244, for 1/2 of residual ones. Both move the grid, no more: the rate is tuned in every cell.
        """
        shallowest = min(each.depth for each in self.cells)
        return self.rates.rate(place, times=(shallowest / cell.depth) ** self.by_depth)

    def job(self, training: Training) -> Job:
        """What a trainer is given. The seed of a job is that of its number alone: alike in all cells and rates.

        So networks of one seed start from draws of one stream, read rows in one order, and have the same training and
        validation rows (a fold a seed): what tells two cells apart is then all that differs.
        """
        rate = self.rate_of(self.cells[training.cell], training.place)
        point = replace(self.cells[training.cell].point, learning_rate=rate)
        seed = child(self.seed, Purpose.TRIAL, training.seed)
        return Job(trial=self.number(training), point=point, seed=seed, fold=training.seed)

    def of(self, cells: Iterable[int], place: int) -> Iterator[Training]:
        """All seeds of some cells at one learning rate."""
        return (Training(place, cell, seed) for cell in cells for seed in range(self.n_seeds))

    def first_trainings(self) -> Iterator[Training]:
        """The grid as it was asked for, line by line, so that a study that is stopped has whole lines."""
        for size, line in dict.fromkeys((cell.size, cell.line) for cell in self.cells):
            cells = [number for number, cell in enumerate(self.cells) if (cell.size, cell.line) == (size, line)]
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


def make_plan(
    spec: CapacitySpec, *, n_features: int, n_outputs: int, image: tuple[int, int, int] | None = None
) -> Plan:
    """The plan of a study.

    Args:
        spec: The `capacity:` section, settled.
        n_features: Columns of the matrix.
        n_outputs: Units of the output layer.
        image: Height, width and channels of the images, for convolutional networks.
    """
    assert spec.depths is not None
    assert spec.seeds is not None
    assert spec.train_sizes is not None

    def count(point: Point) -> int:
        return n_params(point, n_features=n_features, n_outputs=n_outputs)

    lines = _lines(spec, image)
    budgets = spec.budgets or _budgets_of_widths(spec, lines, count)
    cells, missing = [], []
    for line, build in lines.items():
        for budget in budgets:
            found = fit_budget(budget, build, count)
            if isinstance(found, Misfit):
                missing.append(
                    MissedBudget(
                        depth=line.depth,
                        widened=str(line.widened),
                        budget=budget,
                        why=str(found.why),
                        below=found.below,
                        above=found.above,
                    )
                )
                continue
            cells.append(
                StudyCell(
                    depth=line.depth,
                    budget=budget,
                    n_params=found.n_params,
                    point=found.point,
                    widened=Widened(line.widened),
                )
            )
    rates, shares = spec.learning_rates, spec.train_sizes
    assert rates.n is not None
    return Plan(
        cells=tuple(replace(cell, size=size) for size in range(len(shares)) for cell in cells),
        missing=tuple(missing),
        budgets=tuple(budgets),
        shares=shares,
        rates=RateGrid(low=rates.low, high=rates.high, n=rates.n),
        n_seeds=spec.seeds,
        seed=spec.seed,
        by_depth=rates.by_depth,
        longer=spec.longer,
    )


def _lines(spec: CapacitySpec, image: tuple[int, int, int] | None) -> dict[StudyLine, Build]:
    """How the networks of every line are built, lines in ascending order."""
    assert spec.depths is not None
    like = Point(
        depth=1,
        width=1,
        activation=Activation(spec.activation),
        batch_norm=spec.batch_norm,
        dropout=spec.dropout,
        l2=spec.l2,
        residual=spec.residual,
    )
    if spec.convolutions is None:
        return {StudyLine(depth): with_widths(like, depth) for depth in spec.depths}
    assert image is not None
    fixed = replace(like, width=spec.convolutions.units)
    lines = {
        StudyLine(depth, Widened.CHANNELS): with_channels(fixed, image=image, n_layers=depth) for depth in spec.depths
    }
    shallowest = spec.depths[0]
    front = Convolutions(image=image, channels=(spec.convolutions.channels,) * shallowest)
    lines[StudyLine(shallowest, Widened.UNITS)] = with_units(replace(like, convolutions=front))
    return dict(sorted(lines.items()))


def _budgets_of_widths(
    spec: CapacitySpec, lines: Mapping[StudyLine, Build], count: Callable[[Point], int]
) -> list[int]:
    """The parameters of the shallowest network at each of the widths that were asked for."""
    assert spec.widths is not None
    build = next(iter(lines.values()))
    return [count(build.point((width,) * build.n_sizes)) for width in spec.widths]
