"""What an expression (`expressions.py`) comes to in every row: by NumPy, in float64, and refused where it is no number.

Every operation is looked at as it is made: one that gives no finite number is named, with the inputs of a row where it
does. So nothing infinite gets into a sum, from where nobody could tell what made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.data.files.expressions import (
    CallNode,
    Expression,
    FoldNode,
    InputNode,
    Node,
    NoiseNode,
    NumberNode,
    Span,
    WhereNode,
    pointed_at,
)

__all__ = ["values_of"]

_Numbers = NDArray[np.float64]
_Rows = NDArray[np.intp]

_OF_ONE: Final[Mapping[str, Callable[[_Numbers], _Numbers]]] = {
    "-": np.negative,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "step": lambda a: np.heaviside(a, 1.0),
    "floor": np.floor,
}

_OF_TWO: Final[Mapping[str, Callable[[_Numbers, _Numbers], NDArray[np.generic]]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
    "min": np.minimum,
    "max": np.maximum,
    "mod": np.mod,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}

MAX_VALUE: Final = 1e30
"""Largest value of the whole. choice: float32, in which networks learn, ends at 3e38, and no table comes near."""

_N_SHOWN: Final = 5
"""Inputs that an error shows of a row. choice: more than a line holds helps nobody."""


def values_of(expression: Expression, x: _Numbers, *, draw: Callable[[int], _Numbers]) -> _Numbers:
    """The value of an expression in every row.

    Args:
        expression: What to compute.
        x: The inputs, shape (n_rows, n_inputs); x1 is the first column.
        draw: Standard normal draws, shape (n_rows,), for a noise by its number.

    Returns:
        Values, shape (n_rows,), all finite.

    Raises:
        DataError: If an operation gives no finite number in a row; the text says which, and at which inputs.
            Or if the whole is too large to be learnt in float32.
    """
    with np.errstate(all="ignore"):  # what is not finite is looked for and named
        evaluation = _Evaluation(expression, x, draw)
        return evaluation.checked(evaluation.of(expression.root, np.arange(len(x))))


@dataclass(frozen=True)
class _Evaluation:
    expression: Expression
    x: _Numbers
    draw: Callable[[int], _Numbers]

    def of(self, node: Node, rows: _Rows) -> _Numbers:
        """The value of a part in some rows, shape (len(rows),)."""
        match node:
            case NumberNode(value=value):
                return np.full(len(rows), value)
            case InputNode(number=number):
                column: _Numbers = self.x[:, number - 1]
                return column[rows]
            case NoiseNode(sd=sd, number=number):
                return self._finite(self.of(sd, rows) * self.draw(number)[rows], node, node.span, rows)
            case CallNode(function=function, operand=operand):
                return self._finite(_OF_ONE[function](self.of(operand, rows)), node, node.span, rows)
            case FoldNode():
                return self._folded(node, rows)
            case WhereNode():
                return self._chosen(node, rows)

    def checked(self, value: _Numbers) -> _Numbers:
        """The value of the whole, if it can be a target."""
        largest = float(np.abs(value).max())
        if largest > MAX_VALUE:
            raise DataError(
                f"control: the expression comes to {largest:.3g} in row {int(np.abs(value).argmax()) + 1:,}; at most "
                f"{MAX_VALUE:g} can be learnt. Divide it."
            )
        return value

    def _folded(self, node: FoldNode, rows: _Rows) -> _Numbers:
        value = self.of(node.first, rows)
        for sign, other in node.rest:
            result = np.asarray(_OF_TWO[sign](value, self.of(other, rows)), dtype=np.float64)
            is_last = other is node.rest[-1][1]
            span = node.span if is_last else Span(node.span.start, other.span.end)
            value = self._finite(result, node, span, rows)
        return value

    def _chosen(self, node: WhereNode, rows: _Rows) -> _Numbers:
        holds = self.of(node.condition, rows) != 0
        value = np.empty(len(rows))
        for chosen, part in ((holds, node.then), (~holds, node.otherwise)):
            if chosen.any():
                value[chosen] = self.of(part, rows[chosen])
        return value

    def _finite(self, value: _Numbers, node: Node, span: Span, rows: _Rows) -> _Numbers:
        bad = np.flatnonzero(~np.isfinite(value))
        if not len(bad):
            return value
        text, row = self.expression.text, int(rows[bad[0]])
        what = "not a number" if np.isnan(value[bad[0]]) else "infinite"
        shown = [f"x{number} = {self.x[row, number - 1]:.6g}" for number in sorted(set(_inputs(node)))[:_N_SHOWN]]
        where = f" where {', '.join(shown)}" if shown else ""
        more = f" and in {len(bad) - 1:,} more" if len(bad) > 1 else ""
        raise DataError(
            f"control: {' '.join(text[span.start : span.end].split())} is {what}{where} (in row {row + 1:,}{more}):\n"
            f"{pointed_at(text, span)}\n"
            "Inputs lie between -1 and 1. Shift them, log(x1 + 2), or ask only where it is a number: "
            "where(x1 > 0, log(x1), 0)."
        )


def _inputs(node: Node) -> Iterator[int]:
    """The numbers of the inputs in a part."""
    match node:
        case InputNode(number=number):
            yield number
        case NoiseNode(sd=sd):
            yield from _inputs(sd)
        case CallNode(operand=operand):
            yield from _inputs(operand)
        case FoldNode(first=first, rest=rest):
            yield from _inputs(first)
            for _, other in rest:
                yield from _inputs(other)
        case WhereNode(condition=condition, then=then, otherwise=otherwise):
            for part in (condition, then, otherwise):
                yield from _inputs(part)
