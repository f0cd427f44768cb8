"""Finds a space file, reads it, puts overrides on top, and checks all of it at once.

load_space("tabular")                                        a space that ships with ffsearch
load_space("my.yaml", ["search.trials=20"])                  a file, and one value in place of the file's
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from ffsearch.errors import SpaceError
from ffsearch.search.base.environment import shell_quoted
from ffsearch.search.base.streams import is_stream
from ffsearch.spaces.capacity import CapacitySpace
from ffsearch.spaces.document import Document, Placed, read_document
from ffsearch.spaces.faults import Fault, fault_list, faults_of, nearest, one_of, shown
from ffsearch.spaces.overrides import Overrides, apply_overrides
from ffsearch.spaces.schema import SearchSpace

__all__ = [
    "TABLE_SUFFIXES",
    "AnySpace",
    "Loaded",
    "as_search",
    "load",
    "load_space",
    "parse",
    "parse_space",
    "shipped_spaces",
    "space_name",
]

AnySpace = SearchSpace | CapacitySpace
"""A space of any kind, as its file says under `kind`."""

MAX_BYTES: Final = 64 * 1024
"""Largest space file. Choice: ten times a long one with all its comments; something else was meant."""

KINDS: Final[Mapping[str, type[AnySpace]]] = {"search": SearchSpace, "capacity": CapacitySpace}
"""The model that checks each kind of space file."""

TABLE_SUFFIXES: Final = (
    ".csv", ".tsv", ".txt", ".gz", ".parquet", ".npz", ".xlsx", ".xls", ".ods", ".feather", ".arrow", ".arrows", ".ipc",
    ".arff", ".jsonl",
)  # fmt: skip
"""Endings that are data and not a space, in lower case; `.json` may be either."""

_SCHEME: Final = re.compile(r"[a-z]\w+:")
"""Sources that are names and not files, `sklearn:iris`; a single letter before the colon is a drive."""


class Loaded(NamedTuple):
    """A space, complete and frozen, and the `data.source` that its file itself names, if it names one."""

    space: AnySpace
    own_source: str | None


def load_space(path_or_name: str | PathLike[str], overrides: Overrides = ()) -> SearchSpace:
    """Load a space file of kind search and check it; `load` takes every kind.

    A file is taken first; else a name that ships with ffsearch, with or without `.yaml`; `spaces/NAME.yaml` finds the
    shipped one too, so that what the documentation shows works in any folder. Files named under `data:` that are not
    in the current folder but beside the space file are found there.

    Args:
        path_or_name: The file, or the name of a shipped space.
        overrides: Values in place of the file's, `search.sampler=random` or by path.

    Returns:
        The space, complete and frozen.

    Raises:
        SpaceError: With every fault at once: where, which key, the value, what is legal.

    Example:
        >>> space = ffsearch.load_space("tabular", ["search.trials=20"])
        >>> space.search.trials, space.search.sampler
        (20, 'tpe')
    """
    return as_search(load(path_or_name, overrides).space, name=str(path_or_name))


def load(path_or_name: str | PathLike[str], overrides: Overrides = ()) -> Loaded:
    """Load a space file of any kind, and what it said before the overrides; see `load_space`."""
    text, name, folder = _read(path_or_name)
    return parse(text, name=name, overrides=overrides, folder=folder)


def parse_space(
    text: str, *, name: str = "space", overrides: Overrides = (), folder: Path | None = None
) -> SearchSpace:
    """Read a space of kind search from its text; see `parse`.

    Raises:
        SpaceError: With every fault at once.
    """
    return as_search(parse(text, name=name, overrides=overrides, folder=folder).space, name=name)


def parse(text: str, *, name: str = "space", overrides: Overrides = (), folder: Path | None = None) -> Loaded:
    """Read a space of any kind from its text, such as the `space.yaml` a run keeps.

    Args:
        text: The YAML.
        name: What to call it in errors.
        overrides: Values in place of the text's.
        folder: Where files named under `data:` may lie, besides the current folder.

    Raises:
        SpaceError: With every fault at once.
    """
    document = read_document(text, origin=name)
    space: AnySpace | None = None
    own: Any = None
    if document.is_readable:
        _expect_keys(document)
        data = document.values.get("data")
        own = data.get("source") if isinstance(data, dict) else None
        apply_overrides(document, overrides)
        space = _checked(document)
    if space is None or document.faults:
        raise SpaceError(fault_list(name, [str(fault) for fault in sorted(document.faults, key=_reading_order)]))
    settled = space.settled() if isinstance(space, CapacitySpace) else space
    return Loaded(space=_with_files(settled, folder), own_source=_file(own, folder) if isinstance(own, str) else None)


def as_search(space: AnySpace, *, name: str) -> SearchSpace:
    """The space, if it is of kind search.

    Args:
        space: A space of any kind.
        name: What to call it in the error.

    Raises:
        SpaceError: If it is of another kind.
    """
    if isinstance(space, SearchSpace):
        return space
    raise SpaceError(
        f"{name} is of kind {space.kind}, and a search is wanted here. `ffsearch run {shell_quoted(name)}` takes any "
        "kind; copy the shipped space tabular for a search."
    )


def shipped_spaces() -> dict[str, str]:
    """Names of the spaces that ship with ffsearch, and what each is for (the first line of its comment)."""
    found = {}
    for entry in sorted(files("ffsearch.spaces").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".yaml"):
            first = entry.read_text(encoding="utf-8").partition("\n")[0]
            found[entry.name.removesuffix(".yaml")] = first.lstrip("# ").rstrip()
    return found


def space_name(path_or_name: str | PathLike[str]) -> str:
    """The name of a space: that of its file without the ending; runs are called after it."""
    return Path(path_or_name).stem


def _read(path_or_name: str | PathLike[str]) -> tuple[str, str, Path | None]:
    """Text of a space, what to call it, and its folder (a shipped space has none)."""
    path = Path(path_or_name)
    given = str(path_or_name)
    shipped = _shipped_name(path)
    if shipped is not None and not path.is_file():
        return files("ffsearch.spaces").joinpath(f"{shipped}.yaml").read_text(encoding="utf-8"), f"{shipped}.yaml", None
    if path.suffix.lower() in TABLE_SUFFIXES:
        raise SpaceError(
            f"{given} looks like a table, not like a space file (YAML). Give the table to a space: "
            f"ffsearch run tabular --data {shell_quoted(given)} --target COLUMN"
        )
    names = list(shipped_spaces())
    if path.is_dir():
        raise SpaceError(
            f"{given} is a folder. Give a space file in it, or the name of one that ships: {one_of(names)}."
        )
    if not path.exists():
        raise SpaceError(
            f"There is no space file {given}.{nearest(path.stem, names)} "
            f"Give the path of a file, or the name of one that ships: {one_of(names)}."
        )
    if is_stream(path):
        raise SpaceError(
            f"{given} is a stream, not a file, and spaces and tables are read more than once. Save what it gives as a "
            "file, and give that: a space (FILE.yaml), or a table (FILE.csv)."
        )
    return _text_of(path, given), given, path.parent


def _shipped_name(path: Path) -> str | None:
    """The shipped space that `NAME`, `NAME.yaml` or `spaces/NAME.yaml` means, if any."""
    is_bare = len(path.parts) == 1 and path.suffix in {"", ".yaml"}
    is_documented = path.parts[:-1] == ("spaces",) and path.suffix == ".yaml"
    return path.stem if (is_bare or is_documented) and path.stem in shipped_spaces() else None


def _text_of(path: Path, given: str) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise SpaceError(f"{given} has {size:,} bytes; a space file has at most {MAX_BYTES:,}. Is it another file?")
        content = path.read_bytes()
    except OSError as error:
        raise SpaceError(
            f"{given} cannot be read: {error.strerror or error}. Check the path and your rights."
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpaceError(
            f"{given}:{line}: byte {error.start} is not UTF-8, so this is no text or in another encoding. "
            "Save the file as UTF-8."
        ) from error


def _expect_keys(document: Document) -> None:
    """The top of a space holds keys; anything else is a fault, and overrides then go onto an empty one."""
    if isinstance(document.values, dict):
        return
    given, document.values = document.values, {}
    sections = ", ".join(SearchSpace.model_fields)
    text = (
        f"the file is empty. It needs the keys {sections}; copy the shipped space tabular to begin."
        if given is None
        else f"{shown(given)} stands where keys are expected. Legal keys: {sections}."
    )
    document.faults.append(Placed(document.place(()), "", text))


def _checked(document: Document) -> AnySpace | None:
    """The space a document means; None, and its faults, where it means none."""
    if not document.values and document.faults:
        return None  # an empty file lacks every key: one fault says it
    kind = document.values.get("kind")
    model = KINDS.get(kind if isinstance(kind, str) else "search")
    if model is None:
        document.add(
            [
                Fault(
                    path=("kind",),
                    text=f"{shown(kind)} is not known.{nearest(str(kind), KINDS)} Legal: {', '.join(KINDS)}.",
                )
            ]
        )
        return None
    try:
        return model.model_validate(document.values)
    except ValidationError as error:
        document.add(faults_of(error))
        return None


def _reading_order(fault: Placed) -> tuple[bool, Placed]:
    return fault.place.line == 0, fault  # the file from its top, then the command line


def _with_files(space: AnySpace, folder: Path | None) -> AnySpace:
    """The space with its files under paths that work from the current folder."""
    data = space.data
    test = _file(data.test, folder) if isinstance(data.test, str) else data.test
    found = {"source": _file(data.source, folder), "test": test}
    return space.model_copy(update={"data": data.model_copy(update=found)})


def _file(source: str, folder: Path | None) -> str:
    if _SCHEME.match(source):
        return source
    of_home = source.startswith("~/")  # another's home (~name) may be unknown; a file may be called so
    path = Path(source).expanduser() if of_home else Path(source)
    if not path.exists() and folder is not None and (folder / path).exists():
        return str(folder / path)
    return str(path) if of_home else source
