"""Dataclasses as the JSON files of a run folder have them: written, read and checked, described for other programs.

A field is a key. One that is empty by default (None, an empty tuple or mapping) leaves no key as long as it is empty.
A number that is not finite is null in the file, and NaN when it is read again.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from pydantic import BeforeValidator, TypeAdapter, ValidationError, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema

from ffsearch.errors import RunError
from ffsearch.search.folder.bounded import parsed
from ffsearch.search.wording.finding import Finding
from ffsearch.search.wording.language import kept

__all__ = ["Number", "described", "digest", "json_bytes", "plain", "read"]

Number = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if value is None else value),
    WithJsonSchema({"type": ["number", "null"]}),
]
"""A number that need not be defined: NaN, which is null in the file."""

T = TypeVar("T")


def plain(value: Any) -> Any:
    """A value as mappings, lists and what JSON has for the rest."""
    if isinstance(value, Finding):
        return kept(value)
    if is_dataclass(value):
        return {
            field.name: plain(getattr(value, field.name)) for field in fields(value) if not _is_left_out(field, value)
        }
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_left_out(field: Field[Any], holder: Any) -> bool:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    value = getattr(holder, field.name)
    return default in (None, (), {}) and value == default


def json_bytes(value: Any) -> bytes:
    """A value as a JSON file."""
    return (json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def digest(text: str | bytes) -> str:
    """SHA-256 of what a JSON file says, however its keys are ordered and its lines are broken.

    Raises:
        ValueError: If the text is no JSON, or goes beyond its bounds.
    """
    return hashlib.sha256(json.dumps(parsed(text), sort_keys=True).encode()).hexdigest()


def read(adapter: TypeAdapter[T], text: str | bytes, *, path: Path) -> T:
    """What `plain` and `json_bytes` wrote. Keys that a newer version added are passed over.

    Args:
        adapter: Of the dataclass; it takes a tenth of a second to make, so make it once.
        text: The file's.
        path: The file, for the error.

    Raises:
        RunError: With the first field that is missing or wrong.
    """
    try:
        return adapter.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        given = "" if first["type"] == "missing" else f" (given: {json.dumps(first['input'], default=str)[:60]})"
        raise RunError(
            f"{path}{', ' * bool(field)}{field}: {first['msg']}{given}. It was changed by hand, or made by something "
            "else. Remove it and give the run's command again: it is written anew."
        ) from error


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles of keys, which say their names again."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  (the signature)
        return False


def described(cls: type[Any]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a dataclass's file, each key with what the docstrings say of the field."""
    schema = TypeAdapter(cls).json_schema(schema_generator=_Untitled)
    parts = {cls.__name__: schema, **schema.get("$defs", {})}
    for one in set(_dataclasses_in(cls, parts)):
        about, fields_told = _docs(one)
        parts[one.__name__]["description"] = about
        for name, text in fields_told.items():
            parts[one.__name__]["properties"][name]["description"] = text
    found: dict[str, Any] = plain({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    return found


def _dataclasses_in(hint: Any, named: Container[str]) -> Iterator[type[Any]]:
    """The dataclasses of these names that a type hint holds, itself and its fields' among them."""
    if isinstance(hint, type) and is_dataclass(hint) and hint.__name__ in named:
        yield hint
        for inner in get_type_hints(hint).values():
            yield from _dataclasses_in(inner, named)
    for inner in get_args(hint):
        yield from _dataclasses_in(inner, named)


def _docs(cls: type[Any]) -> tuple[str, dict[str, str]]:
    """What a class is by its docstring, and what each of its fields is, inherited ones among them."""
    about, told = "", dict[str, str]()
    for one in filter(is_dataclass, reversed(cls.__mro__)):
        about, _, arguments = (inspect.getdoc(one) or "").partition("Args:\n")
        told |= dict(re.findall(r"^    (\w+): (.*?)(?=\n    \w|\Z)", arguments, flags=re.DOTALL | re.MULTILINE))
    return " ".join(about.split()), {name: " ".join(text.split()) for name, text in told.items()}
