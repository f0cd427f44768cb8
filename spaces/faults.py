"""Faults of a space in our own words, and how all of them are gathered before anything is said.

    read as YAML -> put overrides on top -> check every section to its end -> one SpaceError with all faults

pydantic goes on after the first fault within a model, but rules over several keys run only once all keys are right.
`SpaceSection` mends that: it asks for contradictions on the raw values too, and rewords whatever is found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from ffsearch.search.wording.codes import Code

__all__ = ["Fault", "SpaceSection", "dotted", "fault_list", "faults_of", "nearest", "one_of", "refusal", "shown"]

Path = tuple[str | int, ...]
"""Keys and list positions from the top of a space down to a value."""

MAX_SHOWN: Final = 25
"""Faults listed in one error. Choice: what a terminal shows without scrolling; a person mends the first ones first."""

_MAX_VALUE_CHARS: Final = 60
"""Characters of a value shown in an error. Choice: one line, whatever was pasted into the file."""

_WORDED: Final = "space_fault"
"""pydantic's error type for faults that already are in our words."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong.

    Args:
        path: Where it is, from the top of the space.
        text: What was given, what is legal, what to do.
        at_key: Whether the key itself is wrong, and not its value.
    """

    path: Path
    text: str
    at_key: bool = False


class SpaceSection(BaseModel):
    """Base of every part of a space: frozen, no unknown keys, all faults at once, told in our words."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:  # noqa: ARG003  (for those that override it)
        """Faults that only several keys together make, told from raw values, which may be of any type.

        Args:
            raw: What was given for this section, unchecked.

        Yields:
            Faults with paths relative to this section.
        """
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, raw: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        given = {} if raw is None else raw  # a section whose every line is commented out is an empty one
        section: Self | None = None
        faults: list[Fault] = []
        try:
            section = handler(given)
        except ValidationError as error:
            faults += faults_of(error, section=cls)
        wrong = {fault.path for fault in faults}
        faults += (fault for fault in cls.contradictions(_plain(given)) if fault.path not in wrong)
        if section is None or faults:
            raise refusal(faults)
        return section


def refusal(faults: Iterable[Fault]) -> ValidationError:
    """Faults as what a validator raises; pydantic puts the path of the section in front of theirs."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError(_WORDED, "{text}", {"text": fault.text, "at_key": fault.at_key}),
            loc=fault.path,
            input=None,
        )
        for fault in faults
    ]
    return ValidationError.from_exception_data("space", details)


def faults_of(error: ValidationError, *, section: type[BaseModel] | None = None) -> list[Fault]:
    """All faults pydantic found, reworded where that was not done further inside.

    Args:
        error: What validation raised.
        section: The model whose keys the paths begin with; it knows the legal names.
    """
    return [_reworded(details, section) for details in error.errors()]


def nearest(given: str, legal: Iterable[str]) -> str:
    """`' Did you mean X?'` when a legal name is close to what was given, else nothing."""
    by_lower = {name.lower(): name for name in legal}
    close = get_close_matches(given.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean {by_lower[close[0]]}?" if close else ""


def one_of(names: Sequence[str]) -> str:
    """One name or more as a choice: `a`, `a or b`, `a, b or c`."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def shown(value: object) -> str:
    """A value as the file would write it, cut to one line."""
    text = json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= _MAX_VALUE_CHARS else f"{text[: _MAX_VALUE_CHARS - 1]}…"


def fault_list(name: str, lines: Sequence[str]) -> str:
    """The text of the one error: what is wrong with which space, a line a fault.

    Args:
        name: The space as the user called it.
        lines: One fault each, already with its place.
    """
    count = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
    more = [f"  … and {len(lines) - MAX_SHOWN} more"] if len(lines) > MAX_SHOWN else []
    return "\n".join([f"{name} cannot be used: {count}", *(f"  {line}" for line in lines[:MAX_SHOWN]), *more])


def _plain(raw: object) -> Mapping[str, Any]:
    """Sections given as models, as YAML would give them; anything that is no mapping has no keys to contradict."""
    if isinstance(raw, BaseModel):
        return cast(Mapping[str, Any], raw.model_dump(mode="json"))
    if not isinstance(raw, Mapping):
        return {}
    return {key: _plain(value) if isinstance(value, BaseModel) else value for key, value in raw.items()}


def _reworded(details: ErrorDetails, section: type[BaseModel] | None) -> Fault:
    kind, path, context = details["type"], details["loc"], details.get("ctx", {})
    if kind == _WORDED:
        return Fault(path=path, text=context["text"], at_key=context["at_key"])
    if kind == "extra_forbidden":
        return Fault(path=path, text=_unknown_key(str(path[-1]), section), at_key=True)
    if kind == "missing":
        return Fault(path=path, text=_missing_key(str(path[-1]), section))
    if kind in {"model_type", "model_attributes_type"}:
        keys = ", ".join(section.model_fields) if section else ""
        return Fault(path=path, text=f"{shown(details['input'])} stands where keys are expected. Legal keys: {keys}.")
    wording = _WORDING.get(kind)
    text = wording(shown(details["input"]), context, details["input"]) if wording else f"{details['msg']}."
    return Fault(path=path, text=text)


def _unknown_key(key: str, section: type[BaseModel] | None) -> str:
    legal = list(section.model_fields) if section else []
    below = dotted(section, key) if section else None
    hint = nearest(key, legal) if below is None else f" Did you mean {below}?"
    return f"unknown key.{hint} Legal: {', '.join(legal)}."


def dotted(section: type[BaseModel], key: str) -> str | None:
    """Where a section's own sections have a key, dotted: `space.depth` for `depth`; None where none has."""
    for name, field in section.model_fields.items():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel) and key in part.model_fields:
                return f"{name}.{key}"
    return None


def _missing_key(key: str, section: type[BaseModel] | None) -> str:
    field = section.model_fields.get(key) if section else None
    meaning = field.description if field else None
    return f"is missing. {meaning}" if meaning else "is missing."


def _not_legal(value: str, context: Mapping[str, Any], given: object) -> str:
    # pydantic writes the legal values of a Literal as 'a', 'b' or 'c'
    legal = [name.strip("'") for name in context["expected"].replace(" or ", ", ").split(", ")]
    hint = nearest(given, legal) if isinstance(given, str) else ""
    return f"{value} is not known.{hint} Legal: {', '.join(legal)}."


_WORDING: Final[Mapping[str, Callable[[str, Mapping[str, Any], object], str]]] = {
    "bool_type": lambda value, _, __: f"{value} is neither true nor false.",
    "enum": lambda value, _, given: (
        f"{value} is no code of a finding.{nearest(str(given), Code)} `ffsearch explain` lists all codes."
    ),
    "finite_number": lambda value, _, __: f"{value} is not a finite number.",
    "float_type": lambda value, _, __: f"{value} is not a number.",
    "greater_than": lambda value, limit, _: f"{value} is too small: it must be above {limit['gt']:g}.",
    "greater_than_equal": lambda value, limit, _: f"{value} is too small: it must be at least {limit['ge']:g}.",
    "int_from_float": lambda value, _, __: f"{value} is not a whole number.",
    "int_type": lambda value, _, __: f"{value} is not a whole number.",
    "less_than": lambda value, limit, _: f"{value} is too large: it must be below {limit['lt']:g}.",
    "less_than_equal": lambda value, limit, _: f"{value} is too large: it must be at most {limit['le']:g}.",
    "literal_error": _not_legal,
    "string_too_long": lambda value, limit, _: f"{value} is too long: at most {limit['max_length']} characters.",
    "string_too_short": lambda value, limit, _: f"{value} is too short: at least {limit['min_length']} characters.",
    "string_type": lambda value, _, __: f"{value} is not text; put it in quotes if text is meant.",
    "too_long": lambda _, limit, __: f"{limit['actual_length']} entries are too many: at most {limit['max_length']}.",
    "too_short": lambda _, limit, __: f"{limit['actual_length']} entries are too few: at least {limit['min_length']}.",
    "string_unicode": lambda value, _, __: f"{value} is no text in UTF-8, and a run keeps texts. Rename the file.",
    "tuple_type": lambda value, _, __: f"{value} is not a list; write [{value.strip('{}')}].",
}  # fmt: skip
"""pydantic's error types that a space can meet, and what we say instead."""
