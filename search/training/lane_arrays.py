"""The arrays of a lane: what a network is, what its updates need room for, and the rows they read.

All numbers of a network lie in a few flat arrays, one after another in the order of its layers, so that a program for
all topologies takes arrays of the same types.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ffsearch.search.training.compiling import compiled
from ffsearch.search.training.elementwise import Array, Scalar
from ffsearch.search.training.intrinsics import unowned

__all__ = [
    "BIAS",
    "CHUNK",
    "GAIN",
    "MEAN",
    "N_VECTORS",
    "OFFSET",
    "RSTD",
    "SCALE",
    "SHIFT",
    "SLOPE",
    "Chunk",
    "Hyper",
    "Rows",
    "Scratch",
    "State",
    "matrix",
    "unowned_chunk",
    "unowned_rows",
    "unowned_scratch",
    "unowned_state",
]

BIAS, SCALE, SHIFT, SLOPE = range(4)
"""Rows of a hidden layer's vectors, (4, units): bias, gamma, beta, and the slope left of zero."""

N_VECTORS: Final = 4

MEAN, RSTD, GAIN, OFFSET = range(4)
"""Rows of `Scratch.unit`."""

CHUNK: Final = 256
"""Validation rows evaluated at once. choice: their activations stay in the processor's second-level cache."""


class Hyper(NamedTuple):
    """What tells one network's training from another's; numbers are float32 unless said otherwise."""

    optimizer: int
    loss: int
    activation: int
    batch_norm: bool
    learns_slope: bool
    residual: bool
    learning_rate: Scalar
    momentum: Scalar
    weight_decay: Scalar
    l1: Scalar
    l2: Scalar
    bias_l1: Scalar
    bias_l2: Scalar
    activity_l1: Scalar
    activity_l2: Scalar
    threshold: Scalar  # uint32: random bits below it drop a unit; 0 drops none
    gain: Scalar  # of a unit that is kept
    shift: Scalar
    dropped: Scalar  # in the place of one that is not
    seed: Array  # uint32 (2,): of dropout and of augmentation


class State(NamedTuple):
    """What training changes; `units` counts those of hidden layers.

    Args:
        sizes: What the first dense layer reads, units of every hidden layer, outputs; int64 (depth + 2,).
        starts: Where in kernels, vectors and moving the dense layers begin, behind convolutional ones, which count as
            hidden layers and their channels as units; int64 (3,).
        kernels: All kernels, one after another, each (fan_in, units).
        vectors: Of every hidden layer (4, units), then the output layer's bias.
        moving: Of every hidden layer (2, units): moving mean and variance.
        kernel_moments: The optimiser's running averages, (2, len(kernels)).
        vector_moments: The same, (2, len(vectors)).
        mean_kernels: The running mean of `kernels` over the updates; empty where the last weights are the ones that
            count.
        mean_vectors: That of `vectors`.
        mean_moving: That of `moving`.
    """

    sizes: Array
    starts: Array
    kernels: Array
    vectors: Array
    moving: Array
    kernel_moments: Array
    vector_moments: Array
    mean_kernels: Array
    mean_vectors: Array
    mean_moving: Array


class Scratch(NamedTuple):
    """Room for one update. Flat arrays hold a (batch, units) block a layer, or one of the widest layer.

    Args:
        x: The batch, (batch, n_features).
        y: Its targets, (batch, n_outputs).
        weight: Its weights, (batch,).
        z: Products, a block a layer; empty where nobody asks for them on the way back, and `out` takes them first.
        out: What each layer puts out, a block a layer.
        slope: f'(u), a block a layer; empty where it can be read off `out`.
        gate: Slope of dropout, a block a layer; empty where there is none.
        pull: Slope of the activity penalty, a block a layer; empty where there is none.
        total: What each layer hands on where layers add to the one below, a block a layer; empty where none does.
        skip: The gradient that passes by a layer, one block of the widest; empty likewise.
        d: Gradients, two blocks of the widest layer, or of what the first one reads where convolutions are in front.
        gradient: Of the largest kernel.
        vector_gradient: Of a layer's vectors, flat.
        unit: Of every hidden layer mean, 1/sqrt(var + eps), gain and offset, (4, units) where `State.vectors` has its.
        logits: (batch, n_outputs).
        row_loss: (batch,).
    """

    x: Array
    y: Array
    weight: Array
    z: Array
    out: Array
    slope: Array
    gate: Array
    pull: Array
    total: Array
    skip: Array
    d: Array
    gradient: Array
    vector_gradient: Array
    unit: Array
    logits: Array
    row_loss: Array


class Chunk(NamedTuple):
    """Room for rows that are evaluated at once.

    Args:
        unit: As `Scratch.unit`, under the moving statistics.
        fed: Two blocks of the widest layer, (2, chunk * widest).
        slope: A block of the widest layer, (chunk * widest,), not looked at; empty where the activation keeps none.
        y: Targets, (chunk, n_outputs).
        gradient: Of the loss in the logits, (chunk, n_outputs); not looked at.
        row_loss: (chunk,).
    """

    unit: Array
    fed: Array
    slope: Array
    y: Array
    gradient: Array
    row_loss: Array


class Rows(NamedTuple):
    """Rows to learn from, or to be judged by.

    Args:
        x: Matrix, (n_rows, n_features).
        y: Targets, (n_rows, n_outputs); empty for classes.
        label: Class numbers, int32 (n_rows,); empty for everything else.
        weight: Of each row in the loss, (n_rows,); empty: all alike.
    """

    x: Array
    y: Array
    label: Array
    weight: Array


# --- arrays without an owner -----------------------------------------------------------------------------------------


@compiled
def unowned_state(s: State) -> State:
    """Of a network."""
    return State(
        unowned(s.sizes), unowned(s.starts), unowned(s.kernels), unowned(s.vectors), unowned(s.moving),
        unowned(s.kernel_moments), unowned(s.vector_moments),
        unowned(s.mean_kernels), unowned(s.mean_vectors), unowned(s.mean_moving),
    )  # fmt: skip


@compiled
def unowned_rows(r: Rows) -> Rows:
    """Of rows."""
    return Rows(unowned(r.x), unowned(r.y), unowned(r.label), unowned(r.weight))


@compiled
def unowned_scratch(s: Scratch) -> Scratch:
    """Of the room for an update."""
    return Scratch(
        unowned(s.x), unowned(s.y), unowned(s.weight), unowned(s.z), unowned(s.out), unowned(s.slope),
        unowned(s.gate), unowned(s.pull), unowned(s.total), unowned(s.skip), unowned(s.d),
        unowned(s.gradient), unowned(s.vector_gradient), unowned(s.unit), unowned(s.logits), unowned(s.row_loss),
    )  # fmt: skip


@compiled
def unowned_chunk(c: Chunk) -> Chunk:
    """Of the room for rows that are evaluated."""
    return Chunk(
        unowned(c.unit), unowned(c.fed), unowned(c.slope), unowned(c.y), unowned(c.gradient), unowned(c.row_loss)
    )


@compiled
def matrix(flat: Array, at: int, n_rows: int, n_columns: int) -> Array:
    """A block of a flat array, as it lies there."""
    return flat[at : at + n_rows * n_columns].reshape((n_rows, n_columns))
