"""The functions that train a lane for an epoch: XLA's, one a shape, or a dynamic graph, one a depth and family.

Both are `lane.epoch`. XLA fuses it into few passes over memory, and takes seconds for it. The dynamic graph leaves the
widths open, so that one trace of about a second serves every network of a depth and a family of activations.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any, Final

import tensorflow as tf
from tensorflow.python.eager import context

from ffsearch.search.heads import Loss
from ffsearch.search.training import lane
from ffsearch.search.training.planner import LaneShape

__all__ = ["epoch_function"]

_EXECUTOR: Final = "SINGLE_THREADED_EXECUTOR"
"""Operations of one lane one after another, without handing each to a thread.

Source: our benchmark, two lanes in two threads: 0.5 ms an update instead of 1.0 at batch 32, 0.85 instead of 1.6 at 256
(three layers of 64). TensorFlow has no public name for it. Branches (`tf.cond`) wait for ever under it; loops do not.
"""


def epoch_function(
    shape: LaneShape, *, ragged: bool, loss: Loss, optimizer: str, momentum: float
) -> tuple[Any, threading.Lock]:
    """What trains lanes of a shape for an epoch, and the lock under which to call it for the first time.

    One a process, for all trainers.

    Args:
        shape: The lanes' shape.
        ragged: Whether slots may differ in their number of updates.
        loss: What is minimised.
        optimizer: `adam`, `adamw`, `sgd` or `rmsprop`.
        momentum: Of `sgd`.
    """
    settings = (
        ("batch_size", shape.batch_size), ("ragged", ragged), ("family", shape.family), ("augment", shape.augment),
        ("loss", loss), ("optimizer", optimizer), ("momentum", momentum),
    )  # fmt: skip
    if shape.compiled:
        return _compiled(shape, settings)
    return _dynamic(len(shape.units), activity=shape.activity, settings=settings)


_Settings = tuple[tuple[str, Any], ...]
"""Keyword arguments of `lane.epoch` that its graph is made for."""


def _epoch(settings: _Settings) -> Any:
    """`lane.epoch` as TensorFlow traces it: a function of tensors alone."""

    def epoch(state: Any, hyper: Any, batches: Any) -> Any:
        return lane.epoch(state, hyper, batches, **dict(settings))

    return epoch


@lru_cache(maxsize=128)
def _compiled(shape: LaneShape, settings: _Settings) -> tuple[Any, threading.Lock]:  # noqa: ARG001  (it is the key)
    """Repeats with as many rows find it compiled. TensorFlow never frees a program, but shapes are few."""
    return tf.function(_epoch(settings), jit_compile=True, autograph=False), threading.Lock()


@lru_cache(maxsize=128)
def _dynamic(depth: int, *, activity: bool, settings: _Settings) -> tuple[Any, threading.Lock]:  # noqa: ARG001
    return _Dynamic(settings), threading.Lock()


class _Dynamic:
    """One graph for any widths, slots, rows, columns and outputs.

    Args:
        settings: Of `lane.epoch`.
    """

    def __init__(self, settings: _Settings) -> None:
        self._epoch = tf.function(_epoch(settings), autograph=False)
        self._traced: Any = None

    def __call__(self, state: lane.State, hyper: lane.Hyper, batches: lane.Batches) -> Any:
        """Run an epoch; the first call traces, and must have no other beside it."""
        with context.function_executor_type(_EXECUTOR):
            if self._traced is None:
                self._traced = self._epoch.get_concrete_function(
                    *tf.nest.map_structure(_any_shape, (state, hyper, batches))
                )
            return self._traced(state, hyper, batches)


def _any_shape(tensor: Any) -> Any:
    """A tensor of this type and as many axes; None stays None."""
    return None if tensor is None else tf.TensorSpec([None] * len(tensor.shape), tensor.dtype)
