"""The expressions of `control:"sin(3*x1)*x2 + noise(.1)"`: a small language of our own, read into a tree.

Nothing is handed to Python: a text becomes tokens, tokens become a tree of the six kinds of node below, and the tree is
all there is to evaluate (`expression_values.py`). From the loosest to the tightest:

    comparison   < <= > >= == !=         one of them; 1 where it holds, 0 elsewhere
    sum          + -                     from left to right
    product      * /                     from left to right
    minus        -a                      looser than a power: -x1**2 is -(x1**2)
    power        a ** b                  from right to left; b may be negative
    operand      2, .5, 1e-3, pi, x1, (a), sin(a), min(a, b, ...), where(condition, a, b), noise(sd)

Around the whole, `class(a)` makes classes of the values of `a`. A text has a greatest length and its operands a
greatest depth, so that no text costs more to read than a glance.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from ffsearch.errors import DataError

__all__ = [
    "COMPARISONS",
    "FOLDED",
    "FUNCTIONS",
    "LEGAL",
    "MAX_DEPTH",
    "MAX_INPUTS",
    "MAX_LENGTH",
    "UNARY",
    "CallNode",
    "Expression",
    "FoldNode",
    "InputNode",
    "Node",
    "NoiseNode",
    "NumberNode",
    "Span",
    "WhereNode",
    "parsed",
    "pointed_at",
]

MAX_LENGTH: Final = 2_000
"""Most signs of an expression. choice: a sum of a hundred ridge functions has fewer."""

MAX_DEPTH: Final = 30
"""Most operands within operands. choice: people lose count at ten, and Python's own stack ends at a hundred."""

MAX_INPUTS: Final = 200
"""Largest number of an input. choice: each is a column of every row."""

COMPARISONS: Final = ("<", "<=", ">", ">=", "==", "!=")
FOLDED: Final = ("min", "max", "mod")
"""Functions of two numbers; `min` and `max` take more of them, two by two from the left."""

UNARY: Final = ("sin", "cos", "tan", "tanh", "exp", "log", "sqrt", "abs", "sign", "step", "floor")
FUNCTIONS: Final = (*UNARY, *FOLDED, "where", "noise")
_CLASS: Final = "class"

LEGAL: Final = (
    "numbers, pi, x1, x2, ..., + - * / **, one comparison (< <= > >= == !=), parentheses, "
    f"{', '.join(FUNCTIONS)}, and class(...) around the whole"
)
"""What an expression may hold, for errors and help."""

_HINTS: Final = {
    "^": "A power is written **.",
    "%": "The rest of a division is mod(a, b).",
    "//": "A whole quotient is floor(a/b).",
    "=": "Two values are compared by ==.",
    "&": "Conditions are multiplied: (x1 > 0)*(x2 > 0).",
    "|": "One of two conditions: max(x1 > 0, x2 > 0).",
    "and": "Conditions are multiplied: (x1 > 0)*(x2 > 0).",
    "or": "One of two conditions: max(x1 > 0, x2 > 0).",
    "not": "The opposite of a condition is 1 - (x1 > 0).",
    "if": "A choice is where(condition, a, b).",
}
"""What other languages write, and how it is said here."""

_TOKEN: Final = re.compile(
    r"(?P<blank>[ \t\r\n]+)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>\*\*|//|<=|>=|==|!=|[-+*/<>(),=^%&|])"
    r"|(?P<other>.)",
    re.DOTALL,
)
_INPUT: Final = re.compile(r"x[1-9][0-9]{0,5}")
_ANY_INPUT: Final = re.compile(r"x[0-9]+")

_WINDOW: Final = 60
"""Signs of an expression that an error shows around the place."""


@dataclass(frozen=True)
class Span:
    """Where something stands in the text: from the sign `start`, counted from 0, to the one before `end`."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class NumberNode:
    """A number that is written out."""

    span: Span
    value: float


@dataclass(frozen=True, kw_only=True)
class InputNode:
    """An input, `x3`, by its number."""

    span: Span
    number: int


@dataclass(frozen=True, kw_only=True)
class NoiseNode:
    """Normal noise of the standard deviation `sd`, which may differ from row to row; `number` tells it from others."""

    span: Span
    sd: Node
    number: int


@dataclass(frozen=True, kw_only=True)
class CallNode:
    """A function of one number; `-` is the one that turns its sign."""

    span: Span
    function: str
    operand: Node


@dataclass(frozen=True, kw_only=True)
class FoldNode:
    """Operations on two numbers one after another, from the left: `a - b + c` is `(a - b) + c`.

    One node and not one an operation: a sum of a hundred terms is then no deeper than one of two.
    """

    span: Span
    first: Node
    rest: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, kw_only=True)
class WhereNode:
    """One of two expressions, row by row. Each is asked only of the rows it is for: `where(x1 > 0, log(x1), 0)`."""

    span: Span
    condition: Node
    then: Node
    otherwise: Node


Node = NumberNode | InputNode | NoiseNode | CallNode | FoldNode | WhereNode


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A text that was understood.

    Args:
        text: As it was given.
        root: Its tree.
        n_inputs: The largest number of an input in it.
        is_class: Whether `class(...)` stands around the whole.
    """

    text: str
    root: Node
    n_inputs: int
    is_class: bool

    @property
    def is_truth(self) -> bool:
        """Whether the whole is a comparison, which holds in a row or does not."""
        return isinstance(self.root, FoldNode) and self.root.rest[-1][0] in COMPARISONS


def parsed(text: str) -> Expression:
    """The tree of a text.

    Args:
        text: The expression, without `control:` and options.

    Raises:
        DataError: If it is no expression; the text shows the place and says what is legal.
    """
    if len(text) > MAX_LENGTH:
        raise DataError(f"control: the expression is {len(text):,} signs long; at most {MAX_LENGTH:,} are legal.")
    return _Parser(text).whole()


def pointed_at(text: str, span: Span) -> str:
    """Two lines for an error: the expression around a place, and carets below it. What has no width is shown as ?."""
    plain = "".join(sign if " " <= sign <= "~" else "?" for sign in text)
    start = max(0, min(span.start - _WINDOW // 2, len(plain) - _WINDOW))
    before, after = "... " if start else "", " ..." if start + _WINDOW < len(plain) else ""
    n_carets = max(1, min(span.end, start + _WINDOW) - span.start)
    marked = " " * (len(before) + span.start - start) + "^" * n_carets
    return f"  {before}{plain[start : start + _WINDOW]}{after}\n  {marked}"


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    span: Span


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        if found.lastgroup != "blank":
            yield _Token(found.lastgroup or "other", found[0], Span(*found.span()))
    yield _Token("end", "", Span(len(text), len(text)))


class _Parser:
    """Reads one text, from left to right, a method a level of the table above."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0
        self._n_inputs = 0
        self._n_noises = 0

    def whole(self) -> Expression:
        """The expression from the first to the last token."""
        is_class = [token.text for token in self._tokens[:2]] == [_CLASS, "("]
        if is_class:
            self._at = 2
        root = self._comparison()
        if is_class:
            self._expect(")")
        if self._next.kind != "end":
            raise self._fault("class(...) stands around the whole.") if is_class else self._unexpected()
        return Expression(text=self._text, root=root, n_inputs=self._n_inputs, is_class=is_class)

    # --- the levels ---

    def _comparison(self) -> Node:
        left = self._sum()
        if self._next.text not in COMPARISONS:
            return left
        sign = self._take().text
        right = self._sum()
        if self._next.text in COMPARISONS:
            raise self._fault("two comparisons follow each other. Multiply them: (0 < x1)*(x1 < 1).")
        return self._fold(left, [(sign, right)])

    def _sum(self) -> Node:
        return self._from_left(("+", "-"), self._product)

    def _product(self) -> Node:
        return self._from_left(("*", "/"), self._minus)

    def _from_left(self, signs: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        first, rest = operand(), list[tuple[str, Node]]()
        while self._next.text in signs:
            sign = self._take().text
            rest.append((sign, operand()))
        return self._fold(first, rest) if rest else first

    def _fold(self, first: Node, rest: list[tuple[str, Node]]) -> Node:
        return FoldNode(span=Span(first.span.start, rest[-1][1].span.end), first=first, rest=tuple(rest))

    def _minus(self) -> Node:
        """An operand with its minus and power; every operand within another passes here, and is counted."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fault(f"operands stand within each other more than {MAX_DEPTH} deep.")
        node = self._power() if self._next.text != "-" else self._negated()
        self._depth -= 1
        return node

    def _negated(self) -> Node:
        start = self._take().span.start
        operand = self._minus()
        return CallNode(span=Span(start, operand.span.end), function="-", operand=operand)

    def _power(self) -> Node:
        base = self._operand()
        if self._next.text != "**":
            return base
        self._take()
        return self._fold(base, [("**", self._minus())])

    def _operand(self) -> Node:
        token = self._next
        if token.kind == "number":
            return self._number()
        if token.kind == "name":
            return self._named()
        if token.text != "(":
            raise self._unexpected()
        start = self._take().span.start
        inner = self._comparison()
        end = self._expect(")")
        return _spanning(inner, Span(start, end))

    # --- operands ---

    def _number(self) -> Node:
        token = self._take()
        value = float(token.text)
        if math.isinf(value):
            raise self._fault("this number is too large: at most 1.8e308 is.", at=token)
        return NumberNode(span=token.span, value=value)

    def _named(self) -> Node:
        token = self._take()
        if token.text == "pi":
            return NumberNode(span=token.span, value=math.pi)
        if _ANY_INPUT.fullmatch(token.text):
            return self._input(token)
        if token.text not in FUNCTIONS:
            raise self._fault(_unknown(token.text), at=token)
        if self._next.text != "(":
            raise self._fault(f"{token.text} is a function: what it is of stands in parentheses.", at=token)
        arguments, end = self._arguments()
        return self._call(token, arguments, Span(token.span.start, end))

    def _input(self, token: _Token) -> Node:
        number = int(token.text[1:]) if _INPUT.fullmatch(token.text) else 0
        if not 1 <= number <= MAX_INPUTS:
            raise self._fault(f"inputs are called x1 to x{MAX_INPUTS}.", at=token)
        self._n_inputs = max(self._n_inputs, number)
        return InputNode(span=token.span, number=number)

    def _arguments(self) -> tuple[list[Node], int]:
        """What stands in the parentheses of a function, and where they end."""
        self._take()
        arguments = [] if self._next.text == ")" else [self._comparison()]
        while self._next.text == ",":
            self._take()
            arguments.append(self._comparison())
        return arguments, self._expect(")")

    def _call(self, token: _Token, arguments: list[Node], span: Span) -> Node:
        name, n_given = token.text, len(arguments)
        if name in ("min", "max"):
            is_right, wanted = n_given >= 2, "two or more"
        else:
            n_wanted = {"mod": 2, "where": 3}.get(name, 1)
            is_right, wanted = n_given == n_wanted, str(n_wanted)
        if not is_right:
            raise self._fault(f"{name} takes {wanted} in its parentheses, not {n_given}.", at=token)
        if name in FOLDED:
            return FoldNode(span=span, first=arguments[0], rest=tuple((name, other) for other in arguments[1:]))
        if name == "where":
            condition, then, otherwise = arguments
            return WhereNode(span=span, condition=condition, then=then, otherwise=otherwise)
        if name == "noise":
            self._n_noises += 1
            return NoiseNode(span=span, sd=arguments[0], number=self._n_noises)
        return CallNode(span=span, function=name, operand=arguments[0])

    # --- tokens and faults ---

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _expect(self, sign: str) -> int:
        """Take a sign that must stand here; where it ends."""
        if self._next.text != sign:
            raise self._unexpected(missing=sign)
        return self._take().span.end

    def _unexpected(self, *, missing: str = "") -> DataError:
        """A fault at the next token, which does not fit; what is said of it depends on what it is."""
        token = self._next
        if token.kind == "other":
            name = unicodedata.name(token.text, "a sign without a name")
            return self._fault(f"{token.text!a} ({name}) is no sign of an expression.")
        if token.text in _HINTS:
            return self._fault(f"{token.text!r} is not known. {_HINTS[token.text]}")
        if token.kind in ("name", "number") or token.text == "(":
            return self._fault("an operator is missing here, such as the * of 3*x1.")
        if missing:
            return self._fault(f"a {missing!r} is missing.")
        if token.kind == "end":
            return self._fault("something is missing." if self._text.strip() else "it is empty.")
        if self._depth == 0:
            return self._fault(f"nothing is open that this {token.text!r} could belong to.")
        return self._fault(f"a number, an input or a function is missing before {token.text!r}.")

    def _fault(self, told: str, *, at: _Token | None = None) -> DataError:
        token = at or self._next
        place = f"sign {token.span.start + 1}" if token.kind != "end" else "the end"
        return DataError(
            f"control: the expression cannot be read at {place}: {told}\n{pointed_at(self._text, token.span)}\n"
            f"It may hold {LEGAL}."
        )


def _spanning(node: Node, span: Span) -> Node:
    """The node with its parentheses."""
    return replace(node, span=span)


def _unknown(name: str) -> str:
    """What is said of a name that is none of ours."""
    if name in _HINTS:
        return f"{name!r} is not known. {_HINTS[name]}"
    if name.lower() == _CLASS:
        return "class(...) stands around the whole, and nowhere else."
    lower = name.lower()
    near = [lower] if _ANY_INPUT.fullmatch(lower) else get_close_matches(lower, [*FUNCTIONS, "pi"], n=1)
    told = f" Is it {near[0]}?" if near else ""
    return f"{name[:40]!r} is no function and no input.{told}"
