"""How the reference puts things: a table, a JSON Schema, a signature and a docstring as Markdown."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

__all__ = ["Schema", "docstring", "signature", "table", "told"]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table of Markdown; bars within cells are escaped, lines made one."""
    yield ""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in row)} |"


def told(text: str) -> Iterator[str]:
    """A description, its paragraphs apart."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    yield "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


class Schema:
    """A JSON Schema, told in words.

    Args:
        schema: With its parts under `$defs`.
        anchors: Where parts are told, by their name; a part without one is told where it stands.
    """

    def __init__(self, schema: Mapping[str, Any], anchors: Mapping[str, str]) -> None:
        self._anchors = anchors
        self.schema = schema

    @cached_property
    def parts(self) -> Mapping[str, Any]:
        """The parts by their name."""
        found: Mapping[str, Any] = self.schema["$defs"]
        return found

    def legal(self, schema: Mapping[str, Any]) -> str:
        """What a value may be."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in self._anchors:
                return f"[{self._anchors[name]}](#{slug(self._anchors[name])})"
            return self.legal(self.parts[name])
        if "anyOf" in schema:
            return " or ".join(dict.fromkeys(self.legal(one) for one in schema["anyOf"]))
        if "enum" in schema:
            codes = [f"`{one if isinstance(one, str) else json.dumps(one)}`" for one in schema["enum"]]
            return "a code, such as `FFS301`" if len(codes) > 40 else ", ".join(codes)
        if "const" in schema:
            return f"`{schema['const']}`"
        return self._of_type(schema)

    def _of_type(self, schema: Mapping[str, Any]) -> str:
        kinds = schema.get("type", "any")
        if isinstance(kinds, list):
            return " or ".join(self._of_type({**schema, "type": kind}) for kind in kinds)
        if kinds == "array":
            if "prefixItems" in schema:
                return f"[{', '.join(self.legal(one) for one in schema['prefixItems'])}]"
            inner = self.legal(schema.get("items", {}))
            return f"a list of ({inner})" if " or " in inner or ", " in inner else f"a list of {_many(inner)}"
        if kinds == "object":
            return self._object(schema)
        words = {"integer": "a whole number", "number": "a number", "string": "a text", "boolean": "`true`, `false`"}
        return f"{words.get(kinds, '`null`' if kinds == 'null' else 'anything')}{_bounds(schema)}"

    def _object(self, schema: Mapping[str, Any]) -> str:
        properties = schema.get("properties", {})
        if "const" in properties.get("type", {}):
            kind = properties["type"]["const"]
            return f"a [parameter](#parameters) of type `{kind}`{_bounds(properties.get('low', {}))}"
        values = schema.get("additionalProperties")
        return f"names with {self.legal(values)}" if isinstance(values, dict) and values else "names with values"


def _many(kind: str) -> str:
    """Of a kind, several."""
    words = {"a whole number": "whole numbers", "a number": "numbers", "a text": "texts"}
    return words.get(kind, kind)


def slug(title: str) -> str:
    """The anchor of a heading, as Markdown's readers make it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _bounds(schema: Mapping[str, Any]) -> str:
    """The ends of a number, open ones told as such."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    told = [
        f"{low:,} or more" if low is not None else "",
        f"more than {above:,}" if above is not None else "",
        f"{high:,} at most" if high is not None else "",
        f"less than {below:,}" if below is not None else "",
    ]
    kept = ", ".join(part for part in told if part)
    return f", {kept}" if kept else ""


def signature(thing: Callable[..., Any], *, is_method: bool = False) -> str:
    """Names, types as they are written in the code, and defaults."""
    parts, marked = [], False
    for param in list(inspect.signature(thing).parameters.values())[1 if is_method else 0 :]:
        if param.kind is param.KEYWORD_ONLY and not marked:
            parts.append("*")
            marked = True
        marked = marked or param.kind is param.VAR_POSITIONAL
        star = "*" * (param.kind is param.VAR_POSITIONAL) + "**" * (param.kind is param.VAR_KEYWORD)
        kind = "" if param.annotation is param.empty else f": {param.annotation}"
        default = "" if param.default is param.empty else f" = {param.default!r}"
        parts.append(f"{star}{param.name}{kind}{default}")
    made = inspect.signature(thing).return_annotation
    gives = "" if made is inspect.Signature.empty or inspect.isclass(thing) else f" -> {made}"
    line = f"({', '.join(parts)}){gives}"
    if is_method or len(line) < 90:
        return line
    return "(\n" + "".join(f"    {part},\n" for part in parts) + f"){gives}"


_HEADS: Final = ("Args", "Returns", "Raises", "Yields", "Shape", "Source", "Example", "Attributes")


def docstring(thing: Any) -> Iterator[str]:
    """A docstring in Google's style as Markdown: lists for its arguments and errors, code for its examples."""
    text = inspect.getdoc(thing) or ""
    pieces = re.split(rf"^({'|'.join(_HEADS)}):\n", text, flags=re.MULTILINE)
    yield from told(pieces[0])
    yield ""
    for head, body in zip(pieces[1::2], pieces[2::2], strict=True):
        inner = inspect.cleandoc(body)
        yield f"**{head}**"
        yield ""
        if head == "Example":
            yield f"```python\n{inner}\n```"
        elif head in ("Args", "Raises", "Attributes"):
            for item in re.findall(r"^([\w*, ]+): (.*?)(?=\n\S|\Z)", inner, flags=re.DOTALL | re.MULTILINE):
                yield f"- `{item[0]}`: {' '.join(item[1].split())}"
        else:
            yield " ".join(inner.split())
        yield ""
