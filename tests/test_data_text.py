"""Text files: what is found out, and every way in which a file is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from examples import said
from ffsearch.errors import DataError
from ffsearch.search.base.texts import TEXT
from ffsearch.search.data.files.sources import Source, read_source
from ffsearch.search.data.files.text import TextSettings
from ffsearch.search.wording.codes import Code

ROWS = "".join(f"{i % 7},{i % 3},{'yes' if i % 2 else 'no'}\n" for i in range(40))
GOOD = "a,b,y\n" + ROWS
ALL_FOUND_OUT = TextSettings()


def read(folder: Path, payload: bytes | str, *, name: str = "t.csv", settings: TextSettings = ALL_FOUND_OUT) -> Source:
    (folder / name).write_bytes(payload.encode() if isinstance(payload, str) else payload)
    return read_source(str(folder / name), settings=settings)


def refused(folder: Path, payload: bytes | str, *, settings: TextSettings = ALL_FOUND_OUT) -> str:
    with pytest.raises(DataError, match=r"t\.csv|data\.") as caught:
        read(folder, payload, settings=settings)
    return str(caught.value)


def expected_frame() -> pd.DataFrame:
    cells = [line.split(",") for line in ROWS.splitlines()]
    return pd.DataFrame(cells, columns=["a", "b", "y"], dtype=TEXT)


# mtime: what is packed is in the names of the tests, which two processes have to collect alike.
@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (GOOD.encode(), "comma.csv"),
        (GOOD.replace(",", "\t").encode(), "tab.tsv"),
        (GOOD.replace(",", ";").encode(), "semicolon.csv"),
        (GOOD.replace(",", "|").encode(), "bar.txt"),
        (GOOD.replace(",", " ").encode(), "blank.txt"),
        (GOOD.replace("\n", "\r\n").encode(), "windows.csv"),
        (GOOD.replace("\n", "\r").encode(), "old_mac.csv"),
        (GOOD.rstrip().encode(), "no_last_newline.csv"),
        (("\n\n" + GOOD + "\n\n").encode(), "blank_lines.csv"),
        (GOOD.encode("utf-8-sig"), "mark.csv"),
        (GOOD.encode("utf-16"), "utf16.csv"),
        (GOOD.encode("utf-32"), "utf32.csv"),
        (gzip.compress(GOOD.encode(), mtime=0), "packed.csv.gz"),
        (gzip.compress(GOOD.encode(), mtime=0), "packed_without_ending.csv"),
        (GOOD.replace("yes", '"yes"').replace("a,b", '"a","b"').encode(), "quoted.csv"),
    ],
)
def test_the_same_table_however_it_is_written(tmp_path: Path, payload: bytes, name: str) -> None:
    source = read(tmp_path, payload, name=name)
    pd.testing.assert_frame_equal(source.frame, expected_frame())
    assert source.notices == ()
    assert len(source.sha256) == 64
    assert source.name == name.split(".")[0]


def test_a_comma_is_not_taken_for_the_delimiter_where_it_is_a_decimal_point(tmp_path: Path) -> None:
    frame = read(tmp_path, "a;b\n" + "".join(f"{i},5;{i},25\n" for i in range(9))).frame
    assert frame.shape == (9, 2)


def test_quoted_cells_may_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    frame = read(tmp_path, 'a,b\n1,"x, ""y""\nz"\n2,\n3,w 5" tall\n').frame
    assert frame["b"].tolist() == ['x, "y"\nz', "", 'w 5" tall']


def test_a_header_may_hold_a_line_break_and_blank_names(tmp_path: Path) -> None:
    frame = read(tmp_path, '"a\nb",,y\n1,2,3\n4,5,6\n').frame
    assert list(frame.columns) == ["a\nb", "column_2", "y"]
    assert frame.iloc[0].tolist() == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "has_header"),
    [
        ("1,2.5\n3,4.5\n", False),
        ("x,y\n1,2\n", True),
        ("0,1,target\n1,2,3\n4,5,6\n", True),  # numbers as names, one word above numbers
        ("39,State-gov,x\n50,Private,y\n38,Private,x\n", False),
        ("red,round\nblue,round\nred,flat\n", False),  # the first line's words come again
        ("colour,form\nblue,round\nred,flat\n", True),
        ("name,2019\nana,1\nbob,2\n", False),  # undecidable without more; said in the notice
    ],
)
def test_header_found_out(tmp_path: Path, text: str, *, has_header: bool) -> None:
    source = read(tmp_path, text)
    assert ("column_1" not in source.frame.columns) is has_header
    assert bool(source.notices) is not has_header
    assert all(notice.code is Code.NO_HEADER for notice in source.notices)


def test_a_name_the_space_file_speaks_of_makes_a_header(tmp_path: Path) -> None:
    settings = TextSettings(expected=frozenset({"name"}))
    assert list(read(tmp_path, "name,2019\nana,1\nbob,2\n", settings=settings).frame.columns) == ["name", "2019"]


def test_what_is_said_is_not_found_out(tmp_path: Path) -> None:
    settings = TextSettings(delimiter="|", header=False, encoding="cp1252")
    source = read(tmp_path, "a,b|é\n1,2|x\n".encode("cp1252"), settings=settings)
    assert source.frame.iloc[0].tolist() == ["a,b", "é"]
    assert source.notices == ()


@pytest.mark.parametrize(("extra", "codec"), [(b"\xe9", "cp1252"), (b"\x81", "latin-1")])
def test_an_encoding_that_was_chosen_is_said(tmp_path: Path, extra: bytes, codec: str) -> None:
    source = read(tmp_path, b"a,y\n1,x\n2,n" + extra + b"\n")
    assert source.frame["y"].tolist() == ["x", "n" + extra.decode("latin-1")]
    assert said(source.notices) == [
        f"t.csv is not UTF-8 (line 3); it was read as {codec}. Say data.encoding if letters look wrong."
    ]


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"", "t.csv is empty. Give a file with a header line and a line for each row."),
        (b"\n \n\n", "t.csv is empty. Give a file with a header line and a line for each row."),
        (b"a,b,y", "t.csv has a header line and no rows. Give at least ten rows of data."),
        (b"a,b,y\n", "t.csv has a header line and no rows. Give at least ten rows of data."),
        (
            (GOOD + "1,\0,no\n").encode(),
            "t.csv has a NUL byte in line 42: it is no text, or text in UTF-16. Save it as UTF-8, or say "
            "data.encoding: utf-16.",
        ),
        (
            GOOD.encode("utf-16-le"),
            "t.csv has a NUL byte in line 1: it is no text, or text in UTF-16. Save it as UTF-8, or say "
            "data.encoding: utf-16.",
        ),
        (
            (GOOD + "1,2\n").encode(),
            "t.csv, line 42: 2 fields where the first line has 3, split by ','. Mend the line, put quotes around a "
            "cell that holds the delimiter, or say data.delimiter.",
        ),
        (
            (GOOD + "1,2,no,4\n").replace(",", "\t").encode(),
            "t.csv, line 42: 4 fields where the first line has 3, split by a tab. Mend the line, put quotes around a "
            "cell that holds the delimiter, or say data.delimiter.",
        ),
        (
            (GOOD + "1\n").encode(),
            "t.csv, line 42: 1 field where the first line has 3, split by ','. Mend the line, put quotes around a "
            "cell that holds the delimiter, or say data.delimiter.",
        ),
        (
            (GOOD + '1,"2,no\n' + ROWS).encode(),
            "t.csv, line 42: a quote is opened here and never closed. Close it, or double it inside a quoted cell.",
        ),
        (
            (GOOD + '1,2,"no').encode(),
            "t.csv, line 42: a quote is opened here and never closed. Close it, or double it inside a quoted cell.",
        ),
        (
            (GOOD + '1,"2"x,no\n').encode(),
            "t.csv, line 42: text follows a closed quote (',' expected after '\"'). Double the quotes inside a quoted "
            "cell.",
        ),
        (
            (GOOD + '1,"2,no\n' + ROWS * 500).encode(),
            "t.csv, line 42: a quote is opened here and never closed. Close it, or double it inside a quoted cell.",
        ),
        (
            b'"never closed',
            "t.csv, line 1: a quote is opened here and never closed. Close it, or double it inside a quoted cell.",
        ),
        (("a,a,y\n" + ROWS).encode(), "t.csv has columns of the same name: 'a'. Give each its own name."),
        (
            b"PK\x03\x04....",
            "t.csv is no readable workbook (Cannot detect file format). Save it again without a password, or the sheet "
            "as CSV.",
        ),
        (b"PAR1....", "t.csv has a header line and no rows. Give at least ten rows of data."),
        (
            gzip.compress(GOOD.encode() * 20, mtime=0)[:-20],
            "t.csv is a damaged or cut-off gzip file (Compressed file ended before the end-of-stream marker was "
            "reached). Copy or download it again.",
        ),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_line(tmp_path: Path, payload: bytes, text: str) -> None:
    assert refused(tmp_path, payload) == text


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            TextSettings(encoding="utf-9"),
            "data.encoding: 'utf-9' is no encoding that Python knows. Say utf-8, cp1252, latin-1 or utf-16.",
        ),
        (
            TextSettings(encoding="rot13"),
            "data.encoding: 'rot13' is no encoding that Python knows. Say utf-8, cp1252, latin-1 or utf-16.",
        ),
        (
            TextSettings(encoding="utf-8"),
            "t.csv cannot be read as utf-8: line 2 has bytes that do not belong to it. Say another data.encoding, or "
            "save the file as UTF-8.",
        ),
        (
            TextSettings(delimiter="::"),
            "data.delimiter: '::' is not one plain character. Say ',' or ';' or '|' or a tab.",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path: Path, settings: TextSettings, text: str) -> None:
    assert refused(tmp_path, "a,y\né,1\n".encode("latin-1"), settings=settings) == text


def test_giant_plain_cells_are_read(tmp_path: Path) -> None:
    frame = read(tmp_path, GOOD + "1," + "x" * 200_000 + ",no\n").frame
    assert len(frame.iloc[-1]["b"]) == 200_000
