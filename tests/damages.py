"""Run folders damaged as a disk, an editor or another program may damage them, and what commands make of them.

A damage is a file of the folder and a way to spoil it: its bytes (cut, emptied, bits flipped, a folder in its place),
a whole folder within it (gone, emptied, a file in its place), or what it says (a field of a JSON file, a line of the
log, a column of a table, an array, a member of an archive, a table of a database). Whatever the damage, a command ends
soon, by 0 or by 2 with a sentence.

    python tests/damages.py FOLDER [N] [SEED] [FILE]     the listed damages, then N drawn ones; says what went wrong
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

import numpy as np
import pandas as pd

import ffsearch
from crash_points import COMMANDS, fresh
from ffsearch.errors import FFSearchError
from ffsearch.search.cli import invoke
from ffsearch.search.console.process import EXIT_USER

LONGEST_S: Final = 30

Draw = random.Random


@dataclass(frozen=True)
class Damage:
    """One file or folder, spoilt.

    Args:
        file: Its name within the run folder.
        way: How, for people.
        spoil: Does it to a path.
    """

    file: str
    way: str
    spoil: Callable[[Path], None]

    def __str__(self) -> str:
        return f"{self.file}: {self.way}"


# --- the bytes of a file ---------------------------------------------------------------------------------------------


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: void(path.write_bytes(change(path.read_bytes())))


def void(_: object) -> None:
    """What a call gives back is of no interest."""


def _in_its_place(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replaced(path: Path) -> None:
        path.unlink()
        make(path)

    return replaced


def _flipped(content: bytes, *, n: int = 8) -> bytes:
    spoilt, draw = bytearray(content), Draw(len(content))
    for _ in range(n if content else 0):
        spoilt[draw.randrange(len(spoilt))] ^= 1 << draw.randrange(8)
    return bytes(spoilt)


def _changed_for_another(path: Path) -> None:
    """The content of the folder's next file, as where a copy went wrong."""
    files = sorted(one for one in path.parent.iterdir() if one.is_file() and one != path)
    path.write_bytes(files[0].read_bytes() if files else b"another file")


BYTES: Final[dict[str, Callable[[Path], None]]] = {
    "is gone": Path.unlink,
    "is empty": _bytes(lambda content: b""),
    "is cut in half": _bytes(lambda content: content[: len(content) // 2]),
    "lacks its last bytes": _bytes(lambda content: content[:-7]),
    "lacks its first bytes": _bytes(lambda content: content[7:]),
    "is zero bytes": _bytes(lambda content: bytes(len(content))),
    "holds a zero byte": _bytes(lambda content: content[: len(content) // 3] + b"\0" + content[len(content) // 3 :]),
    "has a page of zeros": _bytes(lambda content: content[:512] + bytes(512) + content[1024:]),
    "has flipped bits": _bytes(_flipped),
    "is noise": _bytes(lambda content: Draw(len(content)).randbytes(len(content))),
    "is not UTF-8": _bytes(lambda content: content[: len(content) // 2] + b"\xe4\xff" + content[len(content) // 2 :]),
    "is UTF-16": _bytes(lambda content: content.decode("latin-1").encode("utf-16")),
    "begins with a byte order mark": _bytes(lambda content: b"\xef\xbb\xbf" + content),
    "is there twice": _bytes(lambda content: content * 2),
    "has lines of Windows": _bytes(lambda content: content.replace(b"\n", b"\r\n")),
    "is nested without end": _bytes(lambda content: b"[" * 100_000 + b"\n"),
    "is an object nested without end": _bytes(lambda content: b'{"kind":' * 20_000 + b"1" + b"}" * 20_000 + b"\n"),
    "is a number of a million digits": _bytes(lambda content: b"1" * 1_000_000 + b"\n"),
    "is a list": _bytes(lambda content: b"[1, 2]\n"),
    "is an object of something else": _bytes(lambda content: b'{"kind": "a", "state": {"b": [1, null]}}\n'),
    "is another file": _changed_for_another,
    "is a folder": _in_its_place(Path.mkdir),
    "leads to itself": _in_its_place(lambda path: path.symlink_to(path.name)),
    "leads nowhere": _in_its_place(lambda path: path.symlink_to("not-there")),
}


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _instead_of_folder(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replaced(folder: Path) -> None:
        shutil.rmtree(folder)
        make(folder)

    return replaced


FOLDERS: Final[dict[str, Callable[[Path], None]]] = {
    "is gone": shutil.rmtree,
    "is empty": _emptied,
    "is a file": _instead_of_folder(lambda folder: folder.write_bytes(b"PAR1")),
    "leads to itself": _instead_of_folder(lambda folder: folder.symlink_to(folder.name)),
    "leads nowhere": _instead_of_folder(lambda folder: folder.symlink_to("not-there")),
}


# --- what a file says ------------------------------------------------------------------------------------------------


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


GONE: Final = object()
"""A field that is taken away."""

VALUES: Final[tuple[Any, ...]] = (
    GONE, None, True, False, -1, 0, 1, 2**31, 2**63, 10**30, 10**400, -(2**70), 0.5, -1e308, 1e308, 5e-324,
    float("nan"), float("inf"), "", "x", "\0", "\ud800", "<b>", "x" * 100_000, "1", "2026-01-01T00:00:00",
    "2026-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "no date", [], {}, [None], [[]], [1, "a"],
    {"a": {"b": 1}}, _nested(50), _nested(900), {"code": "FFS000", "values": {}}, ["x"] * 1000,
)  # fmt: skip


def _shown(value: Any) -> str:
    return "gone" if value is GONE else repr(value)[:40]


def places_in(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a JSON value, each by its keys."""
    if at:
        yield at
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from places_in(inner, (*at, key))


def put_in(value: Any, at: Sequence[Any], new: Any) -> Any:
    """The same JSON value with something else in one place; at no place at all, something else."""
    if not at:
        return None if new is GONE else new
    changed = dict(value) if isinstance(value, dict) else list(value)
    if new is GONE and len(at) == 1:
        del changed[at[0]]
    else:
        changed[at[0]] = put_in(changed[at[0]], at[1:], new)
    return changed


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _field_of(value: Any, draw: Draw) -> tuple[str, Any]:
    """A JSON value with one place changed; shallow places as often as deep ones."""
    places = list(places_in(value))
    by_depth = [at for at in places if len(at) == draw.choice(range(1, 1 + max(map(len, places))))] or places
    at, new = draw.choice(by_depth), draw.choice(VALUES)
    return f"{'.'.join(map(str, at))} is {_shown(new)}", put_in(value, at, new)


def _of_json(path: Path, draw: Draw) -> tuple[str, bytes]:
    way, value = _field_of(json.loads(path.read_bytes()), draw)
    return way, _json(value).encode()


def _of_log(path: Path, draw: Draw) -> tuple[str, bytes]:
    """A line gone, doubled, moved, joined, of noise, or of another value."""
    lines = path.read_bytes().splitlines()
    at = draw.randrange(len(lines))
    how = draw.choice(["field"] * 12 + ["gone", "doubled", "moved", "joined", "noise", "kind"])
    way = f"line {at + 1} {how}"
    match how:
        case "field":
            told, value = _field_of(json.loads(lines[at]), draw)
            way, lines[at] = f"line {at + 1}, {told}", _json(value).encode()
        case "gone":
            del lines[at]
        case "doubled":
            lines.insert(at, lines[at])
        case "moved":
            lines.insert(draw.randrange(len(lines)), lines.pop(at))
        case "joined":
            lines[at : at + 2] = [b"".join(lines[at : at + 2])]
        case "noise":
            lines.insert(at, draw.randbytes(30).replace(b"\n", b""))
        case "kind":
            kinds = [json.loads(line)["kind"] for line in lines]
            way, value = f"line {at + 1} is a {(kind := draw.choice(kinds))!r}", json.loads(lines[at])
            lines[at] = _json(value | {"kind": kind}).encode()
    return way, b"".join(line + b"\n" for line in lines)


_CELLS: Final[tuple[Any, ...]] = (np.nan, np.inf, -1e308, 0, -1, 2**62, "x", "", None, b"\xff", [1, 2], True)


def _of_parquet(path: Path, draw: Draw) -> tuple[str, bytes]:
    """A column gone, renamed or of other cells; rows gone or doubled."""
    frame = pd.read_parquet(path)
    name = draw.choice(list(frame.columns))
    how = draw.choice(["gone", "renamed", "cells", "cells", "cells", "no rows", "no columns", "rows twice", "one cell"])
    way = f"column {name}: {how}"
    match how:
        case "gone":
            frame = frame.drop(columns=name)
        case "renamed":
            frame = frame.rename(columns={name: "another"})
        case "cells":
            cell = draw.choice(_CELLS)
            way, frame[name] = f"column {name} is {cell!r}", pd.Series([cell] * len(frame), index=frame.index)
        case "one cell" if len(frame):
            cells = frame[name].astype(object)
            cells.iloc[0] = None
            frame[name] = cells
        case "no rows":
            frame = frame.iloc[:0]
        case "no columns":
            frame = frame[[]]
        case _:
            frame = pd.concat([frame, frame])
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return way, buffer.getvalue()


def _of_arrays(path: Path, draw: Draw) -> tuple[str, bytes]:
    """An array gone, empty, negative, huge, of another type or pickled."""
    with np.load(path) as stored:
        arrays: dict[str, Any] = dict(stored)
    name = draw.choice(list(arrays))
    array = np.atleast_1d(arrays[name])
    numbers = array.astype(float) if array.dtype.kind in "biuf" else np.zeros(array.shape)
    ways: dict[str, Any] = {
        "gone": None, "empty": array[:0], "negative": -1 - numbers.astype(np.int64),
        "huge": np.full(array.shape, 2**62), "of floats": numbers + 0.5, "of texts": array.astype(str),
        "pickled": np.array([{}], dtype=object), "of another shape": array.reshape(1, -1, 1), "a number": np.array(3),
        "NaN": np.full(array.shape, np.nan), "twice": np.concatenate([array] * 2),
    }  # fmt: skip
    how = draw.choice(list(ways))
    arrays[name] = ways[how]
    buffer = io.BytesIO()
    np.savez(buffer, **{key: value for key, value in arrays.items() if value is not None})
    return f"array {name} is {how}", buffer.getvalue()


def _of_archive(path: Path, draw: Draw) -> tuple[str, bytes]:
    """A member gone, empty, cut or of noise, or a field of its JSON changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = draw.choice(list(members))
    how = draw.choice(["gone", "empty", "cut", "noise"] + ["field"] * 6 * name.endswith(".json"))
    way = f"member {name} is {how}"
    if how == "field":
        told, value = _field_of(json.loads(members[name]), draw)
        way, members[name] = f"member {name}, {told}", _json(value).encode()
    else:
        whole = members.pop(name)
        kept = {"empty": b"", "cut": whole[: len(whole) // 2], "noise": draw.randbytes(len(whole))}
        members |= {name: kept[how]} if how in kept else {}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    return way, buffer.getvalue()


def _of_database(path: Path, draw: Draw) -> tuple[str, bytes]:
    """A table gone or empty, or a column of other values."""
    spoilt = path.with_name(".spoilt.db")
    shutil.copyfile(path, spoilt)
    with contextlib.closing(sqlite3.connect(spoilt)) as database:
        database.execute("PRAGMA foreign_keys = off")
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        table = draw.choice(tables)
        columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
        column, value = draw.choice(columns), draw.choice(["x", -1, None, 2**62, "{", 0])
        how = draw.choice(["gone", "empty", "column"])
        statement = {
            "gone": f'DROP TABLE "{table}"', "empty": f'DELETE FROM "{table}"',
            "column": f'UPDATE OR IGNORE "{table}" SET "{column}" = ?',
        }[how]  # fmt: skip
        with contextlib.suppress(sqlite3.Error):
            database.execute(statement, (value,) if how == "column" else ())
        database.commit()
    content = spoilt.read_bytes()
    spoilt.unlink()
    return f"table {table} {how} {column if how == 'column' else ''} {value!r}", content


def _of_text(path: Path, draw: Draw) -> tuple[str, bytes]:
    """A line gone, doubled, or with something else behind its key, as in a space file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    at = draw.randrange(len(lines))
    how = draw.choice(["gone", "doubled", "value", "value", "value", "indented"])
    way = f"line {at + 1} {how}"
    match how:
        case "gone":
            del lines[at]
        case "doubled":
            lines.insert(at, lines[at])
        case "indented":
            lines[at] = "   " + lines[at]
        case _:
            value = draw.choice([one for one in VALUES if one is not GONE])
            written = json.dumps(value)
            lines[at] = f"{lines[at].partition(':')[0]}: {written}"
            way = f"line {at + 1} is {lines[at][:60]}"
    return way, ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


CONTENT: Final[dict[str, Callable[[Path, Draw], tuple[str, bytes]]]] = {
    ".json": _of_json, ".jsonl": _of_log, ".parquet": _of_parquet, ".npz": _of_arrays, ".keras": _of_archive,
    ".db": _of_database, ".yaml": _of_text, ".md": _of_text,
}  # fmt: skip


def files_of(run: Path) -> list[str]:
    """Names of the files of a run folder that commands read."""
    unread = (".lock", ".html")
    files = (path for path in run.rglob("*") if path.is_file() and not path.name.endswith(unread))
    return sorted(path.relative_to(run).as_posix() for path in files)


def listed(run: Path) -> Iterator[Damage]:
    """Every way to spoil the bytes of a file, for every file, and every way to spoil a folder."""
    for file in files_of(run):
        for way, spoil in BYTES.items():
            yield Damage(file, way, spoil)
    for folder in sorted(path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_dir()):
        for way, spoil in FOLDERS.items():
            yield Damage(folder, way, spoil)


def drawn(run: Path, seed: int, files: Sequence[str] = ()) -> Damage:
    """One damage by a seed: of ten, seven to what a file says, three to its bytes."""
    draw = Draw(seed)
    names = files or files_of(run)
    # The log and the summary are what most is read from; other files are many.
    heavy = [name for name in names if name in ("log.jsonl", "summary.json", "space.yaml", "data.json")]
    file = draw.choice(heavy) if heavy and draw.random() < 0.5 else draw.choice(list(names))
    spoilt = CONTENT.get(Path(file).suffix)
    if spoilt is None or draw.random() < 0.3:
        if draw.random() < 0.5:
            way = draw.choice(list(BYTES))
            return Damage(file, way, BYTES[way])
        whole = (run / file).read_bytes()
        n = draw.randrange(1, 64)
        cut = draw.randrange(1 + len(whole))
        if draw.random() < 0.5:
            return Damage(file, f"has {n} flipped bits", _bytes(lambda content: _flipped(content, n=n)))
        return Damage(file, f"ends after byte {cut}", _bytes(lambda content: content[:cut]))
    way, content = spoilt(run / file, draw)
    return Damage(file, way, _bytes(lambda _: content))


# --- what commands make of it ----------------------------------------------------------------------------------------


class TooLong(BaseException):
    """A command did not end in time; no `except Exception` takes it."""


def _alarm(signum: int, frame: FrameType | None) -> None:
    raise TooLong


def said_by(command: Sequence[str]) -> tuple[int, str]:
    """A command's exit code, and all it said; an endless one is ended."""
    out = io.StringIO()
    before = signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(LONGEST_S)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            return invoke(list(command)), out.getvalue()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def in_a_notebook(run: Path, file: str) -> Iterator[str]:
    """What of a run cannot be had in a notebook for another reason than an error of the program's own."""
    try:
        stored = ffsearch.load(run)
    except FFSearchError:
        return
    heavy = {"model": "model", "study": "study.db", "figures": "summary.json"}
    for name in (name for name in dir(type(stored)) if not name.startswith("_")):
        if not file.startswith(heavy.get(name, "")):
            continue
        try:
            found = getattr(stored, name)
            if name in ("model", "_repr_html_"):
                found()
        except FFSearchError:
            continue
        except Exception as error:
            yield f"notebook: .{name} ends in {type(error).__name__}: {str(error)[:300]}"


def commands_on(damage: Damage, again: Sequence[str] | None) -> Iterator[Sequence[str]]:
    """The commands that read a file, the one that made the run last."""
    yield "show", "run"
    yield "verdict", "run"
    yield "list", "."
    yield "report", "run", "--format", "md"
    if not damage.file.startswith(("model", "evidence")):
        yield "compare", "run", "sound", "--out", "both.html"
    if again is not None:
        if damage.file.startswith(("model", "log", "space", "data", "summary")):
            yield "predict", "run", "table.csv", "--out", "answers.csv"
            yield "export", "run", "--format", "keras"
        if damage.file.startswith(("log", "space", "splits")):
            yield "replay", "run", "0"
        if damage.file.endswith((".parquet", "summary.json")):
            yield "report", "run", "--out", "page.html"
        yield again


def faults_of(damage: Damage, made: Path, work: Path, again: Sequence[str] | None = None) -> Iterator[str]:
    """What goes wrong with a damaged folder, a text each.

    Args:
        damage: What is done to it.
        made: A folder that holds a sound run, `run`, and its table, if it is there.
        work: Where to work.
        again: The command that made the run, which is given again; None: only what is cheap is tried.
    """
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(made, work)
    shutil.copytree(made / "run", work / "sound")
    damage.spoil(work / "run" / damage.file)
    with contextlib.chdir(work):
        yield from (f"{damage}: {fault}" for fault in in_a_notebook(Path("run"), damage.file))
        for command in commands_on(damage, again):
            try:
                code, said = said_by(command)
            except TooLong:
                yield f"{damage}: {' '.join(command)[:60]} did not end within {LONGEST_S} s"
                continue
            if code not in (0, EXIT_USER) or "Traceback" in said or "fault is its own" in said:
                yield f"{damage}: {' '.join(command)[:60]} ends with {code}: {said[-800:]}"
            elif code == EXIT_USER and "run" not in said:
                yield f"{damage}: {' '.join(command)[:60]} names no file: {said[-800:]}"
    shutil.rmtree(work, ignore_errors=True)


def make(folder: Path, command: Sequence[str]) -> None:
    """A folder with a table and a sound run of it."""
    fresh(folder)
    with contextlib.chdir(folder):
        code, said = said_by(command)
    assert code == 0, said


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "agg")
    asked = [*sys.argv[1:], *[""] * 5]
    place, n_drawn, first, which = Path(asked[0]), int(asked[1] or 0), int(asked[2] or 0), asked[3] or "search"
    if not (place / which).exists():
        make(place / which, COMMANDS[which])
    whole = [] if asked[4] else listed(place / which / "run")
    for one in [*whole, *(drawn(place / which / "run", first + k) for k in range(n_drawn))]:
        for fault in faults_of(one, place / which, place / "work", COMMANDS[which]):
            sys.stdout.write(fault + "\n\n")
        sys.stdout.flush()
