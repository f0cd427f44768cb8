"""Whether a run folder belongs to the run that is asked for, and if not, how the two differ, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ffsearch.errors import RunError
from ffsearch.search.folder.reader import SPACE, read_text
from ffsearch.search.wording.language import shortened
from ffsearch.spaces.document import read_document

__all__ = ["other_run"]

N_NAMED: Final = 6
"""Values that are named. Choice: more are another space altogether, which one sees from six."""

_MAY_DIFFER: Final = ("ignore", "preset", "model", "evidence", "search.trials", "search.budget")
"""What two starts of one run may say differently (`spaces.writer.space_identity`)."""


def other_run(folder: Path, kept: Mapping[str, str], asked: Mapping[str, str], *, space_yaml: str) -> RunError | None:
    """The error of a folder that belongs to another run; None where it is the same one.

    Args:
        folder: The run folder.
        kept: Hashes of its space and data, by name.
        asked: Those of the run that is asked for.
        space_yaml: The space that is asked for, as resolved.
    """
    differing = [name for name in {**kept, **asked} if kept.get(name) != asked.get(name)]
    if not differing:
        return None
    found = list(_differences(folder / SPACE, space_yaml))
    if "data" in differing and not any(line.startswith("data.source:") for line in found):
        found.append("the table has the same name and other cells: it was changed after the run began")
    told = "".join(f"\n  {line}" for line in found[:N_NAMED])
    more = f"\n  and {len(found) - N_NAMED} more" if len(found) > N_NAMED else ""
    return RunError(f"{folder} belongs to another run: not the same {' and '.join(differing)}.{told}{more}")


def _differences(path: Path, space_yaml: str) -> Iterator[str]:
    """A line a value that the folder's space and the one asked for say differently."""
    if not path.is_file():
        return
    kept = dict(_flat(read_document(read_text(path), origin=str(path)).values))
    asked = dict(_flat(read_document(space_yaml, origin=SPACE).values))
    for key in {**kept, **asked}:
        if kept.get(key) != asked.get(key) and not key.startswith(_MAY_DIFFER):
            yield f"{key}: {_shown(kept.get(key))} there, {_shown(asked.get(key))} here"


def _flat(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value by its dotted key; lists whole."""
    if not isinstance(values, Mapping):
        yield prefix, values
        return
    for key, value in values.items():
        yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))


def _shown(value: Any) -> str:
    return "nothing" if value is None else shortened(str(value))
