"""Where a table comes from: a file, a database, scikit-learn, OpenML, a control, or a frame from Python."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from ffsearch.errors import DataError
from ffsearch.search.base.streams import is_stream
from ffsearch.search.base.texts import TEXT, as_texts, is_whole
from ffsearch.search.data.features.images import LABEL, ImageShape
from ffsearch.search.data.files.controls import control_table
from ffsearch.search.data.files.databases import address_of, is_address, read_database
from ffsearch.search.data.files.decode import unpacked
from ffsearch.search.data.files.doors import door_of
from ffsearch.search.data.files.fitting import HEAD_BYTES, refuse_unfit
from ffsearch.search.data.files.image_files import is_image_file, read_image_files
from ffsearch.search.data.files.opened import ends_of, is_packed
from ffsearch.search.data.files.text import TextSettings, read_text
from ffsearch.search.data.parsing.names import plain_names, refuse_repeated, row_names
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.search.wording.refusal import Said, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BUNDLED", "Source", "from_frame", "read_source"]

BUNDLED: Final = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")
"""Tables that scikit-learn carries with it, so that `sklearn:NAME` needs no network."""

OPENML_RETRIES: Final = 1
"""Tries after a failed one. Choice: a person waits for the answer, and can type the command again."""

_DOUBLE: Final = np.dtype(np.float64)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A table as read, before it is known what its columns are for.

    Args:
        frame: All columns, with texts as names and a plain row number as index.
        name: What the table is called in reports.
        source: How it was asked for.
        sha256: Digest of the file's bytes; of names, types and cells where there is no file.
        target: The target columns the source names itself; empty for files and frames.
        notices: What was found out and could be doubted.
        image: Height, width and channels where the columns are pixels (`images.py`); None for a table.
        n_test_rows: Rows at the end that the source itself sets apart as a test part.
        delimiter: What splits the cells of a text; empty elsewhere.
        encoding: What its letters were read by.
        row_names: Columns that hold names of rows (`names.py`), which are no features.
    """

    frame: pd.DataFrame
    name: str
    source: str
    sha256: str
    target: tuple[str, ...] = ()
    notices: tuple[Finding, ...] = ()
    image: ImageShape | None = None
    n_test_rows: int = 0
    delimiter: str = ""
    encoding: str = ""
    row_names: tuple[str, ...] = ()


def read_source(source: str, *, settings: TextSettings) -> Source:
    """Read a table.

    Args:
        source: `sklearn:NAME`, `openml:NAME`, `openml:NAME@VERSION`, `openml:ID`, `control:NAME`, the address of a
            table in a database (`databases.py`), or a file, relative to the current folder.
        settings: What the user says of a file.

    Raises:
        DataError: If there is no such table, or it cannot be read; the text says where and why.
    """
    kind, colon, name = source.partition(":")
    if colon and kind == "sklearn":
        return _from_sklearn(name)
    if colon and kind == "openml":
        return _from_openml(name)
    if colon and kind == "control":
        return _from_control(name)
    if is_address(source):
        frame = read_database(source)
        return replace(from_frame(frame, name=_address_name(source), source=source))
    return _from_file(source, settings=settings)


def _address_name(source: str) -> str:
    """What a table of a database is called: after itself, else after the database."""
    named = re.search(r"[?&]table=([^&]+)", source)
    return named[1] if named else re.split(r"[/\\]", source.partition("?")[0])[-1].split(".")[0] or "query"


def from_frame(frame: pd.DataFrame, *, name: str = "frame", source: str = "frame") -> Source:
    """A frame from Python as a source. It is not changed; its index is not used.

    Raises:
        DataError: If columns share a name, or a cell is no plain value.
    """
    plain = _plain(frame, name)
    rows = row_names(plain, written=list(frame.columns))
    return Source(frame=plain, name=name, source=source, sha256=_digest(plain), row_names=rows)


def _from_file(source: str, *, settings: TextSettings) -> Source:
    path = _expanded(source)
    if is_stream(path):
        raise refusal(DataError, "stream_no_file", name=str(path))
    if is_image_file(path):
        found = read_image_files(path, read=_bytes_of)
        return Source(
            frame=found.images.frame,
            name=_table_name(path),
            source=source,
            sha256=found.sha256,
            target=(LABEL,),
            notices=found.notices,
            image=found.images.shape,
            n_test_rows=found.images.n_test_rows,
        )
    _refuse_unfit(path)
    payload = _bytes_of(path)
    digest = sha256(payload).hexdigest()
    if address := address_of(path, payload):
        return replace(from_frame(read_database(address), name=path.name, source=source), name=_table_name(path))
    plain = unpacked(payload, path.name)
    if door := door_of(plain, path.name):
        opened = door(plain, path.name, settings)
        read = from_frame(opened.frame, name=path.name, source=source)
        return replace(read, name=_table_name(path), sha256=digest, notices=opened.notices)
    refuse_unfit(len(plain), plain[:HEAD_BYTES], path.name)  # what was packed
    text = read_text(plain, path.name, settings=settings)
    return Source(
        frame=text.frame,
        name=_table_name(path),
        source=source,
        sha256=digest,
        notices=text.notices,
        delimiter=text.delimiter,
        encoding=text.encoding,
        row_names=text.row_names,
    )


def _refuse_unfit(path: Path) -> None:
    """Refuse a plain file of text that would not fit into memory, before it is read; faults are told by what reads it.

    Raises:
        DataError: With its size, and how many rows would fit.
    """
    n_bytes, head, tail = 0, b"", b""
    with suppress(OSError, ValueError):  # ValueError: names that no system has
        if not is_packed(path):
            n_bytes = path.stat().st_size
            head, tail = ends_of(path)
    if door_of(head + tail, path.name) is None and not address_of(path, head):
        refuse_unfit(n_bytes, head, path.name)


def _expanded(source: str) -> Path:
    """The path with `~` filled in; one of an unknown user is left as it is, and is then not found."""
    with suppress(RuntimeError):
        return Path(source).expanduser()
    return Path(source)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        near, legal = _nearest_file(path), Said("legal_sources", {})
        hint = Said("is_it_file", {"name": near}) if near else ""
        raise refusal(DataError, "no_file", name=repr(str(path)), hint=hint, legal=legal) from None
    except IsADirectoryError:
        legal = Said("legal_sources", {})
        raise refusal(DataError, "folder_no_file", name=repr(str(path)), legal=legal) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{str(path)!r} cannot be read: {reason}. Check its name and permissions.") from None


def _nearest_file(path: Path) -> str:
    folder = path.parent
    names: list[str] = []
    with suppress(OSError):  # a hint, nothing more
        names = [entry.name for entry in folder.iterdir()]
    near = get_close_matches(path.name, names, n=1)
    return repr(str(folder / near[0])) if near else ""


def _table_name(path: Path) -> str:
    """The file's name without its endings: `adult/train.csv.gz` is `train`."""
    return path.name.split(".")[0] or path.name


def _from_sklearn(name: str) -> Source:
    from sklearn import datasets

    if name not in BUNDLED:
        near = get_close_matches(name, BUNDLED, n=1)
        told = f" (is it sklearn:{near[0]}?)" if near else ""
        raise DataError(f"scikit-learn carries no table {name!r}{told}. It has: {', '.join(BUNDLED)}.")
    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    target = bunch.target.to_frame() if isinstance(bunch.target, pd.Series) else bunch.target
    frame = pd.concat([bunch.data, target], axis=1)
    labels = bunch.get("target_names")
    if name != "linnerud" and labels is not None and isinstance(labels[0], str):
        frame["target"] = [str(labels[code]) for code in frame["target"]]  # `malignant` says more than 0
    read = from_frame(frame, name=name, source=f"sklearn:{name}")
    return Source(
        frame=read.frame, name=name, source=read.source, sha256=read.sha256, target=tuple(map(str, target.columns))
    )


def _from_control(name: str) -> Source:
    control = control_table(name)
    read = from_frame(control.frame, name=control.name, source=f"control:{name}")
    return replace(read, target=(control.target,), image=control.image, n_test_rows=control.n_test_rows)


def _from_openml(name: str) -> Source:
    from sklearn.datasets import fetch_openml

    with _openml_faults(name), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bunch = fetch_openml(**_openml_key(name), as_frame=True, parser="auto", n_retries=OPENML_RETRIES)
        frame = bunch.frame
    # scikit-learn says in its own words that a name is not unique, and has no other sign of it.
    told = [str(one.message).splitlines()[0] for one in caught if "active versions" in str(one.message)]
    read = from_frame(frame, name=str(bunch.details["name"]), source=f"openml:{name}")
    return Source(
        frame=read.frame,
        name=read.name,
        source=read.source,
        sha256=read.sha256,
        target=tuple(map(str, bunch.target_names or ())),
        notices=tuple(found(Code.OTHER_VERSIONS, text=text) for text in told),
    )


def _openml_key(name: str) -> dict[str, Any]:
    if name.isascii() and name.isdigit():
        return {"data_id": int(name)}
    base, at, version = name.partition("@")
    if not base or (at and not version.isdigit()):
        raise DataError(f"openml:{name} names no table. Write openml:NAME, openml:NAME@VERSION or openml:ID.")
    return {"name": base, "version": int(version)} if at else {"name": base}


@contextmanager
def _openml_faults(name: str) -> Iterator[None]:
    """Turn what can go wrong on the way to OpenML into one error with advice."""
    from urllib.error import HTTPError

    advice = "Check the name or ID on openml.org, or download the table and give the file."
    try:
        yield
    except HTTPError as error:
        error.close()
        raise DataError(f"OpenML has no answer for {name!r} (HTTP {error.code}). {advice}") from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"openml:{name} cannot be fetched: {reason}. Check the network, or download the table and give the file."
        ) from None
    except DataError:
        raise
    except (ValueError, KeyError, IndexError) as error:
        raise DataError(f"OpenML's answer for {name!r} cannot be used: {error} {advice}") from None


def _plain(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The frame with texts as names, a row number as index and sparse columns filled in.

    Raises:
        DataError: If columns share a name, a cell is no plain value, or there is nothing in it.
    """
    plain = frame.reset_index(drop=True)
    names = plain_names(plain.columns)
    refuse_repeated(names, source=name)
    if not all(map(is_whole, names)):
        raise DataError(f"{name} has columns whose names cannot be written in UTF-8. Give them other names.")
    plain.columns = pd.Index(names)
    if plain.empty:
        raise DataError(f"{name} has {len(plain)} rows and {plain.shape[1]} columns. Give at least ten rows of data.")
    return pd.DataFrame({column: _plain_cells(plain[column], name) for column in plain.columns})


def _plain_cells(cells: pd.Series[Any], name: str) -> pd.Series[Any]:
    if isinstance(cells.dtype, pd.SparseDtype):
        cells = cells.astype(cells.dtype.subtype)
    if cells.dtype.kind == "c":
        raise DataError(f"{name}: column {cells.name!r} holds complex numbers. Give real and imaginary parts instead.")
    if isinstance(cells.dtype, np.dtype) and cells.dtype.kind == "f" and cells.dtype.itemsize > _DOUBLE.itemsize:
        cells = cells.astype(_DOUBLE)
    if isinstance(cells.dtype, pd.ArrowDtype) and _is_odd(cells.dtype.pyarrow_dtype):
        cells = pd.Series(cells.tolist(), name=cells.name, dtype=object)
    if cells.dtype == object and not all(pd.api.types.is_scalar(cell) for cell in cells):
        raise DataError(f"{name}: column {cells.name!r} holds lists or objects. Make plain columns of them.")
    if cells.dtype == object and not all(map(is_whole, cells)):
        raise DataError(f"{name}: column {cells.name!r} holds bytes that are no text in UTF-8. Make texts of them.")
    return as_texts(cells)


def _is_odd(kind: pa.DataType) -> bool:
    """Whether pandas cannot work with a kind of Arrow's cells: lists, records, bytes, and views of texts or bytes."""
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return is_bytes or pa.types.is_nested(kind) or str(kind) in ("string_view", "binary_view")


def _digest(frame: pd.DataFrame) -> str:
    """SHA-256 over names, types and cells, the same for the same table in every process."""
    digest = sha256()
    for part in _parts(frame):
        digest.update(part)
    return digest.hexdigest()


def _parts(frame: pd.DataFrame) -> Iterable[bytes]:
    for column in frame.columns:
        cells = frame[column]
        kind = "str" if cells.dtype == TEXT else cells.dtype  # which pandas 2 calls otherwise
        yield f"{column}\0{kind}\0".encode()
        hashable = cells.astype(str) if cells.dtype == object else cells
        yield pd.util.hash_pandas_object(hashable, index=False).to_numpy().tobytes()
