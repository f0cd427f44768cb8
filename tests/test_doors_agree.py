"""One table through every door: the same matrix, the same predictions; and whatever comes in, no fault of our own."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ffsearch.errors import DataError
from ffsearch.search.data.asked import RowReader
from ffsearch.search.data.features.preprocess import Preprocessor
from ffsearch.search.data.files.sources import read_source
from ffsearch.search.data.files.text import TextSettings
from ffsearch.search.data.prepare import Prepared, prepare
from ffsearch.spaces.schema import DataSpec

N = 40
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
THOROUGH = settings(QUICK, max_examples=2000)

NAMES = ["a", "b c", "größe (m²)", "Unnamed: 2", "x.1", "1", "to"]
AROUND = ["{}", " {}", "{}\t", "\N{NO-BREAK SPACE}{}"]
MISSING_WORDS = ["", "NA", "?", "nan", "N/A", "-", "null"]


@st.composite
def columns(draw: DrawFn) -> list[str]:
    """Cells of one column as a file writes them: one kind, one spelling, perhaps with missing ones."""
    seed = draw(st.integers(0, 2**32 - 1))
    generator = np.random.default_rng(seed)
    decimal, thousands = draw(st.sampled_from([(".", ""), (".", ","), (",", "."), (",", ""), (".", " ")]))
    kind = draw(st.sampled_from(["number", "whole", "money", "truth", "date", "level", "code", "percent"]))
    numbers = generator.normal(0, 10 ** generator.integers(0, 6), N)

    def spelt(value: float, places: int) -> str:
        return f"{value:,.{places}f}".translate({ord(","): thousands, ord("."): decimal})

    if kind == "truth":
        words = draw(st.sampled_from([("True", "False"), ("TRUE", "FALSE"), ("1", "0"), ("yes", "no"), ("t", "f")]))
        cells = [words[int(value > 0)] for value in numbers]
    elif kind == "date":
        layout = draw(st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d %H:%M:%S"]))
        moments = pd.Timestamp("2020-01-01") + pd.to_timedelta(generator.integers(0, 3000, N), unit="h")
        cells = moments.strftime(layout).tolist()
    elif kind == "level":
        cells = [f"level {value}" for value in generator.integers(0, 5, N)]
    elif kind == "code":
        cells = [f"{value:05}" for value in generator.integers(0, 300, N) % 7]
    elif kind == "whole":
        cells = [spelt(value, 0) for value in numbers]
    else:
        before, after = {"money": ("$", ""), "percent": ("", " %")}.get(kind, ("", ""))
        cells = [f"{before}{spelt(abs(value), 2)}{after}" for value in numbers]
    word = draw(st.sampled_from([None, *MISSING_WORDS]))
    if word is not None:
        cells = [word if place % 7 == 3 else cell for place, cell in enumerate(cells)]
    return cells


@st.composite
def tables(draw: DrawFn) -> pd.DataFrame:
    """Texts under names that may stand between blanks, and a target of two classes."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    around = [draw(st.sampled_from(AROUND)).format(name) for name in names]
    frame = pd.DataFrame({name: draw(columns()) for name in around})
    frame["y"] = ["p", "q"] * (N // 2)
    return frame


def understood(source: Path | None, frame: pd.DataFrame | None = None) -> Prepared | str:
    """The table as prepared, or the refusal without the name of its source."""
    spec = DataSpec(source="frame" if source is None else str(source), target="y", test=None)
    try:
        return prepare(spec, frame=frame, seed=0)
    except DataError as error:
        return str(error).replace("frame", "SOURCE") if source is None else str(error).replace(str(source), "SOURCE")


def agree(frame: pd.DataFrame) -> None:
    """Frame, CSV and Parquet give one matrix; the frame that pandas makes of the CSV is answered alike, or refused."""
    with tempfile.TemporaryDirectory() as folder:
        text, parquet = Path(folder, "t.csv"), Path(folder, "t.parquet")
        frame.to_csv(text, index=False)
        frame.to_parquet(parquet, index=False)
        first, *others = (understood(None, frame), understood(text), understood(parquet))
        if isinstance(first, str):
            assert all(isinstance(other, str) for other in others)
            return
        learnt = first.fit_all()
        for other in others:
            assert not isinstance(other, str), other
            kinds = [[(column.name, column.kind) for column in one.columns] for one in (first, other)]
            assert kinds[0] == kinds[1]
            np.testing.assert_array_equal(learnt.x, other.fit_all().x)
        preprocessor = learnt.preprocessor
        assert isinstance(preprocessor, Preprocessor)
        for rows in (frame, pd.read_csv(text), pd.read_parquet(parquet)):
            reader = RowReader(preprocessor)
            raw = reader.read(rows)
            try:
                reader.check()
            except DataError:
                assert rows is not frame
                continue
            np.testing.assert_allclose(preprocessor.matrix(raw, n_rows=N), preprocessor.transform(frame), atol=1e-6)


def of_two_signs() -> pd.DataFrame:
    """Numbers by a comma, numbers by a point that pandas reads by itself, and whole ones that could be either."""
    numbers = np.random.default_rng(0).normal(0, 80_000, N)
    cells = {"whole": [f"{value:,.0f}" for value in numbers]}
    cells["comma"] = [f"{value:,.2f}".translate({ord(","): ".", ord("."): ","}) for value in numbers]
    cells["point"] = [f"{value:.2f}" for value in numbers]
    return pd.DataFrame(cells | {"y": ["p", "q"] * (N // 2)})


@QUICK
@example(of_two_signs())
@given(tables())
def test_frame_csv_and_parquet_are_one_table(frame: pd.DataFrame) -> None:
    agree(frame)


@pytest.mark.slow
@THOROUGH
@example(of_two_signs())
@given(tables())
def test_frame_csv_and_parquet_are_one_table_two_thousand_times(frame: pd.DataFrame) -> None:
    agree(frame)


# --- fuzz ------------------------------------------------------------------------------------------------------------

SEEDS: dict[str, bytes] = {
    "t.csv": b"a,b,y\n1,x,2\n2,y,3\n",
    "t.arff": b"@relation r\n@attribute a numeric\n@attribute 'b c' {x,'y z'}\n@data\n1,x\n2,'y z'\n",
    "t.json": b'[{"a": 1, "b": "x"}, {"a": null, "b": "y"}]',
    "t.jsonl": b'{"a": 1, "b": "x"}\n{"a": 2.5, "b": true}\n',
}


def workbook() -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame({"a": [1, 2.5], "b": ["x", None]}).to_excel(buffer, index=False)
    return buffer.getvalue()


SIGNS = st.sampled_from(
    [b",", b'"', b"'", b"\n", b"\r", b"\0", b"{", b"}", b"@", b"\\", b"#", b"\xff", b"\xef\xbb\xbf", b"%"]
)


@st.composite
def spoilt(draw: DrawFn, payload: bytes) -> bytes:
    """A file in which some bytes are taken away, put in or changed."""
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(payload)))
        length = draw(st.integers(0, 12))
        payload = payload[:at] + draw(st.one_of(SIGNS, st.binary(max_size=8), st.just(b""))) + payload[at + length :]
    return payload


def files(name: str) -> SearchStrategy[bytes]:
    seed = workbook() if name == "t.xlsx" else SEEDS[name]
    return st.one_of(spoilt(seed), st.binary(max_size=200))


def is_read_or_refused(name: str, payload: bytes) -> None:
    """No exception but the program's own, whatever a file holds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(payload)
        with suppress(DataError):
            source = read_source(str(path), settings=TextSettings())
            assert len(source.frame.columns)
            prepare(DataSpec(source=str(path), target=str(source.frame.columns[-1]), test=None), seed=0)


@pytest.mark.parametrize("name", [*SEEDS, "t.xlsx"])
def test_no_file_breaks_the_reader(name: str) -> None:
    @settings(QUICK, max_examples=25)
    @given(files(name))
    @example(b"")
    def holds(payload: bytes) -> None:
        is_read_or_refused(name, payload)

    holds()


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SEEDS, "t.xlsx"])
def test_no_file_breaks_the_reader_for_long(name: str) -> None:
    @settings(QUICK, max_examples=20_000)
    @given(files(name))
    def holds(payload: bytes) -> None:
        is_read_or_refused(name, payload)

    holds()


@pytest.mark.parametrize("version", [191, 255])
def test_a_workbook_of_a_version_to_come_is_refused(version: int) -> None:
    payload = bytearray(workbook())
    at = payload.index(b"PK\x01\x02") + 6  # what the first member of the contents needs
    payload[at : at + 2] = version.to_bytes(2, "little")
    is_read_or_refused("t.xlsx", bytes(payload))


@pytest.mark.parametrize("value", [10**400, 2**63, float("nan"), True, None, "", "\ud83d\ude00"])
def test_odd_values_of_json_are_cells(value: Any, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps([{"a": value, "y": place} for place in range(N)]), encoding="utf-8")
    is_read_or_refused("t.json", path.read_bytes())
