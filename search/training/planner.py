"""Which networks share a lane, and which ones the lanes leave to the reference trainer. Pure arithmetic, no TensorFlow.

A lane is compiled by XLA, or runs on the dynamic graph of its depth. A compiled program is made for one shape: depth,
units of every hidden layer, slots. A network joins the lane whose units are its own, rounded up to the next rung of a
ladder; it pays for the rounding at every update. Fewer rungs make more padding, more rungs more compilations: the
planner takes the ladder that a search of common size would be cheapest with, given the rows of this problem.

A rung is compiled at a depth where a search of common size saves more by its faster updates than compiling takes: on
large tables everything, on smaller ones wide networks alone, on small ones nothing. The dynamic graph takes networks
as they are, one a lane: no padding, and no slots to be filled, which few networks of one search would share.

Where it is known that many networks will have one shape (`Crowd`), as seeds of one topology have, a lane is as wide as
the network and has a slot for each of them, compiled or dynamic, whatever is cheaper for all of them.

A shape follows from the point and the problem alone, never from what else is being trained, because padding moves the
last bit of a sum: so the same job gives the same numbers in any company.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from ffsearch.search.data.problem import Problem
from ffsearch.search.topology import Balance, Point, layer_sizes
from ffsearch.search.training.augment import AugmentForm, augment_form, n_draws
from ffsearch.search.training.balance import rows_per_epoch
from ffsearch.search.training.batches import batches_per_epoch
from ffsearch.search.training.families import Family, family_of
from ffsearch.search.training.protocol import Job

__all__ = [
    "MAX_DEPTH",
    "MAX_WIDTH",
    "VALID_CHUNK",
    "Crowd",
    "LaneShape",
    "Planner",
    "compile_seconds",
    "dynamic_update_seconds",
    "ladder",
    "pays_to_compile",
    "update_seconds",
]

MAX_WIDTH: Final = 1024
"""Wider networks go to the reference trainer.

choice: their updates are bound by arithmetic, which both trainers do at the machine's rate; a lane has nothing to win.
"""

MAX_DEPTH: Final = 16
"""Deeper networks go to the reference trainer. choice: compiling grows with depth, to some 6 s here."""

_MEMORY_SHARE: Final = 0.5
"""choice: the lanes leave half of the machine's memory to the table, to Keras and to whatever else runs."""

_SLOT_WORK: Final = 2**15
"""Activations of a layer that make an update of a lane worth its fixed cost, over all slots.

Source: our benchmark, batch 256: at width 64 two slots take 7.9 ms of processor time an epoch each, one takes 10.2,
eight take 7.5; at width 256 one takes 64 and two 68. Slots beyond it only wait to be filled.
"""

_MOST_SLOTS: Final = 8
"""choice: a lane of more is seldom full, because its networks must have one shape."""

_PROGRAM_BYTES: Final = 48 * 2**20
"""What compiling a lane leaves resident. Source: our measurement, four lanes of width 64 to 1024, to 10 % in all."""

_MULTIPLE: Final = 16
"""Units are padded to a multiple of it. Source: floats in a 512-bit vector."""

_SWAP_PASSES, _WARP_PASSES = 6, 16
"""Copies of a batch's features while they are augmented. Source: `lane_augment.py`, counted."""

VALID_CHUNK: Final = 2048
"""Validation rows evaluated at once. choice: their activations of one layer fit into the second-level cache."""


@dataclass(frozen=True, kw_only=True)
class LaneShape:
    """What a lane's program is compiled for.

    Args:
        n_slots: Networks trained side by side.
        n_features: Columns of the matrix.
        units: Units of every hidden layer, padding included.
        n_outputs: Units of the output layer.
        batch_size: Rows an update.
        activity: Whether activity penalties are computed; without them two passes over memory less.
        compiled: Whether XLA compiles it; else it runs on the dynamic graph of its depth and family.
        family: Of the activations; None: any. A dynamic lane of one network is spared the arithmetic of the others, and
            tracing three graphs a depth costs little; compiling three would cost more than it saves.
        augment: What is done to rows; None: nothing, which costs nothing.
        drawn: The balance that decides how many rows there are, or how many an epoch reads: none, undersample or smote.
        own_slots: Whether a job has one slot, its number modulo their count, and no other. Without padding to whole
            vectors, which elements share a vector instruction depends on the slot, and with it the last bit of an
            exponential or a root; with padding any free slot will do.
    """

    n_slots: int
    n_features: int
    units: tuple[int, ...]
    n_outputs: int
    batch_size: int
    activity: bool
    compiled: bool = True
    family: Family | None = None
    augment: AugmentForm | None = None
    drawn: Balance = Balance.NONE
    own_slots: bool = False

    @property
    def n_weights(self) -> int:
        """Kernel entries of one slot."""
        sizes = (self.n_features, *self.units, self.n_outputs)
        return sum(fan_in * fan_out for fan_in, fan_out in pairwise(sizes))

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.units))} x {self.n_slots}"


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Networks of one shape that will be trained: seeds and learning rates of one topology.

    Args:
        n_together: Those that come one after another: as many slots a lane gets, where memory allows.
        n_updates: Updates that all networks of a shape will make, in sum: compiling has to pay over these.
    """

    n_together: int
    n_updates: int


class Planner:
    """Assigns lanes to jobs.

    Args:
        problem: What is to be learnt.
        batch_size: Rows an update, where a fold has as many.
        n_moments: Running averages the optimiser keeps for every parameter.
        memory_bytes: What one lane may take at most; None for half of the machine's memory.
        compiled: Whether lanes are compiled by XLA; None: where it pays.
        crowd: How many networks have one shape; None: it is not known.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        batch_size: int,
        n_moments: int = 2,
        memory_bytes: int | None = None,
        compiled: bool | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        self._problem = problem
        self._batch_size = batch_size
        self._n_moments = n_moments
        self._memory_bytes = memory_bytes or int(_MEMORY_SHARE * machine_memory())
        self._compiled = compiled
        self._crowd = crowd
        n_rows = max(len(split.x_train) for split in problem.splits)
        self._table = {"n_features": problem.n_features, "n_rows": n_rows, "batch_size": min(batch_size, n_rows)}
        self._rungs = ladder(**self._table)

    def shape(self, job: Job) -> LaneShape | None:
        """The lane of a job, or None where the reference trainer takes it.

        The lanes leave to it networks deeper than `MAX_DEPTH` or, outside a crowd, wider than `MAX_WIDTH`, and those
        that would not fit into memory with a single slot, for their own size or for the table's.
        """
        point = job.point
        if point.depth > MAX_DEPTH or (self._crowd is None and max(layer_sizes(point)) > MAX_WIDTH):
            return None
        balance = point.augment_balance
        batch_size = min(self._batch_size, rows_per_epoch(self._problem.splits[job.fold].y_train, balance))
        compiled, units, n_slots = self._for_crowd(point) if self._crowd else self._for_search(point, batch_size)
        while n_slots:
            shape = LaneShape(
                n_slots=n_slots,
                n_features=self._problem.n_features,
                units=units,
                n_outputs=self._problem.head.n_outputs,
                batch_size=batch_size,
                activity=bool(point.activity_l1 or point.activity_l2),
                compiled=compiled,
                family=None if compiled else family_of(point.activation),
                augment=augment_form(point, self._problem.matrix_columns),
                drawn=balance if balance in (Balance.UNDERSAMPLE, Balance.SMOTE) else Balance.NONE,
                own_slots=self._crowd is not None,
            )
            if self.peak_bytes(shape) <= self._memory_bytes:
                return shape
            n_slots //= 2
        return None

    def _for_search(self, point: Point, batch_size: int) -> tuple[bool, tuple[int, ...], int]:
        """Whether it is compiled, units and slots of a lane that networks of many shapes share."""
        padded = self._units(point)
        if self._is_compiled(point.depth, max(padded)):
            return True, padded, _n_slots(batch_size * max(padded))
        return False, layer_sizes(point), 1

    def _for_crowd(self, point: Point) -> tuple[bool, tuple[int, ...], int]:
        """The same for networks of one shape: nothing is padded, and no slot waits to be filled."""
        assert self._crowd is not None
        units, n_slots = layer_sizes(point), self._crowd.n_together
        if self._compiled is not None:
            return self._compiled, units, n_slots
        table = {key: self._table[key] for key in ("n_features", "batch_size")}
        saved = dynamic_update_seconds(units, **table, n_slots=n_slots) - update_seconds(units, **table)
        return compile_seconds(point.depth) < saved * self._crowd.n_updates, units, n_slots

    def _units(self, point: Point) -> tuple[int, ...]:
        """All layers as wide as the widest, unless padding each by itself halves the work of a taper."""
        rungs = tuple(_next(self._rungs, width) for width in layer_sizes(point))
        even = (max(rungs),) * len(rungs)
        return rungs if 2 * _products(rungs) < _products(even) else even

    def _is_compiled(self, depth: int, rung: int) -> bool:
        if self._compiled is not None:
            return self._compiled
        return pays_to_compile(depth, rung, rungs=self._rungs, **self._table)

    def table_bytes(self) -> int:
        """Memory of the rows, which all lanes share."""
        return sum(
            part.nbytes
            for split in self._problem.splits
            for part in (split.x_train, split.y_train, split.x_valid, split.y_valid)
        )

    def peak_bytes(self, shape: LaneShape) -> int:
        """Memory that the rows and one lane take while an epoch runs, to some 20 %.

        Weights, averages, what comes in and what goes out; of every hidden activation the few arrays the backward
        pass needs; one chunk of validation rows, and the logits.
        """
        n_valid = max(len(split.x_valid) for split in self._problem.splits)
        n_train = max(len(split.x_train) for split in self._problem.splits)
        weights = shape.n_weights * (3 * (1 + self._n_moments) + 1)
        activations = shape.batch_size * (6 * sum(shape.units) + 2 * shape.n_features)
        evaluation = min(n_valid, VALID_CHUNK) * (3 * max(shape.units) + shape.n_features)
        rows = 2 * n_train + 3 * n_valid * shape.n_outputs
        if shape.augment is not None:
            rows += n_train * n_draws(self._problem.matrix_columns)
            passes = _WARP_PASSES if shape.augment.warped else _SWAP_PASSES
            activations += passes * shape.batch_size * shape.n_features
        # Synthetic rows at most double the table, and it lies there beside the one without them.
        table = (3 if shape.drawn is Balance.SMOTE else 1) * self.table_bytes()
        return _PROGRAM_BYTES + table + 4 * shape.n_slots * (weights + activations + evaluation + rows)


# --- the ladder ------------------------------------------------------------------------------------------------------

_N_TRIALS, _N_EPOCHS, _DEPTHS = 100, 15, (1, 2, 3, 4, 5, 6)
"""choice: the search the ladder is made for; the shipped space's, with the epochs that asha leaves of it."""

_WIDTHS: Final = tuple(round(16 * 32 ** (step / 20)) for step in range(21))
"""choice: of the same search, 16 to 512, evenly spaced as factors."""

_FILL: Final = 0.5
"""choice: the share of slots taken, where a lane has several, in a search whose networks differ in depth and width."""

_RATIOS: Final = (16.0, 4.0, 2.0, math.sqrt(2.0), 2.0**0.25)
"""choice: from one rung to the next; the coarse ones serve tables so small that compiling is all that takes time."""

_FIRST_RUNG: Final = 32
"""choice: below it an update costs its fixed part, whatever the width."""


@lru_cache(maxsize=64)
def ladder(*, n_features: int, n_rows: int, batch_size: int) -> tuple[int, ...]:
    """Widths that lanes are compiled for: the ladder of least cost for a common search on so many rows.

    Args:
        n_features: Columns of the matrix.
        n_rows: Rows of the training part.
        batch_size: Rows an update.
    """

    def search_seconds(rungs: tuple[int, ...]) -> float:
        costs = (
            _rung_seconds(depth, rung, rungs=rungs, n_features=n_features, n_rows=n_rows, batch_size=batch_size)
            for depth in _DEPTHS
            for rung in sorted({_next(rungs, width) for width in _WIDTHS})
        )
        return sum(min(cost) for cost in costs)

    return min((_rungs(ratio) for ratio in _RATIOS), key=search_seconds)


@lru_cache(maxsize=1024)
def pays_to_compile(
    depth: int, rung: int, *, rungs: tuple[int, ...], n_features: int, n_rows: int, batch_size: int
) -> bool:
    """Whether a common search spends less time with XLA on the networks of a depth that fall on one rung.

    Args:
        depth: Hidden layers.
        rung: Units after padding, one of `rungs`.
        rungs: The ladder.
        n_features: Columns of the matrix.
        n_rows: Rows of the training part.
        batch_size: Rows an update.
    """
    compiled, dynamic = _rung_seconds(
        depth, rung, rungs=rungs, n_features=n_features, n_rows=n_rows, batch_size=batch_size
    )
    return compiled < dynamic


def _rung_seconds(
    depth: int, rung: int, *, rungs: tuple[int, ...], n_features: int, n_rows: int, batch_size: int
) -> tuple[float, float]:
    """What a common search spends on one rung at one depth: compiled, and on the dynamic graph."""
    widths = [width for width in _WIDTHS if _next(rungs, width) == rung] or [rung]
    n_trials = _N_TRIALS / (len(_DEPTHS) * len(_WIDTHS))  # of one depth and width
    n_updates = n_trials * _N_EPOCHS * batches_per_epoch(n_rows, batch_size=batch_size)
    fill = _FILL if _n_slots(batch_size * rung) > 1 else 1.0
    update = update_seconds((rung,) * depth, n_features=n_features, batch_size=batch_size) / fill
    dynamic = sum(
        dynamic_update_seconds((width,) * depth, n_features=n_features, batch_size=batch_size) for width in widths
    )
    return compile_seconds(depth) + n_updates * len(widths) * update, n_updates * dynamic


def compile_seconds(depth: int) -> float:
    """Tracing and compiling a lane, while another core trains.

    Source: our benchmark, two cores: 3 to 5 s of one core at depth 1 to 6, of which half is lost to training.
    """
    return 1.5 + 0.3 * depth


def update_seconds(units: tuple[int, ...], *, n_features: int, batch_size: int) -> float:
    """One update of one network in a full compiled lane.

    The products, a pass over activations and weights, and a fixed part a layer. Source: our benchmark, two lanes on two
    cores, six shapes of depth 1 to 6, width 32 to 256, batch 32 and 256: fitted to 25 %, the smallest to 50 %.
    """
    weights = _products((n_features, *units))
    return 6 * batch_size * weights / 130e9 + 2e-9 * (batch_size * sum(units) + weights) + 16e-6 * (len(units) + 1)


def dynamic_update_seconds(units: tuple[int, ...], *, n_features: int, batch_size: int, n_slots: int = 1) -> float:
    """One update of one network on the dynamic graph.

    The products, some passes over the activations and over the weights, each an operation of its own, and what it takes
    to start all these operations, which slots share. Source: our benchmark, two lanes on two cores, 13 shapes of depth
    1 to 6, width 32 to 512, batch 32 and 256, one slot: fitted to 25 %.
    """
    weights = _products((n_features, *units))
    passes = 11e-9 * batch_size * sum(units) + 8e-9 * weights
    return 6 * batch_size * weights / 150e9 + passes + 75e-6 * (len(units) + 1) / n_slots


def _rungs(ratio: float) -> tuple[int, ...]:
    """From the first rung to the widest lane, each a multiple of the vector's width."""
    n_steps = math.floor(math.log(MAX_WIDTH / _FIRST_RUNG, ratio) + 1e-9)
    exact = (MAX_WIDTH / ratio**step for step in range(n_steps + 1))
    return tuple(sorted({_MULTIPLE * round(width / _MULTIPLE) for width in exact}))


def _next(rungs: tuple[int, ...], width: int) -> int:
    """The first rung that holds so many units."""
    return next(rung for rung in rungs if rung >= width)


def _products(sizes: tuple[int, ...]) -> int:
    """Entries of the kernels between these layers."""
    return sum(fan_in * fan_out for fan_in, fan_out in pairwise(sizes))


def _n_slots(work: int) -> int:
    """A power of two that brings a layer's activations to `_SLOT_WORK`."""
    return int(max(1, min(_MOST_SLOTS, 2 ** round(math.log2(_SLOT_WORK / work)))))


def machine_memory() -> int:
    """Bytes of this machine's memory; 4 GB where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 4 * 2**30
