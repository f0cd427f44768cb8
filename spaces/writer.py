"""Spaces written out: as YAML that reads back, as an identity, and as a JSON Schema for editors."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

from pydantic.json_schema import models_json_schema
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter

from ffsearch.spaces.capacity import CapacitySpace
from ffsearch.spaces.sampling import CONCURRENCY
from ffsearch.spaces.schema import SearchSpace

__all__ = ["json_schema", "space_identity", "space_to_yaml", "value_to_yaml"]

_IDENTITY: Final = "ffsearch-space-1"
"""Goes into every identity: a change of what identities leave out is a change of this."""

_NOT_WHICH: Final = ("model", "evidence", "preset", "ignore")
"""What says what the winner becomes, how it is weighed, what was filled in, or what is shown: not which run it is."""

_HOW_LONG: Final = ("trials", "budget")
"""Keys of `search:` that say how far a search goes, not which one it is."""

_LATER: Final = {"max_params": None, "max_seconds_per_trial": None, "warm_start": None, "concurrency": CONCURRENCY}
"""Keys of `search:` that came later, and what they say where a run is the one it was before."""

_LATER_DATA: Final[Mapping[str, Any]] = {
    "gap": 0, "number_bins": 0, "decimal": None, "thousands": None, "missing": [], "numbers": [], "keep": [],
    "merge": [], "sheet": None, "weights": None,
}  # fmt: skip
"""The same of `data:`."""

_OF_LABELS: Final = ("costs", "positive")
"""Keys of `data:` that say what becomes of probabilities, and so go with `evidence`."""

_LATER_TRAIN: Final = {"average": False}
"""The same of `train:`."""


class _Representer(RoundTripRepresenter):
    """Writes null as a word: an empty place looks forgotten."""


def _text(writer: RoundTripRepresenter, text: str) -> Any:
    """A text, quoted where its first sign could be YAML's own: ruamel.yaml writes [? a], which is a key."""
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style="'" if text[:1] in ("?", ":", "-") else None)


_Representer.add_representer(str, _text)
_Representer.add_representer(type(None), lambda writer, _: writer.represent_scalar("tag:yaml.org,2002:null", "null"))


def space_to_yaml(space: SearchSpace | CapacitySpace) -> str:
    """The space as resolved, defaults written out, in the schema's order; `parse_space` reads it back equal."""
    yaml = YAML(pure=True)
    yaml.Representer = _Representer
    yaml.width = 120
    yaml.allow_unicode = False  # signs that editors hide or change are written as escapes
    stream = io.StringIO()
    yaml.dump(_laid_out(_plain(space), level=0), stream)
    return stream.getvalue()


def value_to_yaml(value: Any) -> str:
    """A plain value as YAML on one line, quoted where it would read as something else.

    Args:
        value: A text, number, boolean, None, or a list of them; whatever signs are in the texts.
    """
    yaml = YAML(pure=True)
    yaml.Representer = _Representer
    yaml.width = sys.maxsize  # one line, however long
    texts = value if isinstance(value, list) else [value]
    yaml.allow_unicode = all(str(text).isprintable() for text in texts)  # that of a list would be its repr's
    stream = io.StringIO()
    yaml.dump(_laid_out([value], level=0), stream)
    return stream.getvalue().strip()[1:-1]


def space_identity(space: SearchSpace | CapacitySpace) -> str:
    """What two spaces share when a run of one can go on as a run of the other.

    Left out: `search.trials` and `search.budget`, which only say how far to go, `model` and `evidence`, which say what
    becomes of the winner and how it is weighed, `ignore`, which says what is shown, `preset`, whose values are filled
    in, and the folders of data files, for the same command from another folder finds the same table (its content has a
    hash of its own).

    Returns:
        SHA-256 in hexadecimal.
    """
    plain = _plain(space)
    for key in _NOT_WHICH:
        plain.pop(key, None)
    for key in _HOW_LONG:
        plain.get("search", {}).pop(key, None)
    for section, later in (("search", _LATER), ("data", _LATER_DATA), ("train", _LATER_TRAIN)):
        for key, silent in later.items():
            if plain.get(section, {}).get(key, ...) == silent:
                del plain[section][key]
    for key in _OF_LABELS:
        plain["data"].pop(key, None)
    for key in ("source", "test"):
        if isinstance(plain["data"][key], str):
            plain["data"][key] = PurePath(plain["data"][key]).name
    canonical = json.dumps([_IDENTITY, plain], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def json_schema() -> dict[str, Any]:
    """A JSON Schema (2020-12) of space files, made from the models, with a description of every key."""
    _, schema = models_json_schema([(SearchSpace, "validation"), (CapacitySpace, "validation")], title="ffsearch space")
    kinds = [{"$ref": f"#/$defs/{model.__name__}"} for model in (SearchSpace, CapacitySpace)]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "anyOf": kinds}


def _plain(space: SearchSpace | CapacitySpace) -> dict[str, Any]:
    """All values, nulls that mean something too, without parameters that are left out."""
    plain: dict[str, Any] = space.model_dump(mode="json")
    if "space" in plain:
        plain["space"] = {name: value for name, value in plain["space"].items() if value is not None}
    augment = {name: value for name, value in plain["data"].pop("augment").items() if value is not None}
    if augment:
        plain["data"]["augment"] = augment
    if plain["data"]["rows"] is None:  # so that a space which does not say it keeps the identity it had before
        del plain["data"]["rows"]
    valid = {key: value for key, value in plain["data"]["valid"].items() if value is not None}
    plain["data"]["valid"] = valid or "auto"
    return plain


def _laid_out(value: Any, *, level: int) -> Any:
    """Sections in lines, what stands within them on one line."""
    if isinstance(value, dict):
        mapping = CommentedMap({key: _laid_out(item, level=level + 1) for key, item in value.items()})
        if level > 1 or not value:
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list):
        sequence = CommentedSeq(_laid_out(item, level=level + 1) for item in value)
        sequence.fa.set_flow_style()
        return sequence
    return value
