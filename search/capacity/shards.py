"""Shards of a capacity study: what each of many machines trains of it, and the file that one of them hands in.

    cells x seeds -> units, dealt out by size -> shard 7 of 30: some units, each at every learning rate of the grid

A unit needs no other: the seed of a network is that of its number alone (`plan.py`). A file holds records and weights,
never a row of the table:

    shard.json      which it is, of which space and table (hashes), where it was made, a SHA-256 of every other part
    space.yaml      the space as resolved
    records.jsonl   a line a network, as run folders have them
    networks/N.npz  its weights
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import RunError
from ffsearch.search.base.environment import environment
from ffsearch.search.base.files import put_in_place
from ffsearch.search.capacity.plan import Plan, Training
from ffsearch.search.folder.trial_record import TrialRecord

__all__ = ["Shard", "Share", "parse_share", "read_shard", "trainings_of", "units_of", "write_shard"]

FORMAT: Final = 1
"""Raised when older versions can no longer read a shard."""

MAX_SHARES: Final = 10_000
"""Most shards of a study. choice: more is a typing error."""

MAX_BYTES: Final = 2_000_000_000
"""Most bytes of a shard's parts, unpacked. choice: no class hands in more, and what is larger is not opened."""

HEAD, SPACE, RECORDS = "shard.json", "space.yaml", "records.jsonl"

_TORN: Final = (BadZipFile, EOFError, OverflowError, NotImplementedError, RuntimeError, struct.error, zlib.error)
"""What comes of an archive that is damaged: also of one that says it is encrypted, or packed in a way of its own."""

Weights = list[NDArray[np.float32]]


@dataclass(frozen=True, order=True)
class Share:
    """One shard of several: `7/30`.

    Args:
        number: Which one, from 1.
        of: How many there are.
    """

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def parse_share(text: str) -> Share:
    """A share as people type it.

    Raises:
        RunError: If it is none.
    """
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip(), re.ASCII)
    share = Share(int(match[1]), int(match[2])) if match else None
    if share is None or not 1 <= share.number <= share.of <= MAX_SHARES:
        raise RunError(
            f"{text!r} is no share. Write which one and of how many, {MAX_SHARES} at most: 7/30 is the seventh of "
            "thirty."
        )
    return share


def units_of(plan: Plan, share: Share) -> list[tuple[int, int]]:
    """The cells and seeds of a share, ascending.

    Units are dealt out as cards are, the largest networks first and back and forth, so that shares take about as long.

    Raises:
        RunError: If there are fewer units than shares.
    """
    units = [(cell, seed) for cell in range(len(plan.cells)) for seed in range(plan.n_seeds)]
    if share.of > len(units):
        raise RunError(
            f"The study has {len(units)} units ({len(plan.cells)} cells x {plan.n_seeds} seeds) and cannot be dealt "
            f"out to {share.of}. Give {len(units)} shares at most, or more seeds: --set capacity.seeds=N."
        )
    units.sort(key=lambda unit: (-plan.cells[unit[0]].n_params * plan.shares[plan.cells[unit[0]].size], unit))
    rounds = range(0, len(units), share.of)
    places = [share.number - 1 if turn % 2 == 0 else share.of - share.number for turn in range(len(rounds))]
    dealt = [start + place for start, place in zip(rounds, places, strict=True)]
    return sorted(units[place] for place in dealt if place < len(units))


def trainings_of(plan: Plan, share: Share) -> list[Training]:
    """The networks of a share, by number: its units at every learning rate that was asked for."""
    found = [Training(place, cell, seed) for cell, seed in units_of(plan, share) for place in plan.rates.places]
    return sorted(found, key=plan.number)


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A shard that was read; its parts are as its own list says, and nothing else of it was looked at yet.

    Args:
        path: The file.
        share: Which it is.
        name: Of the study.
        identity: Hashes of the space and the table it was made from.
        made: Versions and machine that made it.
        space_text: The space.
        records: By number.
        weights: Reads those of a network; None of one that diverged.
    """

    path: Path
    share: Share
    name: str
    identity: Mapping[str, str]
    made: Mapping[str, Any]
    space_text: str
    records: Mapping[int, TrialRecord]
    weights: Callable[[int], Weights | None]


def write_shard(
    path: Path,
    *,
    share: Share,
    name: str,
    identity: Mapping[str, str],
    space_text: str,
    records: Sequence[TrialRecord],
    weights: Callable[[int], Weights],
) -> None:
    """Write a shard, whole or not at all.

    Args:
        path: The file.
        share: Which it is.
        name: Of the study.
        identity: Hashes of the space and the table.
        space_text: The space as resolved.
        records: Of all its networks.
        weights: Those of a network that came to a score.

    Raises:
        RunError: If it cannot be written.
    """
    lines = "".join(json.dumps(record.as_dict(), allow_nan=False) + "\n" for record in records)
    parts = {SPACE: space_text.encode(), RECORDS: lines.encode()}
    parts |= {_part(one.trial): _packed(weights(one.trial)) for one in records if one.value is not None}
    head = {
        "format": FORMAT, "name": name, "share": [share.number, share.of], "identity": dict(identity),
        "made": environment(),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()},
    }  # fmt: skip
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with put_in_place(path) as beside, ZipFile(beside, "w", ZIP_DEFLATED) as file:
            for name, content in {HEAD: json.dumps(head, indent=1).encode(), **parts}.items():
                file.writestr(ZipInfo(name), content, ZIP_DEFLATED)  # ZipInfo: of no time and no place
    except OSError as error:
        raise RunError(
            f"{path} cannot be written: {error.strerror or error}. Choose another place with --out."
        ) from error


def read_shard(path: Path) -> Shard:
    """Open a shard, whoever made it: nothing in it is run, unpickled or unpacked onto the disk.

    Raises:
        RunError: If it is none, is damaged, or was changed since it was made and not sealed again.
    """
    try:
        with ZipFile(path) as file:
            parts = _parts(file, path)
            head = _head(parts, path)
            share, name = parse_share("{}/{}".format(*head["share"])), re.sub(r"[^\w.-]+|^\.+", "_", head["name"])
            identity = {name: str(head["identity"][name]) for name in ("space", "data")}
            records = [TrialRecord.from_dict(json.loads(line)) for line in parts[RECORDS].decode().splitlines()]
            space_text, made = parts[SPACE].decode(), dict(head["made"])
    except RunError:  # a RuntimeError, too, as torn archives have
        raise
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (*_TORN, KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(
            f"{path} is no shard, or a damaged one ({type(error).__name__}: {error}). `ffsearch share` makes them; ask "
            "for it again."
        ) from error
    by_number = {record.trial: record for record in records}
    if len(by_number) < len(records):
        raise RunError(f"{path} holds a network twice. Ask for it again.")
    return Shard(
        path=path, share=share, name=name, identity=identity, made=made, space_text=space_text, records=by_number,
        weights=lambda number: _unpacked(parts[_part(number)], path) if _part(number) in parts else None,
    )  # fmt: skip


def _parts(file: ZipFile, path: Path) -> dict[str, bytes]:
    """All parts, as far as they are of a size that shards have."""
    size = sum(info.file_size for info in file.infolist())
    if size > MAX_BYTES:
        raise RunError(f"{path} would be {size / 1e9:.1f} GB unpacked, and a shard has {MAX_BYTES / 1e9:.0f} at most.")
    return {info.filename: _read(file, info) for info in file.infolist()}


def _read(file: ZipFile, info: ZipInfo) -> bytes:
    """A part, and not a byte more than it says it has."""
    with file.open(info) as part:
        content = part.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise BadZipFile(f"{info.filename} is not as long as it says")
    return content


def _head(parts: Mapping[str, bytes], path: Path) -> dict[str, Any]:
    """What a shard says of itself, its list of parts held against them.

    Raises:
        RunError: If a part is not what was listed.
    """
    head: dict[str, Any] = json.loads(parts[HEAD])
    if head["format"] != FORMAT:
        raise RunError(
            f"{path} is a shard of format {head['format']}, and this version reads {FORMAT}. Make and merge shards "
            "with one version."
        )
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in parts.items() if name != HEAD}
    changed = sorted(name for name in {*listed, *head["sha256"]} if listed.get(name) != head["sha256"].get(name))
    if changed:
        raise RunError(
            f"{path} was changed after it was made: {', '.join(changed[:3])} is not what its own list says. Ask for it "
            "again."
        )
    return head


def _part(number: int) -> str:
    return f"networks/{number}.npz"


def _packed(weights: Weights) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, *weights)
    return buffer.getvalue()


def _unpacked(content: bytes, path: Path) -> Weights:
    """Arrays of numbers; anything else is refused.

    Raises:
        RunError: If they are none.
    """
    try:
        with ZipFile(io.BytesIO(content)) as file:
            if any(info.file_size != info.compress_size for info in file.infolist()):
                raise ValueError("they are compressed, which no shard's are")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return [np.asarray(arrays[f"arr_{place}"], np.float32) for place in range(len(arrays.files))]
    except (*_TORN, OSError, ValueError, KeyError, TypeError, MemoryError, SyntaxError, TokenError) as error:
        raise RunError(f"{path} holds weights that cannot be read ({error}). Ask for it again.") from error
