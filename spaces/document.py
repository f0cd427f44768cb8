"""YAML text to plain values, with the line and column of every key and value; nothing in it is ever executed.

Numbers, booleans and null are those of YAML 1.2: `on`, `yes` and `12:30` are text, `1e-4` is a number.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ffsearch.spaces.faults import Fault, Path, shown

__all__ = ["Document", "Place", "Placed", "read_document"]

MAX_DEPTH: Final = 20
"""Deepest nesting. Choice: a space needs five; an alias that holds itself ends here."""

MAX_NODES: Final = 10_000
"""Most values, aliases written out. Choice: a space has about a hundred; a bomb of aliases ends here."""


@dataclass(frozen=True, order=True)
class Place:
    """Where a key or value was written.

    Args:
        line: Counted from 1; 0 when it is not from a file.
        column: Counted from 1.
        origin: The file, or the flag that gave the value.
    """

    line: int
    column: int
    origin: str

    def __str__(self) -> str:
        return f"{self.origin}:{self.line}:{self.column}" if self.line else self.origin


@dataclass(frozen=True, order=True)
class Placed:
    """A fault's line of print: where, which key, and what is wrong."""

    place: Place
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.path}: {self.text}" if self.path else f"{self.place}: {self.text}"


@dataclass
class Document:
    """What a text says, and where it says it.

    Args:
        origin: The file, or the flag, the text is from.
        values: Plain values: dict, list, str, int, float, bool, None.
        keys: Where each key stands, by its path.
        places: Where each value stands, by its path.
        faults: What is wrong with the text itself. Values are as complete as they can be nevertheless.
    """

    origin: str
    values: Any = None
    keys: dict[Path, Place] = field(default_factory=dict)
    places: dict[Path, Place] = field(default_factory=dict)
    faults: list[Placed] = field(default_factory=list)

    @property
    def is_readable(self) -> bool:
        """Whether there are values to check, faults or not; an empty text is readable."""
        return self.values is not None or not self.faults

    def place(self, path: Path, *, at_key: bool = False) -> Place:
        """Where a path stands, or the nearest that is written above it."""
        if at_key and path in self.keys:
            return self.keys[path]
        while path and path not in self.places:
            path = path[:-1]
            if path in self.keys:  # something is missing below: point at the section's name
                return self.keys[path]
        return self.places.get(path, Place(1, 1, self.origin))

    def add(self, faults: Iterable[Fault]) -> None:
        """Note faults of the values, but for values that could not even be read."""
        said = {fault.path for fault in self.faults}
        placed = (
            Placed(self.place(fault.path, at_key=fault.at_key), _dotted(fault.path), fault.text) for fault in faults
        )
        self.faults += [fault for fault in placed if fault.path not in said]


def read_document(text: str, *, origin: str) -> Document:
    """Read one YAML document.

    Args:
        text: The YAML.
        origin: What to call it in faults.

    Returns:
        The values found; `faults` is not empty when the text cannot be used.
    """
    document = Document(origin)
    try:
        root = _compose(text)
    except (YAMLError, YAMLStreamError, ValueError) as error:
        document.faults += _syntax_faults(error, text, origin)
        return document
    if root is not None:
        _Reader(document).read(root)
    return document


def _compose(text: str) -> Node | None:
    yaml = YAML(typ="rt", pure=True)
    yaml.max_depth = MAX_DEPTH
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an anchor used twice is legal: the later one counts from there on
        root: Node | None = yaml.compose(io.StringIO(text))
    return root


class _Reader:
    """Turns composed nodes into plain values, and notes what it meets."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._left = MAX_NODES

    def read(self, root: Node) -> None:
        try:
            self._document.values = self._value(root, ())
        except _TooMuchError:
            text = f"more than {MAX_NODES} values, or {MAX_DEPTH} levels, once aliases are written out; write less."
            self._document.faults = [Placed(self._place(root), "", text)]

    def _value(self, node: Node, path: Path) -> Any:
        self._left -= 1
        if self._left < 0 or len(path) > MAX_DEPTH:
            raise _TooMuchError
        self._document.places[path] = self._place(node)
        tag = str(node.tag).removeprefix(_STANDARD)
        if tag not in _TAGS:
            written = str(node.tag).replace(_STANDARD, "!!")
            text = f"the tag {written} is not supported; write the plain value."
            self._document.faults.append(Placed(self._place(node), _dotted(path), text))
            return None
        if isinstance(node, MappingNode):
            return dict(self._items(node, path))
        if isinstance(node, SequenceNode):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        return _scalar(str(node.value), tag)

    def _items(self, node: MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        seen: dict[str, Place] = {}
        for key_node, value_node in node.value:
            place = self._place(key_node)
            if not isinstance(key_node, ScalarNode):
                self._document.faults.append(Placed(place, _dotted(path), "a key must be a plain word."))
                continue
            key = str(key_node.value)
            below = (*path, key)
            if key in seen:
                text = f"this key stands twice, first in line {seen[key].line}; take one out."
                self._document.faults.append(Placed(place, _dotted(below), text))
                continue
            seen[key] = self._document.keys[below] = place
            yield key, self._value(value_node, below)

    def _place(self, node: Node) -> Place:
        return Place(node.start_mark.line + 1, node.start_mark.column + 1, self._document.origin)


class _TooMuchError(Exception):
    """Aliases have unfolded into more than any space holds."""


def _scalar(text: str, tag: str) -> Any:
    try:
        return _SCALARS.get(tag, str)(text)
    except ValueError:  # what looks like a number and is none, such as a lone sign
        return text


def _whole(text: str) -> int:
    digits = text.replace("_", "").lstrip("+-")
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2].lower(), 10)
    return int(digits, base) * (-1 if text.startswith("-") else 1)


def _real(text: str) -> float:
    return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))


_STANDARD: Final = "tag:yaml.org,2002:"
"""What begins the names of YAML's own types."""

_SCALARS: Final[dict[str, Callable[[str], Any]]] = {
    "bool": lambda text: text.lower() == "true",
    "float": lambda text: _real(text.lower()),
    "int": _whole,
    "null": lambda _: None,
}
"""How plain scalars become values, by YAML's name of their type; all others, dates too, stay text."""

_TAGS: Final = {*_SCALARS, "map", "merge", "seq", "str", "timestamp", "value"}
"""Types that plain YAML has by itself; anything else was asked for by a tag."""


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _syntax_faults(error: Exception, text: str, origin: str) -> list[Placed]:
    """What is wrong with a text that is no YAML: tabs in indents if there are any, else what the parser met."""
    tabs = [
        Placed(Place(number, len(line) - len(line.lstrip(" ")) + 1, origin), "", "a tab indents this line; use spaces.")
        for number, line in enumerate(text.splitlines(), start=1)
        if line.lstrip(" ").startswith("\t") and line.strip()
    ]
    if tabs:
        return tabs
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(mark.line + 1, mark.column + 1, origin) if mark else Place(1, 1, origin)
    problem = getattr(error, "problem", None) if isinstance(error, MarkedYAMLError) else None
    return [Placed(place, "", _syntax_text(problem, str(error)))]


def _syntax_text(problem: str | None, whole: str) -> str:
    if problem is None:
        return f"not text that YAML can hold ({shown(whole.splitlines()[0])}); save the file as plain UTF-8."
    for sign, meaning in _SYNTAX.items():
        if sign in problem:
            return meaning
    return f"not YAML here: {problem}."


_SYNTAX: Final = {
    "maximum depth": f"nested more than {MAX_DEPTH} levels deep; a space needs five.",
    "another document": "a second document begins here; a space file holds one, so take the line --- out.",
    "mapping values are not allowed": "a colon too many: quote text that holds a colon, or check the indent.",
    "could not find expected ':'": "a key without its colon: write `key: value`.",
    "expected <block end>": "this line is not indented like those above it.",
    "expected ',' or": "a bracket or brace is still open, or a comma is missing before this.",
    "undefined alias": "this alias names an anchor that is not written above it.",
    "found unexpected end of stream": "a quote is still open where the file ends.",
}
"""What the parser says, and what a person can do about it."""
