"""Files that are not text, scikit-learn, OpenML on recorded predictions, and frames."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from hashlib import md5
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from ffsearch.errors import DataError
from ffsearch.search.data.files.sources import BUNDLED, Source, from_frame, read_source
from ffsearch.search.data.files.text import TextSettings
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.language import PLAIN

FRAME = pd.DataFrame({"n": [1.5, np.nan, 3.0], "c": ["x", None, "z"], "b": [True, False, True]})


def read(source: str | Path) -> Source:
    return read_source(str(source), settings=TextSettings())


def refused(source: str | Path) -> str:
    with pytest.raises(DataError, match=r"[a-z]") as caught:
        read(source)
    return str(caught.value)


@pytest.mark.parametrize("name", ["t.parquet", "t.pq", "t.parquet.gz"])
def test_parquet(tmp_path: Path, name: str) -> None:
    FRAME.to_parquet(tmp_path / "plain")
    payload = (tmp_path / "plain").read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(payload) if name.endswith(".gz") else payload)
    source = read(tmp_path / name)
    assert source.frame["n"].tolist()[::2] == [1.5, 3.0]
    assert source.frame["b"].tolist() == [True, False, True]
    assert source.name == "t"


def test_parquet_that_cannot_be_a_table(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    assert refused(tmp_path / "torn.parquet").startswith("torn.parquet is no readable Parquet file: ")
    parquet.write_table(pa.table({"a": [[1, 2], [3]]}), tmp_path / "nested.parquet")
    assert refused(tmp_path / "nested.parquet") == (
        "nested.parquet has columns of lists or records: a. Make plain columns of them."
    )
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    parquet.write_table(twice, tmp_path / "twice.parquet")
    assert (
        refused(tmp_path / "twice.parquet")
        == "twice.parquet has columns of the same name: 'a'. Give each its own name."
    )
    FRAME.iloc[:0].to_parquet(tmp_path / "none.parquet")
    assert refused(tmp_path / "none.parquet") == (
        "none.parquet has 0 rows and 3 columns. Give at least ten rows of data."
    )


def test_files_that_are_not_there_or_not_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    legal = (
        "A source is FILE.csv, .tsv or .parquet (.gz too), .xlsx, .ods, .feather, .arrow, .arff, .json or .jsonl, "
        "images (FILE.npz, *-images-idx3-ubyte, *_32x32.mat), sqlite:///FILE.db?table=NAME, sklearn:NAME, "
        "openml:NAME-or-ID, or control:NAME."
    )
    (tmp_path / "houses.csv").write_text("a\n1\n")
    near = f" (is it {str(tmp_path / 'houses.csv')!r}?)"
    assert refused(tmp_path / "house.csv") == f"There is no file {str(tmp_path / 'house.csv')!r}{near}. {legal}"
    assert refused("~nobody_of_this_name/t.csv") == f"There is no file '~nobody_of_this_name/t.csv'. {legal}"
    assert refused(tmp_path) == f"{str(tmp_path)!r} is a folder, not a file. Name the table inside it. {legal}"
    assert "cannot be read: embedded null byte. Check its name" in refused("a\0b.csv")
    (tmp_path / "x.npz").write_bytes(b"PK")
    assert "x.npz is no readable .npz file" in refused(tmp_path / "x.npz")

    def forbidden(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    assert refused("t.csv") == "'t.csv' cannot be read: Permission denied. Check its name and permissions."


@pytest.mark.parametrize("name", BUNDLED)
def test_what_scikit_learn_carries(name: str) -> None:
    source = read(f"sklearn:{name}")
    assert set(source.target) <= set(source.frame.columns)
    assert len(source.target) == (3 if name == "linnerud" else 1)
    assert source.sha256 == read(f"sklearn:{name}").sha256


def test_classes_of_scikit_learn_have_their_names() -> None:
    assert set(read("sklearn:breast_cancer").frame["target"]) == {"benign", "malignant"}


def test_a_name_that_scikit_learn_does_not_carry() -> None:
    assert refused("sklearn:breast-cancer") == (
        "scikit-learn carries no table 'breast-cancer' (is it sklearn:breast_cancer?). It has: breast_cancer, "
        "diabetes, digits, iris, linnerud, wine."
    )


def test_a_frame_keeps_its_types_and_loses_its_index() -> None:
    frame = FRAME.set_axis([7, 7, 8]).rename(columns={"n": 3})
    source = from_frame(frame)
    assert list(source.frame.columns) == ["3", "c", "b"]
    assert source.frame.index.tolist() == [0, 1, 2]
    assert source.sha256 == from_frame(frame).sha256
    assert source.sha256 != from_frame(frame.assign(b=False)).sha256


def test_sparse_columns_are_filled_in() -> None:
    frame = pd.DataFrame({"s": pd.arrays.SparseArray([0.0, 0.0, 2.0])})
    assert from_frame(frame).frame["s"].tolist() == [0.0, 0.0, 2.0]


def test_kinds_of_cells_that_pandas_cannot_work_with_are_made_plain() -> None:
    texts = pa.array(["x", None, "y"], pa.large_string())
    frame = pd.DataFrame(
        {
            "longer": np.array([0.5, 1.5, 2.5], np.longdouble),
            "bytes": pd.Series(texts.cast(pa.large_binary()), dtype=pd.ArrowDtype(pa.large_binary())),
        }
    )
    plain = from_frame(frame).frame
    assert plain["longer"].dtype == np.float64
    assert plain["bytes"].tolist()[::2] == [b"x", b"y"]
    for kind, cell in ((pa.list_(pa.int64()), [1]), (pa.struct([("a", pa.int64())]), {"a": 1})):
        cells = pd.Series(pa.array([cell, None], kind), dtype=pd.ArrowDtype(kind))
        with pytest.raises(DataError, match="column 'a' holds lists or objects"):
            from_frame(pd.DataFrame({"a": cells}))


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (pd.DataFrame(), "frame has 0 rows and 0 columns. Give at least ten rows of data."),
        (
            pd.DataFrame([[1, 2]], columns=["a", "a"]),
            "frame has columns of the same name: 'a'. Give each its own name.",
        ),
        (pd.DataFrame({"a": [[1], [2]]}), "frame: column 'a' holds lists or objects. Make plain columns of them."),
        (
            pd.DataFrame({"a": [1j]}),
            "frame: column 'a' holds complex numbers. Give real and imaginary parts instead.",
        ),
    ],
)
def test_frames_that_are_no_tables(frame: pd.DataFrame, text: str) -> None:
    with pytest.raises(DataError, match=r"^frame") as caught:
        from_frame(frame)
    assert str(caught.value) == text


ARFF = """@RELATION plants
@ATTRIBUTE height NUMERIC
@ATTRIBUTE colour {red,blue}
@ATTRIBUTE kind {a,b}
@DATA
1.5,red,a
?,blue,b
2.5,red,b
"""
FEATURES = [("height", "numeric", []), ("colour", "nominal", ["red", "blue"]), ("kind", "nominal", ["a", "b"])]
LISTED = {"did": 7, "name": "plants", "version": 1, "status": "active", "format": "ARFF"}


class Recorded(io.BytesIO):
    """An answer of the server."""

    def info(self) -> dict[str, str]:
        return {}


def recorded_predictions(n_versions: int = 1) -> Callable[..., Recorded]:
    """What api.openml.org says of a small table, by the end of the address."""
    description = LISTED | {
        "id": "7",
        "description": "Three plants.",
        "url": "https://www.openml.org/data/v1/download/7/plants.arff",
        "file_id": "7",
        "default_target_attribute": "kind",
        "md5_checksum": md5(ARFF.encode(), usedforsecurity=False).hexdigest(),
        "version": "1",
    }
    features = [
        {
            "index": str(place),
            "name": name,
            "data_type": kind,
            "is_target": str(name == "kind").lower(),
            "is_ignore": "false",
            "is_row_identifier": "false",
            "number_of_missing_values": "0",
            **({"nominal_value": values} if values else {}),
        }
        for place, (name, kind, values) in enumerate(FEATURES)
    ]
    listed = [LISTED | {"version": version} for version in range(1, n_versions + 1)]
    predictions: dict[str, Any] = {
        "data/list/data_name/plants/limit/2/status/active/": {"data": {"dataset": listed}},
        "data/list/data_name/plants/limit/2/data_version/1": {"data": {"dataset": listed[:1]}},
        "json/data/7": {"data_set_description": description},
        "json/data/features/7": {"data_features": {"feature": features}},
        "json/data/qualities/7": {"data_qualities": {"quality": [{"name": "NumberOfInstances", "value": "3.0"}]}},
    }

    def urlopen(request: Request, *args: object, **kwargs: object) -> Recorded:
        address = request.full_url
        if address.endswith((".arff", "/download/7")):  # scikit-learn 1.6 asks by the number
            return Recorded(ARFF.encode())
        for end, answer in predictions.items():
            if address.endswith(end):
                return Recorded(json.dumps(answer).encode())
        return Recorded(json.dumps({"error": "unknown"}).encode())

    return urlopen


@pytest.fixture
def openml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No network, no shared cache, no waiting."""
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setattr("sklearn.datasets._openml.time.sleep", lambda seconds: None)
    monkeypatch.setattr("sklearn.datasets._openml.urlopen", recorded_predictions())
    return monkeypatch


@pytest.mark.parametrize("name", ["plants", "plants@1", "7"])
def test_openml_by_name_version_and_number(openml: pytest.MonkeyPatch, name: str) -> None:
    source = read(f"openml:{name}")
    assert (source.name, source.target, source.notices) == ("plants", ("kind",), ())
    assert source.frame["height"].tolist()[::2] == [1.5, 2.5]
    assert source.frame["kind"].tolist() == ["a", "b", "b"]


def test_openml_says_which_of_several_versions_it_took(openml: pytest.MonkeyPatch) -> None:
    openml.setattr("sklearn.datasets._openml.urlopen", recorded_predictions(n_versions=2))
    (notice,) = read("openml:plants").notices
    assert notice.code is Code.OTHER_VERSIONS
    assert "returning version 1" in PLAIN.says(notice)


def test_openml_without_network(openml: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise URLError("Name or service not known")

    openml.setattr("sklearn.datasets._openml.urlopen", offline)
    assert refused("openml:plants") == (
        "openml:plants cannot be fetched: Name or service not known. Check the network, or download the table and give "
        "the file."
    )


def test_openml_does_not_know_the_name(openml: pytest.MonkeyPatch) -> None:
    assert refused("openml:nothing").startswith("OpenML's answer for 'nothing' cannot be used: ")
    assert refused("openml:") == ("openml: names no table. Write openml:NAME, openml:NAME@VERSION or openml:ID.")
    assert "Write openml:NAME" in refused("openml:plants@first")


def test_openml_answers_with_an_error(openml: pytest.MonkeyPatch) -> None:
    from email.message import Message
    from urllib.error import HTTPError

    def gone(*args: object, **kwargs: object) -> None:
        raise HTTPError("https://x", 404, "Not Found", Message(), io.BytesIO())

    openml.setattr("sklearn.datasets._openml.urlopen", gone)
    assert refused("openml:plants").startswith("OpenML has no answer for 'plants' (HTTP 404). ")
