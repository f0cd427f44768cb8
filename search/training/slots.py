"""A lane at work: the rows it reads, its compiled program, and who sits in which slot.

Networks come as the weights of a Keras model, are padded to the lane's units, trained in a slot, and leave as the
weights of a Keras model again. Between two epochs the main thread seats and clears; an epoch itself may run in any
thread, and touches nothing but the lane's own arrays.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ffsearch.search.data.problem import Problem
from ffsearch.search.heads import Loss
from ffsearch.search.model import initial_weights
from ffsearch.search.seeds import Stream, stream
from ffsearch.search.topology import Activation, Balance, Point, layer_sizes
from ffsearch.search.training import lane
from ffsearch.search.training.augment import epoch_draws, is_augmented, n_draws
from ffsearch.search.training.balance import BalancedRows
from ffsearch.search.training.batches import batches_per_epoch, cut_batches
from ffsearch.search.training.early_stopping import Progress
from ffsearch.search.training.lane_functions import ACTIVATIONS, slope_start
from ffsearch.search.training.planner import VALID_CHUNK, LaneShape
from ffsearch.search.training.programs import epoch_function
from ffsearch.search.training.protocol import Ended, Job, Trained

__all__ = ["Lane", "Program", "Rows", "Seat", "packed", "unpacked"]

Array = NDArray[Any]

_POINT_FIELDS: Final = (
    "learning_rate", "l1", "l2", "bias_l1", "bias_l2", "activity_l1", "activity_l2", "weight_decay", "dropout",
)  # fmt: skip
"""Hyperparameters a point and `lane.Hyper` know by the same name."""

_AUGMENT_FIELDS: Final = {"noise": "augment_noise", "swap": "augment_swap"}
"""Those of `lane.Hyper` that only lanes have whose networks augment rows, and their names in a point."""


class Rows:
    """The rows of all folds in TensorFlow's memory, once for all lanes of one batch size.

    Args:
        problem: What is to be learnt.
        batch_size: Rows an update; folds with fewer training rows have lanes of their own.
        drawn: The lanes' balance, as far as it decides how many rows there are or how many an epoch reads.
        n_passes: Passes over the rows that are one epoch of a lane: what `Stopping.evaluate_every` says.
        others: Rows of the same problem, whose tensors are used where they are the same.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        batch_size: int,
        drawn: Balance = Balance.NONE,
        n_passes: int = 1,
        others: Iterable[Rows] = (),
    ) -> None:
        splits = problem.splits
        self._splits = splits
        self._n_passes = n_passes
        self._columns = problem.matrix_columns
        self._balanced: dict[tuple[int, Balance], BalancedRows] = {}
        self._drawn = drawn
        parts = [self.balanced(fold, drawn) for fold in range(len(splits))]
        self._offsets = [sum(len(part.x) for part in parts[:fold]) for fold in range(len(splits))]
        self._n_rows = [part.n_rows for part in parts]
        self._n_valid = [len(split.x_valid) for split in splits]
        self._batch_size = batch_size
        self.n_columns = batch_size * max(self.n_updates(fold) for fold in range(len(splits)))
        same = next((rows for rows in others if (rows._drawn is Balance.SMOTE) == (drawn is Balance.SMOTE)), None)
        self.tensors: dict[str, Any] = self._tensors(parts) if same is None else same.tensors
        self.augment_tensors: dict[str, Any] = {
            "cell": tf.constant(self._columns.cell),
            "is_number": tf.constant(self._columns.is_number.astype(np.float32)),
        }

    def _tensors(self, parts: list[BalancedRows]) -> dict[str, Any]:
        """What lies in TensorFlow's memory, under the names of `lane.Batches`."""
        return {
            "x": tf.constant(np.concatenate([part.x for part in parts])),
            "y": tf.constant(np.concatenate([part.y for part in parts])),
            "x_valid": tf.constant(self._chunked([split.x_valid for split in self._splits])),
            "y_valid": tf.constant(self._chunked([split.y_valid for split in self._splits])),
            "valid_weight": tf.constant(self._chunked([np.full(n, 1 / n, np.float32) for n in self._n_valid])),
        }

    def balanced(self, fold: int, balance: Balance) -> BalancedRows:
        """The training rows of one fold under one balance."""
        if (fold, balance) not in self._balanced:
            split = self._splits[fold]
            self._balanced[fold, balance] = BalancedRows(
                split.x_train, split.y_train, weight=split.train_weight, balance=balance, columns=self._columns
            )
        return self._balanced[fold, balance]

    @property
    def ragged(self) -> bool:
        """Whether folds differ in their number of updates."""
        return len({self.n_updates(fold) for fold in range(len(self._n_rows))}) > 1

    def n_updates(self, fold: int) -> int:
        """Updates of an epoch."""
        return self._n_passes * batches_per_epoch(self._n_rows[fold], batch_size=self._batch_size)

    @property
    def n_draws(self) -> int:
        """Numbers drawn once a row where rows are augmented."""
        return n_draws(self._columns)

    def n_valid(self, fold: int) -> int:
        """Validation rows."""
        return self._n_valid[fold]

    def read(self, job: Job, epoch: int) -> Read:
        """What an epoch of a job reads."""
        part = self.balanced(job.fold, job.point.augment_balance)
        passes = range((epoch - 1) * self._n_passes + 1, epoch * self._n_passes + 1)
        batches = [cut_batches(part.order(job.seed, each), batch_size=self._batch_size) for each in passes]
        rows = np.concatenate(batches).reshape(-1)
        draws = None
        if is_augmented(job.point):
            n_updates, batch_size = batches[0].shape
            drawn = [
                epoch_draws(
                    job.seed, each, point=job.point, columns=self._columns, n_updates=n_updates, batch_size=batch_size
                )
                for each in passes
            ]
            draws = np.concatenate(drawn).reshape(len(rows), -1)
        return Read(
            order=rows + np.int32(self._offsets[job.fold]),
            weight=None if part.weight is None else part.weight[rows],
            draws=draws,
        )

    def _chunked(self, parts: list[Array]) -> Array:
        """Folds of (n_valid, ...) as (n_chunks, n_folds, chunk, ...), padded with zeros."""
        longest = max(self._n_valid)
        n_chunks = -(-longest // VALID_CHUNK)
        chunk = -(-longest // n_chunks)
        padded = np.zeros((len(parts), n_chunks * chunk, *parts[0].shape[1:]), parts[0].dtype)
        for fold, part in enumerate(parts):
            padded[fold, : len(part)] = part
        return np.moveaxis(padded.reshape(len(parts), n_chunks, chunk, *parts[0].shape[1:]), 1, 0)


class Read(NamedTuple):
    """What one epoch reads, of a slot or, with an axis of slots in front, of a lane.

    Attributes:
        order: Where the rows of its updates lie, int32 (n_updates * batch_size,).
        weight: What they weigh, (n_updates * batch_size,); None: all alike.
        draws: What was drawn for them, (n_updates * batch_size, n_draws); None: nothing is augmented.
    """

    order: NDArray[np.int32]
    weight: Any
    draws: NDArray[np.float32] | None


class Program:
    """The epoch of all lanes of one shape, on the rows of one problem.

    Args:
        shape: The lanes' shape.
        rows: What they read.
        loss: What is minimised.
        optimizer: `adam`, `adamw`, `sgd` or `rmsprop`.
        momentum: Of `sgd`.
    """

    def __init__(self, shape: LaneShape, rows: Rows, *, loss: Loss, optimizer: str, momentum: float) -> None:
        self.shape = shape
        self.rows = rows
        self.n_moments = lane.N_MOMENTS[optimizer]
        self._epoch, self._compiling = epoch_function(
            shape, ragged=rows.ragged, loss=loss, optimizer=optimizer, momentum=momentum
        )
        self._ready = False

    def __call__(self, state: lane.State, hyper: lane.Hyper, read: Read) -> tuple[lane.State, lane.Result, float]:
        """Run an epoch; also returns the seconds that went into tracing and compiling, or into waiting for it."""
        batches = lane.Batches(
            **self.rows.tensors,
            **({} if read.draws is None else self.rows.augment_tensors),
            order=tf.constant(read.order),
            weight=tf.constant(read.weight),
            draws=_constant(read.draws),
        )
        compile_s = 0.0 if self._ready else self._compile(state, hyper, batches)
        return (*self._epoch(state, hyper, batches), compile_s)

    def _compile(self, state: lane.State, hyper: lane.Hyper, batches: lane.Batches) -> float:
        """Trace and compile by an epoch without updates. Returns the seconds."""
        started = time.perf_counter()
        with self._compiling:
            if not self._ready:
                self._epoch(state, hyper._replace(n_updates=tf.zeros_like(hyper.n_updates)), batches)
                self._ready = True
        return time.perf_counter() - started


@dataclass(kw_only=True, eq=False)
class Seat:
    """One network in a slot.

    Args:
        job: What is trained.
        progress: How it fares.
    """

    job: Job
    progress: Progress
    train_s: float = 0.0
    compile_s: float = 0.0
    weights: list[NDArray[np.float32]] | None = None
    valid_logits: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def trained(self, *, n_updates: int, error: str | None = None) -> Trained:
        """What the job came to; with an error, that it failed."""
        return Trained(
            job=self.job,
            ended=self.progress.ended or Ended.FAILED,
            error=error,
            curve=self.progress.curve,
            best_epoch=self.progress.best_epoch,
            n_updates=self.progress.best_epoch * n_updates,
            valid_logits=self.valid_logits,
            weights=self.weights,
            train_s=self.train_s,
            compile_s=self.compile_s,
        )


class _Arrays:
    """A lane after an epoch as NumPy arrays: copied out of TensorFlow once, whoever has improved.

    Args:
        state: Where the slots stand.
        result: What the epoch said.
    """

    def __init__(self, state: lane.State, result: lane.Result | None) -> None:
        self._state = state
        self._result = result

    @cached_property
    def valid_logits(self) -> Array:
        """Outputs on the validation rows, (n_slots, n_valid, n_outputs)."""
        assert self._result is not None
        logits: Array = self._result.valid_logits.numpy()
        return logits

    @cached_property
    def weights(self) -> list[list[Array]]:
        """Kernels, vectors and moving statistics, each with a leading axis of slots."""
        parts = (self._state.kernels, self._state.vectors, self._state.moving)
        return [[tensor.numpy() for tensor in tensors] for tensors in parts]


class Lane:
    """Slots of one shape, trained together.

    Args:
        program: The shape's program.

    Attributes:
        booked: Networks that take a slot before the next epoch, by slot.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._shape = program.shape
        self._seats: list[Seat | None] = [None] * self._shape.n_slots
        self.booked: dict[int, Seat] = {}
        self._arrivals: list[tuple[int, Seat]] = []
        self._hyper = _empty_hyper(self._shape)
        self._state = _empty_state(self._shape, n_moments=program.n_moments)
        self._result: lane.Result | None = None
        self._losses = np.empty((3, self._shape.n_slots), np.float32)
        self._alike = tf.ones((self._shape.n_slots, program.rows.n_columns))

    @property
    def seated(self) -> list[Seat]:
        """Who is in a slot, in the order of the slots."""
        return [seat for seat in self._seats if seat is not None]

    @property
    def n_networks(self) -> int:
        """Networks in a slot or about to take one."""
        return len(self.seated) + len(self.booked)

    @property
    def n_free(self) -> int:
        """Slots for others."""
        return self._shape.n_slots - self.n_networks

    def slot_for(self, seat: Seat) -> int | None:
        """The slot a network would get, the first free one or its own; None where there is none."""
        slots = [seat.job.trial % self._shape.n_slots] if self._shape.own_slots else range(self._shape.n_slots)
        return next((slot for slot in slots if self._seats[slot] is None and slot not in self.booked), None)

    def book(self, seat: Seat) -> None:
        """Promise a network its slot."""
        slot = self.slot_for(seat)
        assert slot is not None
        self.booked[slot] = seat

    def admit(self) -> None:
        """Give those who booked their slots. Not while an epoch runs."""
        for slot, seat in self.booked.items():
            self._seats[slot] = seat
            self._arrivals.append((slot, seat))
        self.booked.clear()

    def clear(self, seat: Seat) -> None:
        """Free a slot. Not while an epoch runs."""
        slot = self._seats.index(seat)
        self._seats[slot] = None
        self._hyper["n_updates"][slot] = 0

    def train_epoch(self) -> None:
        """Train everybody for an epoch and evaluate them."""
        started = time.perf_counter()
        self._settle_in()
        hyper = lane.Hyper(**{name: _constant(values) for name, values in self._hyper.items()})
        self._state, self._result, compile_s = self.program(self._state, hyper, self._read())
        self._losses = np.stack([self._result.train_loss, self._result.valid_loss, self._result.penalty])
        for seat in self.seated:
            seat.train_s += (time.perf_counter() - started) / len(self.seated)
            seat.compile_s += compile_s / len(self.seated)

    def record(self) -> Iterator[Seat]:
        """Tell everybody's progress of the epoch, keep what is best so far, and name those that have ended."""
        state = _Arrays(self._state, self._result)
        for slot, seat in enumerate(self._seats):
            if seat is None:
                continue
            train_loss, valid_loss, penalty = (float(value) for value in self._losses[:, slot])
            seat.progress.record(train_loss=train_loss, valid_loss=valid_loss, penalty=penalty)
            if seat.progress.improved:
                self._keep(slot, seat, state)
            if seat.progress.ended is not None:
                yield seat

    def _keep(self, slot: int, seat: Seat, state: _Arrays) -> None:
        n_valid = self.program.rows.n_valid(seat.job.fold)
        seat.valid_logits = state.valid_logits[slot, :n_valid].copy()
        rows = [[array[slot] for array in arrays] for arrays in state.weights]
        seat.weights = unpacked(seat.job.point, *rows)

    def _read(self) -> Read:
        """What each slot reads in the next epoch; an empty slot's is never looked at twice."""
        rows = self.program.rows
        reads = {
            slot: rows.read(seat.job, seat.progress.n_epochs + 1)
            for slot, seat in enumerate(self._seats)
            if seat is not None
        }
        shape = (self._shape.n_slots, rows.n_columns)
        order, weight, draws = np.zeros(shape, np.int32), None, None
        if any(read.weight is not None for read in reads.values()):
            weight = np.ones(shape, np.float32)
        if self._shape.augment is not None:
            draws = np.zeros((*shape, rows.n_draws), np.float32)
        for slot, read in reads.items():
            order[slot, : len(read.order)] = read.order
            if weight is not None and read.weight is not None:
                weight[slot, : len(read.order)] = read.weight
            if draws is not None:
                draws[slot, : len(read.order)] = read.draws
        return Read(order=order, weight=self._alike if weight is None else weight, draws=draws)

    def _settle_in(self) -> None:
        """Write the newcomers' weights and hyperparameters into their slots; averages and step start at zero."""
        if not self._arrivals:
            return
        state = tf.nest.map_structure(lambda tensor: tensor.numpy().copy(), self._state)
        for slot, seat in self._arrivals:
            for array in tf.nest.flatten(state):
                array[slot] = 0
            self._write_weights(state, slot, seat)
            self._write_hyper(slot, seat)
        self._state = tf.nest.map_structure(tf.constant, state)
        self._arrivals.clear()

    def _write_weights(self, state: Any, slot: int, seat: Seat) -> None:
        shape, point = self._shape, seat.job.point
        weights = initial_weights(point, n_features=shape.n_features, n_outputs=shape.n_outputs, seed=seat.job.seed)
        for arrays, rows in zip((state.kernels, state.vectors, state.moving), packed(point, weights), strict=True):
            for array, row in zip(arrays, rows, strict=True):
                array[slot][tuple(slice(n) for n in row.shape)] = row

    def _write_hyper(self, slot: int, seat: Seat) -> None:
        point, hyper = seat.job.point, self._hyper
        for name in (*_POINT_FIELDS, *_AUGMENT_FIELDS):
            if hyper[name] is not None:
                hyper[name][slot] = getattr(point, _AUGMENT_FIELDS.get(name, name))
        hyper["batch_norm"][slot] = point.batch_norm
        hyper["activation"][slot] = ACTIVATIONS.index(point.activation)
        hyper["widths"][slot] = layer_sizes(point)
        hyper["seed"][slot] = stream(seat.job.seed, Stream.DROPOUT).generate_state(2)
        hyper["fold"][slot] = seat.job.fold
        hyper["n_updates"][slot] = self.program.rows.n_updates(seat.job.fold)


# --- from a Keras model's weights to a slot's arrays, and back -------------------------------------------------------


def packed(point: Point, weights: list[NDArray[np.float32]]) -> tuple[list[Array], list[Array], list[Array]]:
    """Kernels, vectors and moving statistics of one network, as `lane.State` holds them, without padding.

    Args:
        point: The point.
        weights: In the order of the Keras model's `get_weights()`.
    """
    remaining = iter(weights)
    kernels, vectors, moving = [], [], []
    for units in layer_sizes(point):
        kernel, bias = next(remaining), next(remaining)
        ones, zeros = np.ones(units, np.float32), np.zeros(units, np.float32)
        norm = [next(remaining) for _ in range(4)] if point.batch_norm else [ones, zeros, zeros, ones]
        slope = next(remaining) if point.activation is Activation.PRELU else ones * slope_start(point.activation)
        kernels.append(kernel)
        vectors.append(np.stack([bias, norm[0], norm[1], slope]))
        moving.append(np.stack(norm[2:]))
    kernel, bias = remaining
    return [*kernels, kernel], [*vectors, bias[None]], moving


def unpacked(point: Point, kernels: list[Array], vectors: list[Array], moving: list[Array]) -> list[Array]:
    """The Keras model's weights from one slot's arrays, padding cut off; copies."""
    weights: list[Array] = []
    fan_in = kernels[0].shape[0]
    for layer, units in enumerate(layer_sizes(point)):
        rows = vectors[layer][:, :units]
        weights += [kernels[layer][:fan_in, :units], rows[lane.BIAS]]
        if point.batch_norm:
            weights += [rows[lane.SCALE], rows[lane.SHIFT], *moving[layer][:, :units]]
        if point.activation is Activation.PRELU:
            weights.append(rows[lane.SLOPE])
        fan_in = units
    return [np.array(each) for each in (*weights, kernels[-1][:fan_in], vectors[-1][0])]


# --- an empty lane ---------------------------------------------------------------------------------------------------


def _empty_state(shape: LaneShape, *, n_moments: int) -> lane.State:
    sizes = (shape.n_features, *shape.units, shape.n_outputs)
    kernels = tuple(_zeros(shape, fan_in, units) for fan_in, units in pairwise(sizes))
    vectors = (*(_zeros(shape, 4, units) for units in shape.units), _zeros(shape, 1, shape.n_outputs))
    return lane.State(
        kernels=kernels,
        vectors=vectors,
        moving=tuple(_zeros(shape, 2, units) for units in shape.units),
        kernel_moments=tuple((each,) * n_moments for each in kernels),
        vector_moments=tuple((each,) * n_moments for each in vectors),
        step=tf.zeros((shape.n_slots,), tf.int32),
    )


def _zeros(shape: LaneShape, *rest: int) -> Any:
    return tf.zeros((shape.n_slots, *rest))


def _empty_hyper(shape: LaneShape) -> dict[str, Any]:
    n = shape.n_slots
    absent = [
        *([] if shape.activity else ["activity_l1", "activity_l2"]),
        *([] if shape.augment else _AUGMENT_FIELDS),
    ]
    names = (*_POINT_FIELDS, *_AUGMENT_FIELDS)
    return {
        **{name: None if name in absent else np.zeros(n, np.float32) for name in names},
        "batch_norm": np.zeros(n, np.bool_),
        "activation": np.zeros(n, np.int32),
        "widths": np.zeros((n, len(shape.units)), np.int32),
        "seed": np.zeros((n, 2), np.uint32),
        "fold": np.zeros(n, np.int32),
        "n_updates": np.zeros(n, np.int32),
    }


def _constant(values: Array | None) -> Any:
    return None if values is None else tf.constant(values)
