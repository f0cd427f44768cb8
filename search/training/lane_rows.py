"""The rows of an update and what they weigh, compiled."""

from __future__ import annotations

import numpy as np

from ffsearch.search.training.compiling import compiled, inlined
from ffsearch.search.training.elementwise import Array
from ffsearch.search.training.lane_arrays import Rows, Scratch

__all__ = ["read_rows", "slots", "sum_by_weight", "weigh"]

_F = np.float32
_ZERO, _ONE = _F(0.0), _F(1.0)


@inlined
def read_rows(rows: Rows, order: Array, scratch: Scratch) -> None:
    """Copy the rows of one update."""
    _gather(rows.x, order, scratch.x)
    _gather_weights(rows.weight, order, scratch.weight)
    if len(rows.label):
        _gather_slots(rows.label, order, scratch.y)
    else:
        _gather(rows.y, order, scratch.y)


@compiled
def _gather(table: Array, order: Array, taken: Array) -> None:
    for i in range(len(order)):
        row = order[i]
        for j in range(taken.shape[1]):
            taken[i, j] = table[row, j]


@compiled
def _gather_weights(weight: Array, order: Array, taken: Array) -> None:
    """Those of rows; without any, all count alike."""
    for i in range(len(order)):
        taken[i] = weight[order[i]] if len(weight) else _ONE


@compiled
def _gather_slots(label: Array, order: Array, y: Array) -> None:
    """Classes, one slot each."""
    for i in range(len(order)):
        _slot(label[order[i]], y, i)


@compiled
def slots(label: Array, y: Array) -> None:
    """The same of rows that follow each other."""
    for i in range(len(label)):
        _slot(label[i], y, i)


@compiled
def _slot(label: int, y: Array, i: int) -> None:
    for j in range(y.shape[1]):
        y[i, j] = _ZERO
    y[i, label] = _ONE


@compiled
def sum_by_weight(array: Array, weight: Array) -> float:
    """By weights; without any, all count alike."""
    total = 0.0
    for i in range(len(array)):
        total += array[i] * weight[i] if len(weight) else array[i]
    return total


@compiled
def weigh(weight: Array, row_loss: Array, gradient: Array) -> float:
    """The mean loss of rows by their weights; the gradient in the logits becomes its gradient."""
    loss, n = 0.0, _F(len(weight))
    for i in range(len(weight)):
        share = weight[i] / n
        loss += row_loss[i] * share
        for j in range(gradient.shape[1]):
            gradient[i, j] *= share
    return loss
