"""Small files that unpack to more than the machine has are refused by their size, before they take it."""

from __future__ import annotations

import gzip
import re
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from ffsearch.errors import DataError, ExportError, SpaceError
from ffsearch.search.cli import invoke
from ffsearch.search.data.files import decode
from ffsearch.search.data.files.sources import read_source
from ffsearch.search.data.files.text import TextSettings
from ffsearch.spaces.loader import load_space

MEMORY = 64 << 20
"""What the machine is said to have."""


@pytest.fixture(autouse=True)
def small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "machine_memory", lambda: MEMORY)


def packed_text(path: Path) -> None:
    with gzip.open(path, "wb") as file:
        file.write(b"a,y\n")
        for _ in range(40):
            file.write(b"1,2\n" * (1 << 18))


def packed_in_parts(path: Path) -> None:
    """Several gzip files one after another are one file."""
    part = gzip.compress(b"1,2\n" * (1 << 20))
    path.write_bytes(gzip.compress(b"a,y\n") + part * 20)


def workbook(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * MEMORY)


def arrays(path: Path) -> None:
    np.savez_compressed(path, x=np.zeros((1000, 200, 200), np.uint8), y=np.zeros(1000, np.uint8))


def columns(path: Path) -> None:
    one = pa.array(np.zeros(20_000_000, np.int8))
    parquet.write_table(pa.table({"a": one, "y": one}), path, compression="zstd")


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (packed_text, "t.csv.gz"), (packed_in_parts, "t.csv.gz"), (workbook, "t.xlsx"), (arrays, "t.npz"),
        (columns, "t.parquet"),
    ],
)  # fmt: skip
def test_it_is_refused_by_its_size(make: object, name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if name.endswith(".xlsx"):
        pytest.importorskip("python_calamine")
    path = tmp_path / name
    make(path)  # type: ignore[operator]
    assert path.stat().st_size < MEMORY / 20
    tracemalloc.start()
    with pytest.raises(
        DataError, match=rf"^{name} unpacks to (more than|about) 0\.\d GB, and this machine has 0\.1 GB"
    ):
        read_source(str(path), settings=TextSettings())
    assert tracemalloc.get_traced_memory()[1] < 1.5 * MEMORY
    tracemalloc.stop()
    assert invoke(["init", str(path)]) == 2
    assert "Take a part of its rows or columns" in capfd.readouterr().err


@pytest.mark.parametrize("member", ["ffsearch.json", "model.weights.h5"])
def test_a_model_is_refused_by_its_size(member: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ffsearch.search.folder.named_model import load_named
    from ffsearch.search.serving.packaged import load_packaged

    monkeypatch.setattr("ffsearch.search.folder.keras_file.machine_memory", lambda: MEMORY)
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, b" " * MEMORY)
    tracemalloc.start()
    for load in (load_packaged, load_named):
        with pytest.raises(ExportError, match=r"model\.keras' unpacks to 0\.1 GB, and this machine has 0\.1 GB"):
            load(path)
    assert tracemalloc.get_traced_memory()[1] < MEMORY
    tracemalloc.stop()


def test_a_file_that_fits_is_read(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": range(100_000), "y": range(100_000)})
    frame.to_csv(tmp_path / "t.csv.gz", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv.gz", "t.parquet"):
        assert len(read_source(str(tmp_path / name), settings=TextSettings()).frame) == 100_000


def test_text_that_does_not_fit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As many of its rows as the error says are read."""
    monkeypatch.setattr("ffsearch.search.data.files.fitting.machine_memory", lambda: 2_000_000)
    frame = pd.DataFrame(
        np.random.default_rng(0).normal(size=(5_000, 20)).round(4), columns=[f"x{n}" for n in range(20)]
    )
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    frame.to_csv(tmp_path / "t.csv.gz", index=False)
    for name in ("t.csv", "t.csv.gz"):
        with pytest.raises(
            DataError, match=rf"^{name} holds 0\.0 GB of text, some 5,000 rows of 20 cells, .* would fit"
        ):
            read_source(str(tmp_path / name), settings=TextSettings())
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", None)
        assert invoke(["init", str(path)]) == 2
    found = re.search(r"about ([\d,]+) rows would fit", " ".join(capfd.readouterr().err.split()))
    assert found is not None
    n_fitting = int(found[1].replace(",", ""))
    assert 2_000 < n_fitting < 5_000
    frame[: n_fitting - 50].to_csv(path, index=False)
    assert len(read_source(str(path), settings=TextSettings()).frame) == n_fitting - 50


def test_yaml_that_repeats_itself_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 12)]
    path = tmp_path / "space.yaml"
    path.write_text("\n".join([*lines, "data: {source: t.csv, target: *a11}"]), encoding="utf-8")
    with pytest.raises(SpaceError, match="cannot be used"):
        load_space(path)


def test_yaml_that_nests_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text("data: " + "[" * 20_000, encoding="utf-8")
    with pytest.raises(SpaceError, match=r"space\.yaml"):
        load_space(path)
