"""Files as they come: each is read right or refused with a sentence; none ends in a traceback.

Every kind goes three ways: `ffsearch init` on the command line, which reads and judges a whole table as a run does; the
reader of a run itself; and the reader of `ffsearch predict`, which goes through a file piece by piece.
"""

from __future__ import annotations

import gzip
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ffsearch.errors import DataError
from ffsearch.search.cli import invoke
from ffsearch.search.data.files.pieces import open_pieces
from ffsearch.search.data.prepare import prepare
from ffsearch.spaces.schema import DataSpec

N = 60
ROWS = [f"{i * 1.5},{i * 7 % 13}.5,{'abc'[i % 3]},{'yn'[i % 2]}" for i in range(N)]
TEXT = "a,x,c,y\n" + "\n".join(ROWS) + "\n"
GOOD = TEXT.encode()
BELOW = GOOD.split(b"\n", 1)[1]
COLUMNS = {"a", "x", "c"}
RIGHT = {"a": "number", "x": "number", "c": "category"}

READ: dict[str, bytes] = {
    "plain": GOOD,
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "two byte order marks": b"\xef\xbb\xbf" * 2 + GOOD,
    "utf-16": TEXT.encode("utf-16"),
    "utf-32": TEXT.encode("utf-32"),
    "latin-1": TEXT.replace("a,", "ä,").replace("ä,x,", "a,x,").encode("latin-1"),
    "carriage returns": TEXT.replace("\n", "\r").encode(),
    "both line ends": TEXT.replace("\n", "\r\n", 20).encode(),
    "all three line ends": TEXT.replace("\n", "\r", 20).replace("\n", "\r\n", 10).encode(),
    "no last line end": GOOD[:-1],
    "blank lines between": TEXT.replace("\n", "\n\n").encode(),
    "blanks around names": b" a , x , c , y \n" + BELOW,
    "all quoted": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in TEXT.splitlines()).encode(),
    "quotes inside a bare cell": TEXT.replace(",b,", ',b"b,', 1).encode(),
    "Excel's separator line": b"sep=;\r\n" + TEXT.replace(",", ";").encode(),
    "cells that look like formulas": TEXT.replace(",a,", ",=1+1,").encode(),
    "line separators of Unicode": TEXT.replace(",a,", ",a\u2028,").encode(),
    "a giant cell": TEXT.replace(",a,", "," + "a" * 200_000 + ",", 1).encode(),
    "a giant quoted cell": TEXT.replace(",a,", ',"' + "a" * 200_000 + '",', 1).encode(),
    "gzip": gzip.compress(GOOD),
    "gzip in two parts": gzip.compress(GOOD[:500]) + gzip.compress(GOOD[500:]),
}

REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", r"is empty"),
    "blank lines alone": (b"\n\r\n \n", r"is empty"),
    "only a header": (b"a,x,c,y\n", r"a header line and no rows"),
    "one byte": (b"a", r"a header line and no rows"),
    "one column": (("y\n" + "\n".join(row[-1] for row in ROWS)).encode(), r"no column that can be learnt from"),
    "an opening quote": (TEXT.replace(",a,", ',"a,', 1).encode(), r"line 2: a quote is opened here and never closed"),
    "a quote in the header": (b'"a,x,c,y\n' + BELOW, r"line 1: a quote is opened here and never closed"),
    "text behind a quote": (TEXT.replace(",a,", ',"a"b,', 1).encode(), r"line 2: text follows a closed quote"),
    "backslashes before quotes": (TEXT.replace(",a,", ',"a\\"b",', 1).encode(), r"line 2: text follows a closed"),
    "the end sign of MS-DOS": (GOOD + b"\x1a", r"line 62: 1 field where the first line has 4"),
    "a zero byte": (GOOD[:200] + b"\0" + GOOD[200:], r"a NUL byte in line \d+"),
    "zero bytes at the end": (GOOD + b"\0" * 4096, r"a NUL byte in line 62"),
    "half a sign of utf-16": (TEXT.encode("utf-16")[:-1], r"cannot be read as utf-16"),
    "utf-16 without a mark": (TEXT.encode("utf-16-le"), r"NUL byte in line 1.*utf-16"),
    "a longer row": (TEXT.replace(",b,", ",b,b,", 1).encode(), r"line 3: 5 fields where the first line has 4"),
    "a shorter row": (TEXT.replace(",b,", ",", 1).encode(), r"line 3: 3 fields where the first line has 4"),
    "a torn last row": (GOOD[:-3], r"line 61: 3 fields where the first line has 4"),
    "commas at the end of rows": (b"a,x,c,y\n" + BELOW.replace(b"\n", b",\n"), r"line 2: 5 fields where the first"),
    "two delimiters": (TEXT.replace(",", "\t", 100).encode(), r"line \d+: \d fields? where the first line has 4"),
    "a title above": (b"Sales of 2024\n\n" + GOOD, r"line 1: 'Sales of 2024' has 1 field where most lines have 4"),
    "a padded title above": (b"Sales,,,\n" + GOOD, r"line 1: 'Sales,,,' has 1 field where most.*header: true"),
    "a ruled line": (TEXT.replace("\n", "\n---,:--,--:,---\n", 1).encode(), r"line 2: .* the ruled line of a Markdown"),
    "lined up by blanks": (TEXT.replace(",", "   ", 9).replace(",", " ").encode(), r"line 4: the cells are lined up"),
    "a sum below": (GOOD + b"Sum of 60 rows\n", r"line 62: 1 field where the first line has 4"),
    "the header again": (GOOD + GOOD, r"row 61 below the header holds the names of the columns again"),
    "a name twice": (b"a,a,c,y\n" + BELOW, r"columns of the same name: 'a'"),
    "no names": (b",,,\n" + BELOW, r"has no column 'y'.*column_1"),
    "formulas for names": (b"=1+1|' /C x'!A0,+x,-c,@y\n" + BELOW, r"has no column 'y'\. Is it '@y'"),
    "cut gzip": (gzip.compress(GOOD)[:-10], r"damaged or cut-off gzip"),
    "gzip's first bytes": (gzip.compress(GOOD)[:8], r"damaged or cut-off gzip"),
    "spoilt gzip": (gzip.compress(GOOD)[:60] + b"##" + gzip.compress(GOOD)[62:], r"damaged or cut-off gzip"),
    "gzip and more": (gzip.compress(GOOD) + b"more", r"damaged or cut-off gzip"),
    "a workbook": (b"PK\x03\x04" + GOOD, r"no readable workbook"),
    "a web page": (b"<!DOCTYPE html><html>404</html>\n" * 20, r"a web page"),
    "torn JSON": (b'[{"a": 1, "y": "n"}\n', r"line 1, sign \d+"),
    "noise": (bytes(range(256)) * 20, r"NUL byte|Excel|gzip|UTF"),
}  # fmt: skip


def write(folder: Path, payload: bytes) -> Path:
    path = folder / ("table.csv.gz" if payload[:2] == b"\x1f\x8b" else "table.csv")
    path.write_bytes(payload)
    return path


def read_in_pieces(path: Path) -> int:
    """The rows that `predict` reads, of any of the columns that are there."""
    return sum(len(piece.frame) for piece in open_pieces(path, needed=sorted(COLUMNS), id_column=None).rows)


@pytest.mark.parametrize("kind", READ)
def test_what_can_be_read_is_read_right(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, READ[kind])
    ready = prepare(DataSpec(source=str(path), target="y"), seed=0)
    assert ready.table.n_rows == N
    assert {column.name: str(column.kind) for column in ready.columns} == RIGHT
    assert ready.head.labels == ("n", "y")
    assert read_in_pieces(path) == N
    assert invoke(["init", path.name, "--target", "y"]) == 0


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_refused_with_a_sentence(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    payload, told = REFUSED[kind]
    path = write(tmp_path, payload)
    assert invoke(["init", path.name, "--target", "y"]) == 2
    said = capfd.readouterr()
    assert re.search(told, " ".join(said.err.split())), said.err
    assert said.err.startswith("error: ")
    assert said.err.endswith("\n")
    assert "Traceback" not in said.out + said.err
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.integers(0, len(GOOD)),
    length=st.integers(0, 30),
    put=st.one_of(
        st.binary(max_size=12), st.sampled_from([b'"', b"\0", b"\r", b"\n", b",", b'""', b"\xff", b"=", b";"])
    ),
    packed=st.booleans(),
)
def test_any_spoilt_byte_is_read_or_refused(
    tmp_path: Path, place: int, length: int, put: bytes, *, packed: bool
) -> None:
    spoilt = GOOD[:place] + put + GOOD[place + length :]
    path = write(tmp_path, gzip.compress(spoilt) if packed else spoilt)
    with suppress(DataError):
        ready = prepare(DataSpec(source=str(path), target="y"), seed=0)
        assert ready.problem().splits[0].x_train.shape[1] == ready.n_features
    with suppress(DataError):
        read_in_pieces(path)
