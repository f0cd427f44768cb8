"""Values given on the command line, put in place of those of the file before anything is checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from ffsearch.spaces.document import Document, Place, Placed, read_document
from ffsearch.spaces.faults import Path, shown

__all__ = ["KIND", "Override", "Overrides", "apply_overrides", "listed", "of_names"]

KIND: Final = "{kind}"
"""Stands in the path of an override for the kind of the space."""


@dataclass(frozen=True)
class Override:
    """One value to put in place of the file's.

    Args:
        path: Where, dotted: `search.trials`. `{kind}` in it is the section that is called as the kind of the space, so
            that `{kind}.seed` is the seed of any.
        value: A plain value, taken as it is.
        origin: What gave it, for errors: `--trials`.
    """

    path: str
    value: Any
    origin: str


_BUDGET: Final = "search.budget"
_TRIALS: Final = "search.trials"

_NAMES: Final = {
    "data": "data.source",
    "target": "data.target",
    "trials": "search.trials",
    "budget": "search.budget",
    "seed": f"{KIND}.seed",
    "evidence": "evidence",
}
"""What the keys that are said most often are called on the command line and in Python."""

Overrides = Mapping[str, Any] | Iterable[str | Override]
"""Values by dotted path, or `path=value` texts whose values are YAML, or `Override`s, in order of rank."""


def apply_overrides(document: Document, overrides: Overrides) -> None:
    """Put overrides into a document; what cannot be put there becomes one of its faults.

    Args:
        document: The file's content; changed in place. Its top must be a mapping.
        overrides: What to put there; later ones win. A budget among them, without a number of trials, takes the place
            of the file's number: who gives the time it may take wants as much as fits.
    """
    parsed = [_parsed(document, given) if isinstance(given, str) else given for given in listed(overrides)]
    known = [override for override in parsed if override is not None]
    paths = {override.path: override for override in known}
    budget = paths.get(_BUDGET)
    if budget is not None and budget.value is not None and _TRIALS not in paths:
        known.insert(0, Override(_TRIALS, None, budget.origin))
    for override in known:
        _put(document, override)


def of_names(given: Mapping[str, object], *, spelt: str) -> list[Override]:
    """The short names that were given, as what they override in the space file.

    Args:
        given: Values by short name; None where nothing was said.
        spelt: How an error shows a name: `--{}`, or `{}=`.
    """
    return [Override(_NAMES[name], value, spelt.format(name)) for name, value in given.items() if value is not None]


def listed(overrides: Overrides) -> list[str | Override]:
    """Overrides one by one, in order of rank."""
    if isinstance(overrides, Mapping):
        return [Override(path, value, f"override of {path}") for path, value in overrides.items()]
    return list(overrides)


def _parsed(document: Document, text: str) -> Override | None:
    """`search.sampler=random` as an override; None, and a fault, where it is no such thing."""
    path, equals, value = text.partition("=")
    origin = f"--set {text}"
    if not equals or not all(part.strip() for part in path.split(".")):
        fault = Placed(Place(0, 0, origin), "", "write path=value, such as search.sampler=random.")
        document.faults.append(fault)
        return None
    read = read_document(value, origin=origin)
    document.faults += (Placed(Place(0, 0, origin), path.strip(), fault.text) for fault in read.faults)
    return None if read.faults else Override(path.strip(), read.values, origin)


def _put(document: Document, override: Override) -> None:
    place, dotted = Place(0, 0, override.origin), override.path
    if KIND in dotted:
        dotted = dotted.replace(KIND, str(document.values.get("kind", "search")))
    path: Path = tuple(part.strip() for part in dotted.split("."))
    section: Any = document.values
    for depth, key in enumerate(path[:-1], start=1):
        if section.get(key) is None:
            section[key] = {}
            document.keys.setdefault(path[:depth], place)
        section = section[key]
        if not isinstance(section, dict):
            text = f"{'.'.join(map(str, path[:depth]))} is the plain value {shown(section)}; replace it as a whole."
            document.faults.append(Placed(place, dotted, text))
            return
    section[path[-1]] = deepcopy(override.value)  # a later override may go into it, and it is the caller's
    _forget(document, path)
    document.keys[path] = document.places[path] = place


def _forget(document: Document, path: Path) -> None:
    """What the file said at and below a path no longer stands."""
    for table in (document.keys, document.places):
        for known in [known for known in table if known[: len(path)] == path]:
            del table[known]
